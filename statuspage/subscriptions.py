"""Subscribing, confirming, choosing and leaving.

The answer to a stranger is always the same, whether the address is known or not, and whatever the limits did:
one mail per address in 24 hours, five sign-ups per network in an hour (field/statuspage.md section 3).
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, pgettext

from oncall.messaging import mediums, outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from statuspage import links, public
from statuspage.documents import mail
from statuspage.documents.page import Site
from statuspage.documents.words import joined
from statuspage.models import Component, SignUp, StatusPage, Subscriber

ONE_MAIL_IN = timedelta(hours=24)
NETWORK_WINDOW = timedelta(hours=1)
SIGN_UPS_PER_NETWORK = 5
FORGET_AFTER_LEAVING = timedelta(hours=24)
# Somebody sits in front of the form and waits; a fan-out to thousands does not.
BEFORE_NEWS = 1
# Nobody reads these as a person, and a complaint from one of them costs us the whole list.
ROLES = frozenset({"abuse", "postmaster", "mailer-daemon", "noreply", "no-reply", "hostmaster", "webmaster"})


@dataclass(frozen=True)
class Choice:
    """What somebody wants to hear of. No component chosen means everything."""

    everything: bool = True
    components: tuple[Component, ...] = ()
    incidents: bool = True
    maintenance: bool = True
    postmortems: bool = False


def normalised(address: str) -> str:
    """One plain address in its usual form: lower case, no last dot. Raises ``DomainError("bad_address")``."""
    try:
        address = mediums.by_name("email").check_address(address.strip().rstrip(".")).lower()
    except DomainError:
        sentence = gettext("Enter one plain e-mail address, such as alice@example.com.")
        raise DomainError("bad_address", sentence) from None
    if address.partition("@")[0] in ROLES:
        raise DomainError(
            "bad_address", gettext("Use the address of a person or a team, not a technical one.")
        )
    return address


@transaction.atomic
def subscribe(
    address: str, choice: Choice, *, network: str, at: datetime, page: StatusPage | None = None
) -> None:
    """Somebody types an address: it gets one mail with a link, and nothing else until that is pressed.

    Says nothing about whether the address is known. Raises ``DomainError("bad_address")`` only.
    """
    address = normalised(address)
    page = page or StatusPage.main()
    if not _within_limit(network, at):
        return
    subscriber, fresh = Subscriber.objects.select_for_update().get_or_create(
        page=page, address=address, defaults={"created_at": at}
    )
    if subscriber.state == Subscriber.State.REFUSED:
        return
    if subscriber.asked_at and subscriber.asked_at + ONE_MAIL_IN > at:
        return
    subscriber.asked_at = at
    if subscriber.state == Subscriber.State.ACTIVE:
        subscriber.save()
        with translation.override(page.language):
            _send_manage_link(subscriber, at)
        return
    subscriber.state = Subscriber.State.PENDING
    subscriber.confirmed_at = None
    subscriber.forget_at = at + links.CONFIRM_WITHIN
    choose(subscriber, choice)
    with translation.override(page.language):
        _send_confirmation(subscriber, at)


def _within_limit(network: str, at: datetime) -> bool:
    """Count this sign-up; False when its network has had its share of the hour."""
    mark = salted_hmac("statuspage.network", wide(network), algorithm="sha256").hexdigest()
    recent = SignUp.objects.filter(network=mark, at__gt=at - NETWORK_WINDOW).count()
    if recent >= SIGN_UPS_PER_NETWORK:
        return False
    SignUp.objects.create(network=mark, at=at)
    return True


def wide(network: str) -> str:
    """An IPv6 customer has a whole /64 to write from; it counts as one."""
    try:
        address = ipaddress.ip_address(network)
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def choose(subscriber: Subscriber, choice: Choice) -> Subscriber:
    """Keep what she wants to hear of."""
    leaves = [row for row in choice.components if not row.is_group]
    subscriber.everything = choice.everything or not leaves
    subscriber.incidents = choice.incidents
    subscriber.maintenance = choice.maintenance
    subscriber.postmortems = choice.postmortems
    subscriber.save()
    subscriber.components.set([] if subscriber.everything else leaves)
    return subscriber


@transaction.atomic
def confirm(subscriber: Subscriber, *, at: datetime) -> Subscriber:
    """The person behind the address says yes. Pressing twice changes nothing.

    Raises ``DomainError("not_pending")`` after she has left or refused: that needs a new sign-up.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    if subscriber.state == Subscriber.State.ACTIVE:
        return subscriber
    if subscriber.state != Subscriber.State.PENDING:
        sentence = gettext("This link is used up. Subscribe again if you want the news.")
        raise DomainError("not_pending", sentence)
    subscriber.state = Subscriber.State.ACTIVE
    subscriber.confirmed_at = at
    subscriber.forget_at = None
    subscriber.save()
    return subscriber


