"""How to reach a person: rules, verified contacts, and what is missing (field/oncall.md rule 15)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, prefetch_related_objects

from oncall import quiet
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import MEDIUMS, PERSONAL, by_name, missing
from oncall.messaging.render import clean_header
from oncall.models import ContactMethod, NotificationRule, Urgency, User

INBOX = "inbox"
MOST = 20


@dataclass(frozen=True)
class Way:
    """One message to make for a page: where to, how long after, and ``key``, its name among the person's ways.

    ``fallback`` is empty for a rule of hers, else the sentence that says why another way was taken. ``held_until``
    is the end of her quiet hours where they put it off; ``after`` counts up to it then.
    """

    key: str
    name: str
    medium: str
    address: str
    after: timedelta = timedelta()
    fallback: str = ""
    held_until: datetime | None = None


def load(people: Iterable[User]) -> None:
    """Fetch the contacts and rules of many people in two queries."""
    rules = Prefetch("rules", NotificationRule.objects.select_related("contact"))
    prefetch_related_objects(list(people), "contacts", rules)


def is_usable(contact: ContactMethod) -> bool:
    """Whether a page may go there: verified, on a medium that is set up, with an address the medium takes."""
    return not fault(contact)


def fault(contact: ContactMethod) -> str:
    """Why no page may go there, continuing its name; empty: one may."""
    if contact.medium not in MEDIUMS:
        return f"uses {contact.medium}, which this portal does not have"
    if contact.verified_at is None:
        return "is not verified"
    if unset := missing(contact.medium):
        return f"cannot be used. {unset.rstrip('.')}"
    try:
        by_name(contact.medium).check_address(contact.address)
    except DomainError as error:
        return f"has an address that cannot be used. {error.detail.rstrip('.')}"
    return ""


def ways(user: User, urgency: str) -> list[Way]:
    """The ways a page of this urgency takes to a person, soonest first; empty: she cannot be reached.

    Her rules; without a usable one every verified contact at once; without any the account's own e-mail address.
    """
    rules = [r for r in user.rules.all() if r.urgency == urgency and is_usable(r.contact)]
    if rules:
        rules.sort(key=lambda rule: (rule.after, rule.pk))
        return [_by_rule(rule) for rule in rules]
    contacts = [contact for contact in user.contacts.all() if is_usable(contact)]
    if contacts:
        why = f"{user} has no usable rule for {Urgency(urgency).label.lower()} urgency: every contact is used"
        return [
            Way(f"contact-{contact.pk}", contact.name, contact.medium, contact.address, fallback=why)
            for contact in contacts
        ]
    why = f"{user} has no verified contact: the account's e-mail address is used"
    return [_account(user, why)] if _takes_mail(user.email) else []


def last_ways(user: User, *, tried: Iterable[str]) -> list[Way]:
    """What is left when every way of hers has failed: her e-mail addresses that were not tried, else the inbox."""
    why = f"No message reached {user}: e-mail is used"
    mails = {
        contact.address: Way(f"contact-{contact.pk}", contact.name, "email", contact.address, fallback=why)
        for contact in user.contacts.all()
        if contact.medium == "email" and is_usable(contact)
    }
    if _takes_mail(user.email):
        mails.setdefault(user.email, _account(user, why))
    tried = {address.lower() for address in tried}
    left = [way for address, way in mails.items() if address.lower() not in tried]
    return left or [inbox(user, f"No message reached {user}: it is kept in the inbox")]


def inbox(user: User, why: str) -> Way:
    """The last way of all. It is there when she signs in, and wakes nobody."""
    return Way(INBOX, INBOX, INBOX, user.username, fallback=why)


def hold(user: User, found: list[Way], *, urgency: str, at: datetime) -> list[Way]:
    """The same ways, of which a page of low urgency takes none before her quiet hours are over."""
    if urgency != Urgency.LOW:
        return found
    zone = ZoneInfo(user.time_zone)
    ends = [quiet.held_until(at + way.after, user.quiet_from, user.quiet_to, zone) for way in found]
    return [
        replace(way, after=end - at, held_until=end) if end else way
        for way, end in zip(found, ends, strict=True)
    ]


def readiness(user: User) -> list[str]:
    """What keeps a person from being reached as she should be, one sentence each; empty: nothing."""
    faults = []
    for urgency in Urgency:
        found = ways(user, urgency)
        if not found:
            return [f"{user} cannot be reached at all: no verified contact and no e-mail address"]
        if found[0].fallback:
            faults.append(found[0].fallback)
        elif found[0].after > timedelta() and urgency == Urgency.HIGH:
            minutes = found[0].after / timedelta(minutes=1)
            faults.append(f"{user} is first told {minutes:g} min after a high-urgency page")
    unverified = [contact.name for contact in user.contacts.all() if contact.verified_at is None]
    if unverified:
        faults.append(f"Not verified: {', '.join(unverified)}")
    verified = [contact for contact in user.contacts.all() if contact.verified_at]
    faults += [f"{contact.name} {why}" for contact in verified if (why := fault(contact))]
    return list(dict.fromkeys(faults))


def is_proven(user: User) -> bool:
    """Whether a page may go to an address that the person has said is hers, and not to the account's alone."""
    return any(is_usable(contact) for contact in user.contacts.all())


