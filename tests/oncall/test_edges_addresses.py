"""Addresses as many people may see them."""

import pytest

from oncall.edges.addresses import masked, shown_to


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


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("medium", "address", "to_bob"),
    [
        ("email", "alice@example.com", "alice@example.com"),
        ("slack", "U024BE7LH", "U024BE7LH"),
        ("ntfy", "muster-alice-8fQ2xL7w", "mus…"),
        ("teams", "https://x.example.com/workflows/1?sig=secret", "x.example.com"),
        ("apprise", "discord://1/secret", "discord://…"),
    ],
)
def test_an_address_that_is_a_secret_is_its_owners(alice, bob, root, medium, address, to_bob):
    seen = {
        viewer: shown_to(viewer, medium=medium, address=address, owner="alice")
        for viewer in (alice, bob, root)
    }

    assert seen == {alice: address, bob: to_bob, root: address}
