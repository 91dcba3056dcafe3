"""Mails to people about their own duty: short, plain, their clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from oncall.messaging import outbox
from oncall.models import User


def write(user: User, *, subject: str, text: str, path: str = "", key: str, topic: str, at: datetime) -> bool:
    """Mail a person whose account has an address; whether it was new. ``key`` makes it once.

    ``path`` is the portal's page that the mail leads to. What people wrote into ``subject`` or ``text`` is no
    placeholder.
    """
    if not user.email or not user.is_active:
        return False
    link = f"\n\n{settings.PUBLIC_URL}{path}" if path else ""
    message = outbox.compose(purpose="notice", subject=_inert(subject), text=f"{_inert(text)}{link}\n", at=at)
    sent = outbox.send(
        message,
        medium="email",
        address=user.email,
        recipient=user.username,
        topic=topic,
        key=key,
        at=at,
    )
    return sent is not None


def moment(at: datetime, user: User) -> str:
    """``Mon 9 Mar 09:00``, on her clock."""
    there = at.astimezone(ZoneInfo(user.time_zone))
    return f"{there:%a} {there.day} {there:%b %H:%M}"


def span(start: datetime, end: datetime, user: User) -> str:
    """``Mon 9 Mar 09:00 to Tue 10 Mar 09:00 (Berlin)``, on her clock."""
    city = user.time_zone.rsplit("/", 1)[-1].replace("_", " ")
    return f"{moment(start, user)} to {moment(end, user)} ({city})"


def _inert(text: str) -> str:
    return text.replace("{{", "{ {")