@transaction.atomic
def refuse(subscriber: Subscriber, *, at: datetime) -> Subscriber:
    """ "This was not me": the address is never asked again. Only before it was confirmed."""
    subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    if subscriber.state == Subscriber.State.PENDING:
        subscriber.state = Subscriber.State.REFUSED
        subscriber.forget_at = None
        subscriber.save()
        outbox.cancel(recipient=subscriber.recipient, at=at, reason="refused")
    return subscriber


@transaction.atomic
def unsubscribe(subscriber: Subscriber, *, at: datetime) -> Subscriber:
    """She hears nothing more from now on; what was waiting for her is cancelled.

    The row is locked first: a fan-out that holds it finishes, and its mails are cancelled here; one that comes
    later does not see her.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    if subscriber.state in {Subscriber.State.ACTIVE, Subscriber.State.PENDING}:
        subscriber.state = Subscriber.State.UNSUBSCRIBED
        subscriber.unsubscribed_at = at
        subscriber.asked_at = None  # an older confirmation no longer works
        subscriber.forget_at = at + FORGET_AFTER_LEAVING
        subscriber.save()
    outbox.cancel(recipient=subscriber.recipient, at=at, reason="unsubscribed")
    return subscriber


def forget(*, now: Callable[[], datetime]) -> int:
    """Delete the addresses of those who left or never confirmed, and old counts of sign-ups."""
    at = now()
    SignUp.objects.filter(at__lt=at - NETWORK_WINDOW).delete()
    return Subscriber.objects.forgettable(at).delete()[1].get("statuspage.Subscriber", 0)


# -- words and mails -----------------------------------------------------------------------------------------
def subject_of(subscriber: Subscriber, components: Iterable[Component] | None = None) -> str:
    """What she subscribed to: "everything", or the names of the components."""
    everything = pgettext("to subscribe to", "everything")
    if subscriber.everything:
        return everything
    names = sorted(row.name for row in components or subscriber.components.all())
    return joined(names) or everything


def kinds_of(subscriber: Subscriber) -> str:
    """Which news: "incidents and maintenance"."""
    names = {
        pgettext("kind of news", "incidents"): subscriber.incidents,
        pgettext("kind of news", "maintenance"): subscriber.maintenance,
        pgettext("kind of news", "post-mortems"): subscriber.postmortems,
    }
    return joined([name for name, wanted in names.items() if wanted]) or pgettext("kind of news", "nothing")


def _send_confirmation(subscriber: Subscriber, at: datetime) -> None:
    site = _site(subscriber, at)
    body = gettext(
        "Somebody, probably you, asked for news of %(name)s: %(kinds)s of %(what)s. "
        "Nothing comes before you confirm. The link works for 48 hours."
    )
    letter = mail.letter(
        site,
        title=gettext("Confirm your subscription"),
        subject=gettext("Confirm your subscription to %(name)s status") % {"name": site.name},
        body=body % _chosen(subscriber, site),
        button=gettext("Confirm"),
        url=links.confirm_url(subscriber),
        foot=gettext(
            "It was not you? Do nothing, or open the link and press “This was not me”: then we never ask again."
        ),
    )
    _send(subscriber, letter, "confirm", at)


def _send_manage_link(subscriber: Subscriber, at: datetime) -> None:
    site = _site(subscriber, at)
    body = gettext("You receive %(kinds)s of %(what)s. Here you can change that or unsubscribe.")
    foot = gettext("You get this because somebody entered your address at %(url)s.")
    letter = mail.letter(
        site,
        title=gettext("You are subscribed already"),
        subject=gettext("Your subscription to %(name)s status") % {"name": site.name},
        body=body % _chosen(subscriber, site),
        button=gettext("Change what you receive"),
        url=links.manage_url(subscriber),
        foot=foot % {"url": f"{site.url}/subscribe/"},
    )
    _send(subscriber, letter, "manage", at)


def _chosen(subscriber: Subscriber, site: Site) -> dict[str, str]:
    return {"name": site.name, "kinds": kinds_of(subscriber), "what": subject_of(subscriber)}


def _site(subscriber: Subscriber, at: datetime) -> Site:
    return public.frame(subscriber.page, at=at).site


def _send(subscriber: Subscriber, letter: mail.Mail, what: str, at: datetime) -> None:
    message = outbox.compose(
        purpose="confirm", subject=clean_header(letter.subject), text=letter.text, html=letter.html, at=at
    )
    outbox.send(
        message,
        medium="email",
        address=subscriber.address,
        recipient=subscriber.recipient,
        key=f"{what}:{subscriber.public_id}:{at.timestamp():.0f}",
        priority=BEFORE_NEWS,
        at=at,
        expires_at=at + links.CONFIRM_WITHIN,
    )
