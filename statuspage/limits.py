"""How many sign-ups are worked in an hour. Beyond that the answer stays the same and nothing is sent."""

import ipaddress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.utils.crypto import salted_hmac

from statuspage.models import SignUp, Subscriber

WINDOW = timedelta(hours=1)
PER_NETWORK = 5
#: A webhook's host is sent so many challenges; the chat services' are everybody's.
PER_HOST = 5
OVERALL = 2_000


def count(network: str, channel: str, address: str, *, at: datetime) -> bool:
    """Count this sign-up; False when its network, the host it would reach, or everybody had their share.

    What is over a limit costs one query and is not counted, so that a flood fills no table.
    """
    recent = SignUp.objects.filter(at__gt=at - WINDOW)
    marks = [hashed("network", wide(network))]
    if recent.filter(network=marks[0]).count() >= PER_NETWORK or recent.count() >= OVERALL:
        return False
    if channel == Subscriber.Channel.WEBHOOK:
        marks.append(hashed("host", urlsplit(address).hostname or ""))
        if recent.filter(network=marks[1]).count() >= PER_HOST:
            return False
    SignUp.objects.bulk_create(SignUp(network=mark, at=at) for mark in marks)
    return True


def hashed(what: str, value: str) -> str:
    """A name for something that is not kept itself."""
    return salted_hmac(f"statuspage.{what}", value, algorithm="sha256").hexdigest()


def wide(network: str) -> str:
    """An IPv6 customer has a whole /64 to write from; it counts as one."""
    try:
        address = ipaddress.ip_address(network)
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
