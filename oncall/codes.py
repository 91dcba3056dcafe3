"""The right to answer a page by text message: six digits, good for a day, for one number and its verified owner.

Who sent a text message cannot be proved, so the number alone acts for nobody; the code that went to it does. It
may be used more than once: first to acknowledge, later to resolve. Source: field/integrations.md section 7.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils.crypto import salted_hmac

from oncall.models import AnswerCode, ContactMethod, Page, User

LIFETIME = timedelta(hours=24)


def issue(page: Page, user: User, address: str, *, at: datetime, good_from: datetime | None = None) -> str:
    """A new code for one message to ``address``; the digits are returned once.

    No two codes that are good for one number are the same.
    """
    AnswerCode.objects.filter(address=address, expires_at__lte=at).delete()
    taken = set(AnswerCode.objects.filter(address=address).values_list("digest", flat=True))
    while (digest := _digest(address, code := f"{secrets.randbelow(1_000_000):06}")) in taken:
        continue
    AnswerCode.objects.create(
        page=page,
        user=user,
        address=address,
        digest=digest,
        step=page.step,
        loop=page.loop,
        created_at=at,
        expires_at=(good_from or at) + LIFETIME,
    )
    return code


def find(address: str, code: str, *, at: datetime) -> AnswerCode | None:
    """What ``code``, sent from the number ``address``, stands for; None unless the number is its person's own."""
    found = (
        AnswerCode.objects.select_related("page", "user")
        .filter(digest=_digest(address, code), expires_at__gt=at, user__is_active=True)
        .first()
    )
    return found if found and owns(found.user, address) else None


def forget(*, now: Callable[[], datetime]) -> int:
    """Pulse line: drop codes that are over, with the numbers they went to; how many."""
    return AnswerCode.objects.filter(expires_at__lte=now()).delete()[0]


def owns(user: User, address: str) -> bool:
    """Whether text messages to a number go to a person who verified it."""
    return user.contacts.filter(medium="sms", address=address, verified_at__isnull=False).exists()


def owners(address: str) -> bool:
    """Whether anybody verified this number for text messages."""
    known = ContactMethod.objects.filter(medium="sms", address=address, verified_at__isnull=False)
    return known.filter(user__is_active=True).exists()


def _digest(address: str, code: str) -> str:
    return salted_hmac("oncall.codes", f"{address}\n{code}", algorithm="sha256").hexdigest()
