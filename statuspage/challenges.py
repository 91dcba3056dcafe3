"""Asking an endpoint whether it wants to be told, and telling its owner how to change that.

In the language that is active: whoever calls this activates the page's, in which ``what`` is said too.
"""

from datetime import datetime, timedelta

from django.utils.translation import gettext

from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from oncall.messaging.render import clean_header
from statuspage import channels, limits, links, public, suppression
from statuspage.documents import mail
from statuspage.models import Subscriber

#: An endpoint that does not answer is asked a few times within this; its owner can always ask anew.
ASK_FOR = timedelta(minutes=10)
TELL_OWNER_EVERY = timedelta(hours=24)
BEFORE_NEWS = 1


def challenge_key(subscriber: Subscriber) -> str:
    """The delivery that asks, by its idempotency key; another after each sign-up."""
    asked = f"{subscriber.asked_at.timestamp():.0f}" if subscriber.asked_at else ""
    return f"challenge:{subscriber.public_id}:{asked}"


def ask(subscriber: Subscriber, *, what: str, at: datetime) -> None:
    """Send the challenge: to be echoed, or confirmed by opening the link in it."""
    page = public.frame(subscriber.page, at=at)
    message = channels.question(subscriber.channel, page, what=what, at=at)
    values = {
        "confirm_url": links.confirm_url(subscriber),
        "challenge": links.challenge_of(subscriber),
    }
    _send(subscriber, message, challenge_key(subscriber), values, at, at + ASK_FOR)


def remind(subscriber: Subscriber, *, what: str, at: datetime) -> None:
    """It is subscribed already: a channel is shown the link to manage, a webhook's owner is mailed it."""
    if subscriber.channel == Subscriber.Channel.WEBHOOK:
        tell_owner_of_link(subscriber, what=what, at=at)
        return
    page = public.frame(subscriber.page, at=at)
    message = channels.subscribed_already(subscriber.channel, page, what=what, at=at)
    key = f"manage:{subscriber.public_id}:{at.timestamp():.0f}"
    _send(subscriber, message, key, {}, at, at + timedelta(hours=1))


def _send(
    subscriber: Subscriber, message, key: str, values: dict, at: datetime, expires_at: datetime
) -> None:
    one = channels.to(subscriber, key=key, **values)
    outbox.send(
        message,
        medium=channels.MEDIUM[subscriber.channel],
        address=one.address,
        recipient=one.recipient,
        key=key,
        values=one.values,
        priority=BEFORE_NEWS,
        at=at,
        expires_at=expires_at,
    )


def tell_owner_of_link(subscriber: Subscriber, *, what: str, at: datetime) -> None:
    """Mail the owner of a webhook where it is managed, at most one such mail a day to one address."""
    since = at - TELL_OWNER_EVERY
    if Delivery.objects.filter(recipient=_owner(subscriber), created_at__gt=since).exists():
        return
    site = public.frame(subscriber.page, at=at).site
    letter = mail.letter(
        site,
        title=gettext("A webhook of yours is subscribed"),
        subject=gettext("Your webhook and %(site)s status") % {"site": site.name},
        body=gettext(
            "%(endpoint)s receives %(what)s. Here you see its secret, change what it receives, or unsubscribe it."
        )
        % {"endpoint": subscriber.shown, "what": what},
        button=gettext("Manage the webhook"),
        url=links.manage_url(subscriber),
        foot=_foot(site),
    )
    _mail(subscriber, letter, f"owner:{subscriber.public_id}:{at.timestamp():.0f}", at)


def tell_owner_of_end(subscriber: Subscriber, *, reason: str, at: datetime) -> None:
    """Mail the owner that a webhook is switched off, and how to switch it on."""
    site = public.frame(subscriber.page, at=at).site
    letter = mail.letter(
        site,
        title=gettext("Your webhook is switched off"),
        subject=gettext("Your webhook for %(site)s status is switched off") % {"site": site.name},
        body=gettext(
            "%(endpoint)s has not taken our messages for days (%(reason)s), so nothing more is sent to it. "
            "When it works again, switch it on with the button."
        )
        % {"endpoint": subscriber.shown, "reason": reason.rstrip(".")},
        button=gettext("Look at the webhook"),
        url=links.manage_url(subscriber),
        foot=_foot(site),
    )
    _mail(subscriber, letter, f"off:{subscriber.public_id}:{at.timestamp():.0f}", at)


def _foot(site) -> str:
    return gettext("You get this because a webhook names you as its owner at %(url)s/subscribe/webhook/.") % {
        "url": site.url
    }


def _owner(subscriber: Subscriber) -> str:
    """The outbox's name for an owner: several webhooks may have the same."""
    return f"owner:{limits.hashed('owner', subscriber.owner)[:24]}"


def _mail(subscriber: Subscriber, letter: mail.Mail, key: str, at: datetime) -> None:
    if not subscriber.owner or suppression.is_suppressed(subscriber.owner):
        return
    message = outbox.compose(
        purpose="confirm", subject=clean_header(letter.subject), text=letter.text, html=letter.html, at=at
    )
    outbox.send(
        message,
        medium="email",
        address=subscriber.owner,
        recipient=_owner(subscriber),
        key=key,
        priority=BEFORE_NEWS,
        at=at,
        expires_at=at + links.CONFIRM_WITHIN,
    )