def add(user: User, *, name: str, medium: str, address: str, by: User | None, at: datetime) -> ContactMethod:
    """Note an address of a person's. No page goes there before it is verified.

    The account's own e-mail address, which an administrator entered, is. Raises ``DomainError``: ``name``,
    ``medium``, ``bad_address``, ``too_many``.
    """
    if medium not in PERSONAL:
        raise DomainError("medium", f"Choose one of {', '.join(PERSONAL)}.")
    if unset := missing(medium):
        raise DomainError("medium", f"{unset} Ask an administrator of the portal.")
    if user.contacts.count() >= MOST:
        raise DomainError("too_many", f"There are {MOST} contacts already. Remove one first.")
    contact = ContactMethod(user=user, medium=medium, address=by_name(medium).check_address(address))
    contact.name = _free_name(contact, name)
    own = medium == "email" and contact.address.lower() == user.email.lower()
    contact.verified_at = at if own else None
    return _save(contact, by)


def change(
    contact: ContactMethod, *, name: str, address: str, by: User | None, at: datetime
) -> ContactMethod:
    """Call it something else or give it another address, which has to be verified anew. Its rules stay.

    Raises ``DomainError``: ``name``, ``bad_address``.
    """
    contact.name = _free_name(contact, name)
    address = by_name(contact.medium).check_address(address)
    if address != contact.address:
        contact.address, contact.verified_at = address, None
    return _save(contact, by)


def remove(contact: ContactMethod, *, by: User | None, at: datetime) -> None:
    """Forget an address, and with it the rules that use it."""
    for row in [*contact.rules.all(), contact]:
        row._history_user = by
        row.delete()


def give_defaults(user: User, *, by: User | None, at: datetime) -> User:
    """A new person is told by e-mail at once, whatever the urgency, until she chooses otherwise.

    Nothing changes for who has a contact, or an account without an address.
    """
    if not _takes_mail(user.email) or user.contacts.exists():
        return user
    mail = add(user, name="mail", medium="email", address=user.email, by=by, at=at)
    for urgency in Urgency:
        rule = NotificationRule(user=user, urgency=urgency, after=timedelta(), contact=mail)
        rule._history_user = by
        rule.save()
    return user


def follow_account(user: User, *, before: str, by: User | None, at: datetime) -> None:
    """The account's e-mail address was changed: contacts with the old one get the new one."""
    if not before or before == user.email or not _takes_mail(user.email):
        return
    for contact in user.contacts.filter(medium="email", address__iexact=before):
        contact.address = by_name("email").check_address(user.email)
        _save(contact, by)


def verify(contact: ContactMethod, *, by: User | None, at: datetime) -> ContactMethod:
    """Say that an address is the person's own; from now on pages may go there. Again: nothing changes."""
    if contact.verified_at is None:
        contact.address = by_name(contact.medium).check_address(contact.address)
        contact.verified_at = at
        _save(contact, by)
    return contact


def _free_name(contact: ContactMethod, name: str) -> str:
    name = clean_header(name, limit=50)
    if not name:
        raise DomainError("name", "Give it a name, such as phone.")
    if contact.user.contacts.exclude(pk=contact.pk).filter(name=name).exists():
        raise DomainError("name", f"There is a contact called {name!r} already. Choose another name.")
    return name


def _save(contact: ContactMethod, by: User | None) -> ContactMethod:
    contact._history_user = by
    contact.save()
    return contact


def _account(user: User, why: str) -> Way:
    return Way("account", "account", "email", user.email, fallback=why)


def _by_rule(rule: NotificationRule) -> Way:
    contact = rule.contact
    return Way(f"rule-{rule.pk}", contact.name, contact.medium, contact.address, rule.after)


def _takes_mail(address: str) -> bool:
    if not address:
        return False
    try:
        by_name("email").check_address(address)
    except DomainError:
        return False
    return True
