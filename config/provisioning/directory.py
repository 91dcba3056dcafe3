"""Sections ``users``, ``teams`` and ``services``."""

from datetime import time

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from config.provisioning.reading import Item, refuse_twice
from config.provisioning.run import Run
from oncall import paging
from oncall.messaging import mediums
from oncall.messaging.errors import DomainError
from oncall.models import ContactMethod, EscalationPolicy, Service, Team, Urgency, User

LONGEST_TEXT = 50_000


def user(run: Run, item: Item) -> None:
    """A person with groups, contacts (verified, since an operator wrote them) and rules."""
    username = item.username()
    what = f"user {username}"
    known = User.objects.filter(username=username).first()
    first, last = _divided(item.text("name", username, most=301), known)
    values = {
        "first_name": first,
        "last_name": last,
        "email": item.text("email", "", most=254),
        "time_zone": item.text("time_zone", "UTC"),
    }
    groups = [
        run.find(Group, name, line=line, what="group", by="name") for name, line in item.names("groups")
    ]
    if groups or "staff" in item.value:
        values["is_staff"] = item.flag("staff", True)
    if "active" in item.value:  # else whoever was sent away in the portal stays away
        values["is_active"] = item.flag("active", True)
    if known is None:
        values["password"] = "!"  # noqa: S105 (unusable until one is set)
    if "quiet_hours" in item.value:  # else whatever she chose herself stays
        values |= _quiet_hours(item)
    row = run.write(item, User, {"username": username}, values, what=what)
    run.assign(row, "groups", groups, what=what)
    _contacts(run, item, row, what)
    item.done()


def _quiet_hours(item: Item) -> dict[str, time | None]:
    """``{from: "22:00", to: "07:00"}``; null: none."""
    value = item.get("quiet_hours")
    if value is None:
        return {"quiet_from": None, "quiet_to": None}
    hours = Item(value, item.value.lines["quiet_hours"], "quiet_hours")
    found = {f"quiet_{key}": hours.time_of_day(key) for key in ("from", "to")}
    hours.done()
    return found


def _divided(name: str, known: User | None) -> tuple[str, str]:
    """First and last name; as they are where only the place of the blank between them is in question."""
    if known and known.get_full_name() == name:
        return known.first_name, known.last_name
    first, _, last = name.partition(" ")
    return first, last


def _contacts(run: Run, item: Item, person: User, what: str) -> None:
    wanted = item.items("contacts", "A contact")
    refuse_twice(wanted, "name", what="contact")
    names = set()
    for contact in wanted:
        name = contact.text("name", most=50)
        medium = contact.choice("medium", "email", mediums.PERSONAL)
        try:
            address = mediums.by_name(medium).check_address(contact.text("address", most=1000))
        except DomainError as error:
            raise contact.fault(error.detail, "address") from None
        trusted = contact.flag("verified", True)
        contact.done()
        names.add(name)
        lookup = {"user": person, "name": name}
        known = ContactMethod.objects.filter(**lookup).first()
        verified = known.verified_at if known and known.address == address else None
        verified = verified or (run.at if trusted else None)
        values = {"medium": medium, "address": address, "verified_at": verified}
        run.write(contact, ContactMethod, lookup, values, what=f"contact {name} of {person.username}")
    _rules(run, item, person, what)
    for stale in person.contacts.exclude(name__in=names) if wanted else []:
        run.note("remove", f"contact {stale.name} of {person.username}")
        stale.delete()


def _rules(run: Run, item: Item, person: User, what: str) -> None:
    value = item.get("rules")
    if value is None:
        return
    rules = Item(value, item.value.lines["rules"], "rules")
    wanted = []
    for urgency in Urgency.values:
        for rule in rules.items(urgency, "A rule"):
            name = rule.text("contact")
            contact = person.contacts.filter(name=name).first()
            if contact is None:
                raise rule.fault(f"{person.username} has no contact called {name!r}.", "contact")
            wanted.append({"urgency": urgency, "after": rule.duration("after", "0s"), "contact": contact})
            rule.done()
    rules.done()
    wanted.sort(key=lambda rule: (rule["urgency"], rule["after"]))
    run.rewrite(rules, person, "rules", wanted, what=what)


def team(run: Run, item: Item) -> None:
    """A team with members and admins."""
    slug = item.slug()
    what = f"team {slug}"
    row = run.write(item, Team, {"slug": slug}, {"name": item.text("name", slug)}, what=what)
    for name in ("members", "admins"):
        people = [
            run.find(User, who, line=line, what="user", by="username") for who, line in item.names(name)
        ]
        run.assign(row, name, people, what=what)
    item.done()


def service(run: Run, item: Item) -> None:
    """A service with its team, policy and runbooks."""
    slug = item.slug()
    what = f"service {slug}"
    team_slug, policy_slug = item.name("team"), item.name("policy")
    line = item.value.lines.get
    values = {
        "name": item.text("name", slug),
        "description": item.text("description", "", most=LONGEST_TEXT),
        "team": team_slug and run.find(Team, team_slug, line=line("team", item.line), what="team"),
        "policy": policy_slug
        and run.find(EscalationPolicy, policy_slug, line=line("policy", item.line), what="policy"),
        "audience": item.choice("audience", "external", Service.Audience.values),
        "critical": item.flag("critical", False),
    }
    row = run.write(item, Service, {"slug": slug}, values, what=what)
    if run.changes and run.changes[-1].what == what and "policy" in run.changes[-1].fields:
        paging.follow_service(row, by=run.by, at=run.at)
    runbooks, books = [], item.items("runbooks", "A runbook")
    refuse_twice(books, "url", what="runbook")
    for book in books:
        runbooks.append({"title": book.text("title"), "url": book.text("url", most=1000)})
        try:
            URLValidator(schemes=["http", "https"])(runbooks[-1]["url"])
        except ValidationError:
            raise book.fault("'url' must be an http or https address.", "url") from None
        book.done()
    run.rewrite(item, row, "runbooks", runbooks, what=what)
    item.done()
