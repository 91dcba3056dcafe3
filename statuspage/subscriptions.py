"""Subscribing, confirming, choosing and leaving.

The answer to a stranger is always the same, whether the address is known or not, and whatever the limits did:
one mail per address in 24 hours, and those of ``limits`` (field/statuspage.md section 3).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, pgettext

from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import User
from statuspage import addresses, challenges, limits, links, logbook, public, suppression
from statuspage.documents import mail
from statuspage.documents.page import Site
from statuspage.documents.words import joined
from statuspage.models import Component, Post, SignUp, StatusPage, Subscriber
from statuspage.models.page import ID_ALPHABET, ID_LENGTH

ONE_MAIL_IN = timedelta(hours=24)
#: Who sets up a webhook tries more than once.
ONE_CHALLENGE_IN = timedelta(minutes=5)
FORGET_AFTER_LEAVING = timedelta(hours=24)
# Somebody sits in front of the form and waits; a fan-out to thousands does not.
BEFORE_NEWS = 1
#: Who can leave; a suppressed address leaves too, and stays on the list by its hash.
STILL_HERE = frozenset({"active", "pending", "quarantined", "suppressed", "switched_off"})
#: Whose next sign-up changes nothing: they said no, or mail does not reach them.
_CLOSED = frozenset({"refused", "suppressed", "quarantined"})


@dataclass(frozen=True)
class Choice:
    """What somebody wants to hear of. Neither component nor post chosen means everything.

    A group stands for what it holds, also later; ``posts`` are followed until they are over.
    """

    everything: bool = True
    components: tuple[Component, ...] = ()
    posts: tuple[Post, ...] = ()
    incidents: bool = True
    maintenance: bool = True
    postmortems: bool = False


normalised = addresses.normalised


def subscribe(
    address: str,
    choice: Choice,
    *,
    network: str,
    at: datetime,
    page: StatusPage | None = None,
    channel: str = Subscriber.Channel.EMAIL,
    owner: str = "",
) -> str:
    """Somebody types an address: it gets one message with a link, and nothing else until that is pressed.

    The answer, an id, says nothing about whether the address is known. ``owner`` is whom to tell about a webhook.
    Raises ``DomainError`` (``bad_address``, ``bad_owner``) only. Not in a transaction of the caller's: a name may
    have to be looked up.
    """
    address = addresses.normalised(address, channel)
    owner = addresses.owner_of(owner) if channel == Subscriber.Channel.WEBHOOK else ""
    page = page or StatusPage.main()
    if limits.count(network, channel, address, at=at):
        if channel != Subscriber.Channel.EMAIL:
            addresses.check_reachable(address)
        _ask(page, channel, address, owner, choice, at)
    known = Subscriber.objects.filter(page=page, channel=channel, address=address)
    return known.values_list("public_id", flat=True).first() or public_id_of(page, channel, address)


def public_id_of(page: StatusPage, channel: str, address: str) -> str:
    """The id that a new subscription of this address has; the same before and after, so that it tells nothing."""
    mark = salted_hmac("statuspage.subscriber", f"{page.pk}\n{channel}\n{address}", algorithm="sha256")
    number, letters = int.from_bytes(mark.digest(), "big"), []
    for _place in range(ID_LENGTH):
        number, rest = divmod(number, len(ID_ALPHABET))
        letters.append(ID_ALPHABET[rest])
    return "".join(letters)


@transaction.atomic
def _ask(page: StatusPage, channel: str, address: str, owner: str, choice: Choice, at: datetime) -> None:
    by_mail = channel == Subscriber.Channel.EMAIL
    if by_mail and suppression.is_suppressed(address):
        return
    new = {"created_at": at, "owner": owner, "public_id": public_id_of(page, channel, address)}
    subscriber, _fresh = Subscriber.objects.select_for_update().get_or_create(
        page=page, channel=channel, address=address, defaults=new
    )
    if subscriber.state in _CLOSED:
        return
    if subscriber.asked_at and subscriber.asked_at + (ONE_MAIL_IN if by_mail else ONE_CHALLENGE_IN) > at:
        return
    subscriber.asked_at = at
    if subscriber.state in (Subscriber.State.ACTIVE, Subscriber.State.SWITCHED_OFF):
        subscriber.save()
        with translation.override(page.language):
            _remind(subscriber, at)
        return
    subscriber.state = Subscriber.State.PENDING
    subscriber.owner = owner
    subscriber.confirmed_at = None
    subscriber.forget_at = at + links.CONFIRM_WITHIN
    choose(subscriber, choice)
    logbook.note(subscriber, "Asked to subscribe", at=at)
    with translation.override(page.language):
        _challenge(subscriber, at)


def _challenge(subscriber: Subscriber, at: datetime) -> None:
    if subscriber.is_by_mail:
        _send_confirmation(subscriber, at)
    else:
        challenges.ask(subscriber, what=subject_of(subscriber), at=at)


def _remind(subscriber: Subscriber, at: datetime) -> None:
    if subscriber.is_by_mail:
        _send_manage_link(subscriber, at)
    else:
        challenges.remind(subscriber, what=subject_of(subscriber), at=at)


def ask_to_leave(public_id: str, *, page: StatusPage, network: str, at: datetime) -> None:
    """A program knows only the id: whoever is behind the address gets her own link, and decides.

    At most one such message a day, and within the limits of signing up.
    """
    found = Subscriber.objects.active().filter(page=page, public_id=public_id).first()
    if found is None or not limits.count(network, Subscriber.Channel.EMAIL, "", at=at):
        return
    with transaction.atomic(), translation.override(page.language):
        subscriber = Subscriber.objects.select_for_update().get(pk=found.pk)
        if subscriber.asked_at and subscriber.asked_at + ONE_MAIL_IN > at:
            return
        subscriber.asked_at = at
        subscriber.save()
        _remind(subscriber, at)


def choose(subscriber: Subscriber, choice: Choice) -> Subscriber:
    """Keep what she wants to hear of."""
    subscriber.everything = choice.everything or not (choice.components or choice.posts)
    subscriber.incidents = choice.incidents
    subscriber.maintenance = choice.maintenance
    subscriber.postmortems = choice.postmortems
    subscriber.save()
    subscriber.components.set([] if subscriber.everything else choice.components)
    subscriber.posts.set([] if subscriber.everything else choice.posts)
    return subscriber


@transaction.atomic
def change(subscriber: Subscriber, choice: Choice, *, at: datetime) -> Subscriber:
    """She chooses anew what she hears of."""
    subscriber = choose(Subscriber.objects.select_for_update().get(pk=subscriber.pk), choice)
    with translation.override("en"):  # the log is read in the console
        logbook.note(subscriber, f"Chose {kinds_of(subscriber)} of {subject_of(subscriber)}", at=at)
    return subscriber


@transaction.atomic
def confirm(subscriber: Subscriber, *, at: datetime, how: str = "Confirmed by the link") -> Subscriber:
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
    logbook.note(subscriber, how, at=at)
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
        logbook.note(subscriber, "Refused: “This was not me”", at=at)
    return subscriber


@transaction.atomic
def unsubscribe(
    subscriber: Subscriber, *, at: datetime, by: User | None = None, how: str = "Left"
) -> Subscriber:
    """She hears nothing more from now on; what was waiting for her is cancelled.

    The row is locked first: a fan-out that holds it finishes, and its mails are cancelled here; one that comes
    later does not see her.
    """
    subscriber = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
    if subscriber.state in STILL_HERE:
        logbook.note(subscriber, how, by=by, at=at)
        subscriber.state = Subscriber.State.UNSUBSCRIBED
        subscriber.unsubscribed_at = at
        subscriber.asked_at = None  # an older confirmation no longer works
        subscriber.forget_at = at + FORGET_AFTER_LEAVING
        subscriber.held_until = None
        subscriber.save()
    outbox.cancel(recipient=subscriber.recipient, at=at, reason="unsubscribed")
    return subscriber


def forget(*, now: Callable[[], datetime]) -> int:
    """Delete the addresses of those who left or never confirmed, and old counts of sign-ups."""
    at = now()
    SignUp.objects.filter(at__lt=at - limits.WINDOW).delete()
    return Subscriber.objects.forgettable(at).delete()[1].get("statuspage.Subscriber", 0)


# -- words and mails -----------------------------------------------------------------------------------------
def subject_of(subscriber: Subscriber, components: Iterable[Component] | None = None) -> str:
    """What she subscribed to: "everything", the names of the components, or of the posts that she follows."""
    everything = pgettext("to subscribe to", "everything")
    if subscriber.everything:
        return everything
    names = sorted(row.name for row in components or subscriber.components.all())
    quoted = pgettext("the title of an incident", "“%(name)s”")
    names += sorted(quoted % {"name": row.name} for row in subscriber.posts.all())
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
