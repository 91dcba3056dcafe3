"""How to reach a person: rules, verified contacts, and what is missing (field/oncall.md rule 15)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import prefetch_related_objects

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import MEDIUMS, by_name, missing
from oncall.models import ContactMethod, Urgency, User


@dataclass(frozen=True)
class Way:
    """One message to make for a page: where to, how long after, and ``key``, its name among the person's ways.

    ``fallback`` is empty for a rule of hers, else the sentence that says why another way was taken.
    """

    key: str
    name: str
    medium: str
    address: str
    after: timedelta = timedelta()
    fallback: str = ""


def load(people: Iterable[User]) -> None:
    """Fetch the contacts and rules of many people in three queries."""
    prefetch_related_objects(list(people), "contacts", "rules__contact")


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
    if _takes_mail(user.email):
        why = f"{user} has no verified contact: the account's e-mail address is used"
        return [Way("account", "account", "email", user.email, fallback=why)]
    return []


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


def verify(contact: ContactMethod, *, by: User | None, at: datetime) -> ContactMethod:
    """Say that an address is the person's own; from now on pages may go there. Again: nothing changes."""
    if contact.verified_at is None:
        contact.address = by_name(contact.medium).check_address(contact.address)
        contact.verified_at = at
        contact.save()
    return contact


def _by_rule(rule) -> Way:
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
