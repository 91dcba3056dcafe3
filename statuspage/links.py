"""The links in a subscriber's mail. A token is an id and a keyed mark over it; none is stored anywhere."""

import base64
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from statuspage.models import Subscriber

CONFIRM_WITHIN = timedelta(hours=48)
_ID_LENGTH = 12
_MARK_LENGTH = 24


def confirm_url(subscriber: Subscriber) -> str:
    """Good for 48 hours, and only the newest one."""
    return _url(subscriber, "confirm", _token(subscriber, _asked(subscriber)))


def manage_url(subscriber: Subscriber) -> str:
    return _url(subscriber, "manage", manage_token(subscriber))


def unsubscribe_url(subscriber: Subscriber) -> str:
    return _url(subscriber, "u", manage_token(subscriber))


def of_news(subscriber: Subscriber) -> dict[str, str]:
    """Both links of a mail about news, which share one token."""
    token = manage_token(subscriber)
    return {"manage_url": _url(subscriber, "manage", token), "unsubscribe_url": _url(subscriber, "u", token)}


def challenge_of(subscriber: Subscriber) -> str:
    """What a webhook has to repeat; as good as the confirmation that it was sent with."""
    return _mark(subscriber, f"challenge.{_asked(subscriber)}", settings.SECRET_KEY)


def manage_token(subscriber: Subscriber) -> str:
    return _token(subscriber, "manage")


def by_manage_token(token: str) -> Subscriber | None:
    """Whose link to manage and to unsubscribe this is."""
    return _find(token, lambda subscriber: "manage")


def by_confirm_token(token: str, *, at: datetime) -> Subscriber | None:
    """Whose confirmation this is, within 48 hours of asking."""
    subscriber = _find(token, _asked)
    if subscriber is None or subscriber.asked_at is None or subscriber.asked_at + CONFIRM_WITHIN < at:
        return None
    return subscriber


def _asked(subscriber: Subscriber) -> str:
    return f"confirm:{subscriber.asked_at.timestamp() if subscriber.asked_at else ''}"


def _url(subscriber: Subscriber, place: str, token: str) -> str:
    return f"{subscriber.page.url}/{place}/{token}/"


def _token(subscriber: Subscriber, purpose: str) -> str:
    return subscriber.public_id + _mark(subscriber, purpose, settings.SECRET_KEY)


def _find(token: str, purpose_of) -> Subscriber | None:
    subscriber = Subscriber.objects.filter(public_id=token[:_ID_LENGTH]).select_related("page").first()
    if subscriber is None:
        return None
    given = token[_ID_LENGTH:]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    wanted = [_mark(subscriber, purpose_of(subscriber), key) for key in keys]
    return subscriber if any(constant_time_compare(given, one) for one in wanted) else None


def _mark(subscriber: Subscriber, purpose: str, key: str) -> str:
    digest = salted_hmac(
        f"statuspage.{purpose}", subscriber.public_id + subscriber.salt, secret=key, algorithm="sha256"
    ).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_MARK_LENGTH]
