"""Addresses that strangers type, in their usual form: one form of one address, so that it is subscribed once."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext

from oncall.messaging import egress, mediums
from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.networks import as_address, is_within
from statuspage.models import StatusPage, Subscriber

Channel = Subscriber.Channel
# Nobody reads these as a person, and a complaint from one of them costs us the whole list.
ROLES = frozenset({"abuse", "postmaster", "mailer-daemon", "noreply", "no-reply", "hostmaster", "webmaster"})
#: Where the chat services take webhooks. A host in EGRESS_ALLOW may speak the same form.
_HOSTS = {
    Channel.SLACK: ("hooks.slack.com", "hooks.slack-gov.com"),
    Channel.TEAMS: (".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com"),
}
LONGEST = 1000


def normalised(address: str, channel: str = Channel.EMAIL, *, ours: frozenset[str] | None = None) -> str:
    """The address in its usual form; ``ours`` are ``own_hosts()``, for who asks often.

    Raises ``DomainError("bad_address")``.
    """
    ours = own_hosts() if ours is None else ours
    return mail_address(address, ours) if channel == Channel.EMAIL else _endpoint(address, channel, ours)


def mail_address(address: str, ours: frozenset[str]) -> str:
    """One plain address: lower case, no last dot, neither a technical one nor our own."""
    address = address.strip().rstrip(".")
    if not address.isprintable():  # half a character from JSON, which no database stores
        raise _no_address()
    try:
        address = mediums.by_name("email").check_address(address).lower()
    except DomainError:
        raise _no_address() from None
    local, _at, domain = address.partition("@")
    if local in ROLES:
        raise DomainError(
            "bad_address", gettext("Use the address of a person or a team, not a technical one.")
        )
    if domain in ours or address == _plain(settings.DEFAULT_FROM_EMAIL):
        raise DomainError("bad_address", gettext("This is our own address. Use one of yours."))
    return address


def owner_of(address: str, *, ours: frozenset[str] | None = None) -> str:
    """The mail address of a webhook's owner. Raises ``DomainError("bad_owner")``."""
    try:
        return normalised(address, ours=ours)
    except DomainError as refusal:
        raise DomainError("bad_owner", refusal.detail) from None


def _no_address() -> DomainError:
    return DomainError("bad_address", gettext("Enter one plain e-mail address, such as alice@example.com."))


def _plain(sender: str) -> str:
    return sender.rpartition("<")[2].rstrip("> ").lower()


def own_hosts() -> frozenset[str]:
    """The portal's host, and those of its pages."""
    hosts = StatusPage.objects.exclude(host="").values_list("host", flat=True)
    return frozenset([(urlsplit(settings.PUBLIC_URL).hostname or "").lower(), *hosts])


def _endpoint(address: str, channel: str, ours: frozenset[str]) -> str:
    try:
        target = egress.parse(address.strip())
    except DeliveryError:
        raise unreachable() from None
    allowed = is_allowed(target.host)
    if len(target.url) > LONGEST or target.host in ours:
        raise unreachable()
    if target.scheme != "https" and not allowed:
        raise unreachable()
    if channel in _HOSTS and not allowed and not _is_at(target.host, _HOSTS[channel]):
        label = Channel(channel).label
        raise DomainError(
            "bad_address",
            gettext("This is not an incoming webhook of %(service)s. Copy the whole address from there.")
            % {"service": label},
        )
    return target.url


def is_allowed(host: str) -> bool:
    """Whether the operator permits this host although it may be private, or speaks another's form."""
    address = as_address(host)
    if address is not None:
        return is_within(address, settings.EGRESS_ALLOW)
    return host in {entry.lower().rstrip(".") for entry in settings.EGRESS_ALLOW}


def _is_at(host: str, places: tuple[str, ...]) -> bool:
    return any(host == place or (place.startswith(".") and host.endswith(place)) for place in places)


def check_reachable(address: str) -> None:
    """Look the name up: it must lead into the public internet. Not within a transaction: it may take seconds.

    Raises ``DomainError("bad_address")``, the same for whatever is wrong: strangers learn nothing of our network.
    """
    try:
        egress.vetted(egress.parse(address))
    except DeliveryError:
        raise unreachable() from None


def unreachable() -> DomainError:
    """The refusal of an address that we will not call."""
    return DomainError("bad_address", gettext("Use an https:// address that is reachable from the internet."))
