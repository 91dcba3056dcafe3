"""Addresses as many people may see them."""

import pytest

from oncall.edges.addresses import masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("t.vega@example.com", "t.vega@…"),
        ("+4915112340142", "+4 ••• 0142"),
        ("https://hooks.example.com/T0/secret", "hooks.example.com"),
        ("https://user:secret@hooks.example.com/x", "hooks.example.com"),
        ("pbul://secret-token", "pbul://…"),
        ("json://user:secret@host/x", "json://…"),
        ("U024BE7LH", "U024BE7LH"),
        ("@alice:example.org", "@alice:example.org"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address, shown):
    assert masked(address) == shown
