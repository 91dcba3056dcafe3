from ipaddress import ip_address

import pytest

from oncall.messaging.networks import is_public, is_within


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:5db8:d822::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_is_not_the_public_internet_is_closed(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "93.184.216.34",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "198.17.255.255",
        "223.255.255.255",
        "::ffff:93.184.216.34",
        "64:ff9b::93.184.216.34",
        "2001:200::1",
        "2606:4700::1111",
        "2a00:1450:4001::1",
    ],
)
def test_the_public_internet_is_open(address):
    assert is_public(ip_address(address))


def test_a_permitted_network_holds_its_addresses_however_they_are_wrapped():
    permitted = ["hooks.internal", "10.0.0.0/8", "fd00::/8"]

    assert is_within(ip_address("10.1.2.3"), permitted)
    assert is_within(ip_address("::ffff:10.1.2.3"), permitted)
    assert is_within(ip_address("fd12::1"), permitted)
    assert not is_within(ip_address("11.0.0.1"), permitted)
