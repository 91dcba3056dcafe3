"""Whether an address is the person's own: a code goes there, and she enters it in the portal.

Six digits, good for ten minutes and five tries. How often somebody may ask, and how often an address may be sent
one, is limited, so that nobody's telephone can be made to ring by somebody else.
"""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.crypto import constant_time_compare, salted_hmac

from oncall import contacts
from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import by_name, missing
from oncall.messaging.mediums.phone import spelt
from oncall.messaging.models import Delivery, Message
from oncall.models import ContactCheck, ContactMethod, User

LIFETIME = timedelta(minutes=10)
TRIES = 5
HOUR = timedelta(hours=1)
PER_PERSON, PER_ADDRESS = 6, 3
#: After pages, before everything else.
PRIORITY = 8


@transaction.atomic
def send_code(contact: ContactMethod, *, by: User | None, at: datetime) -> ContactCheck:
    """Send a new code to the contact's address; codes sent before are worth nothing from now on.

    Raises ``DomainError``: ``verified``, ``not_set_up``, ``bad_address``, ``too_many_codes``.
    """
    if contact.verified_at:
        raise DomainError("verified", f"{contact.name} is verified already.")
    if unset := missing(contact.medium):
        raise DomainError("not_set_up", f"{unset} Ask an administrator of the portal.")
    address = by_name(contact.medium).check_address(contact.address)
    # Held until the end, so that two requests at once are counted one after the other.
    user = User.objects.select_for_update().get(pk=contact.user_id)
    _refuse_too_many(user, contact.medium, address, at)
    code = f"{secrets.randbelow(1_000_000):06}"
    ContactCheck.objects.filter(contact=contact, expires_at__gt=at).update(expires_at=at)
    check = ContactCheck.objects.create(
        contact=contact,
        user=user,
        medium=contact.medium,
        address=address,
        code_digest=_digest(contact.medium, address, code),
        sent_at=at,
        expires_at=at + LIFETIME,
    )
    _send(check, code, at)
    return check


def confirm(contact: ContactMethod, code: str, *, by: User | None, at: datetime) -> ContactMethod:
    """Verify the contact with the code that arrived there.

    Every try counts, whatever comes of it. Raises ``DomainError``: ``no_code``, ``too_many_tries`` and
    ``wrong_code``.
    """
    if contact.verified_at:
        return contact
    check = pending(contact, at=at)
    if check is None:
        raise DomainError("no_code", "The code has run out. Send a new one.")
    # Counted by one statement outside of any transaction that a refusal would undo.
    if not ContactCheck.objects.filter(pk=check.pk, tries__lt=TRIES).update(tries=F("tries") + 1):
        raise DomainError("too_many_tries", "Too many wrong codes. Send a new one.")
    digits = "".join(code.split())
    if not constant_time_compare(check.code_digest, _digest(check.medium, check.address, digits)):
        left = TRIES - check.tries - 1
        more = f"{left} {'try is' if left == 1 else 'tries are'} left." if left else "Send a new one."
        raise DomainError("wrong_code", f"That is not the code that was sent. {more}")
    with transaction.atomic():
        ContactCheck.objects.filter(pk=check.pk).update(passed_at=at, expires_at=at)
        return contacts.verify(contact, by=by, at=at)


def pending(contact: ContactMethod, *, at: datetime) -> ContactCheck | None:
    """The code that is waited for; None if there is none, or the address is another one by now."""
    checks = ContactCheck.objects.filter(contact=contact, expires_at__gt=at, medium=contact.medium)
    return checks.filter(address=contact.address).first()


def _refuse_too_many(user: User, medium: str, address: str, at: datetime) -> None:
    """Raises ``DomainError("too_many_codes")``; rows are counted whatever became of their contacts."""
    lately = ContactCheck.objects.filter(sent_at__gt=at - HOUR)
    own, there = lately.filter(user=user), lately.filter(address=address)
    if medium in ("sms", "voice"):
        there = there.filter(medium__in=["sms", "voice"])  # it is one telephone that rings
    for sent, most in ((own, PER_PERSON), (there, PER_ADDRESS)):
        times = list(sent.order_by("-sent_at").values_list("sent_at", flat=True)[:most])
        if len(times) == most:
            minutes = -((at - HOUR - times[-1]) // timedelta(minutes=1))
            raise DomainError("too_many_codes", f"Too many codes were sent. Try again in {minutes} min.")


def _send(check: ContactCheck, code: str, at: datetime) -> Delivery | None:
    return outbox.send(
        _compose(check.medium, at),
        medium=check.medium,
        address=check.address,
        recipient=check.user.username,
        topic=f"verify:{check.user_id}",
        key=f"verify:{check.pk}",
        # Of its own, so that whoever may read deliveries does not read the code.
        values={"code": spelt(code) if check.medium == "voice" else code},
        lane=Delivery.Lane.PAGE,
        priority=PRIORITY,
        at=at,
        expires_at=check.expires_at,
    )


def _compose(medium: str, at: datetime) -> Message:
    text = "{{code}} is your code from Muster. Enter it within 10 minutes, or ignore it if you did not ask for it."
    if medium == "voice":
        text = "This is Muster. Your code is {{code}}. Once more: {{code}}. Enter it within 10 minutes."
    return outbox.compose(purpose="confirm", subject="Your code from Muster", text=text, at=at)


def _digest(medium: str, address: str, code: str) -> str:
    """Keyed with SECRET_KEY: six digits alone could be found by trying."""
    said = f"{medium}\n{address}\n{code}"
    return salted_hmac("oncall.verification", said, algorithm="sha256").hexdigest()
