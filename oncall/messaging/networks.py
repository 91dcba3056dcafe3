"""Which IP addresses lie in the public internet. Pure.

``ipaddress.is_private`` is no guard: it misses several of these ranges, among them two cloud metadata addresses
(192.0.0.192 of Oracle, 168.63.129.16 of Azure). Source: IANA's special-purpose address registries and
field/reliability.md section 4.5.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_CLOSED_V4 = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
    )
]
_OPEN_V6 = ip_network("2000::/3")
_CLOSED_V6 = [ip_network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


def is_public(ip: Address) -> bool:
    """Whether everybody's packets reach this address, judged by the IPv4 address inside it if there is one."""
    ip = unwrapped(ip)
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _CLOSED_V4)
    return ip in _OPEN_V6 and not any(ip in network for network in _CLOSED_V6)


def unwrapped(ip: Address) -> Address:
    """The IPv4 address inside a mapped or NAT64 one. 6to4 (2002::/16) is closed whatever it wraps."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def is_within(ip: Address, networks: list[str]) -> bool:
    """Whether the address lies in one of ``networks``; an entry that is a host name is passed over."""
    return any(
        candidate in network
        for network in map(_network, networks)
        if network
        for candidate in (ip, unwrapped(ip))
    )


def _network(entry: str):
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def as_address(host: str) -> Address | None:
    """The address that a host is written as, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None
