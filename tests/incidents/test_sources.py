from datetime import UTC, datetime

import pytest

from incidents import sources
from incidents.models import AlertSource, SourceKey
from oncall.messaging.errors import DomainError
from oncall.models import User

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return User.objects.create(username="alice")


@pytest.fixture
def prom(alice):
    return sources.create(slug="prom", name="Prometheus", dialect="alertmanager", key=KEY, by=alice, at=AT)[0]


def refused(verb, *given, **named):
    with pytest.raises(DomainError) as error:
        verb(*given, **named, by=None, at=AT)
    return error.value.code


def test_the_key_is_said_once_and_kept_as_a_digest():
    source, key = sources.create(slug="a", name="A", dialect="json", by=None, at=AT)

    kept = SourceKey.objects.get()
    assert sources.authenticate(key) == source
    assert key not in str(vars(kept))
    assert kept.hint == key[:4]


def test_two_keys_live_while_a_tool_is_changed_over(prom, alice):
    new = sources.add_key(prom, by=alice, at=AT)

    assert sources.authenticate(KEY) == sources.authenticate(new) == prom
    assert refused(sources.add_key, prom) == "too_many_keys"

    sources.revoke_key(prom.keys.get(hint=KEY[:4]), by=alice, at=AT)

    assert sources.authenticate(KEY) is None
    assert sources.authenticate(new) == prom


def test_a_given_key_may_be_given_again_but_never_to_another(prom):
    assert sources.add_key(prom, key=KEY, by=None, at=AT) == KEY
    assert prom.keys.count() == 1
    assert refused(sources.create, slug="b", name="B", dialect="json", key=KEY) == "key_taken"
    assert not AlertSource.objects.filter(slug="b").exists()


def test_a_revoked_key_does_not_come_back(prom):
    sources.revoke_key(prom.keys.get(), by=None, at=AT)
    sources.revoke_key(prom.keys.get(), by=None, at=AT)

    assert refused(sources.add_key, prom, key=KEY) == "key_taken"


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 129, "with a space 12345678", "with/slash/123456789", "ключ" * 5]
)
def test_a_key_that_some_tool_could_not_send_is_refused(prom, key):
    assert refused(sources.add_key, prom, key=key) == "bad_key"
    assert sources.authenticate(key) is None


def test_a_source_speaks_a_dialect_we_know():
    assert refused(sources.create, slug="c", name="C", dialect="klingon") == "unknown_dialect"


def test_who_changed_the_keys_stands_in_the_history_of_the_source(prom, alice):
    sources.revoke_key(prom.keys.get(), by=alice, at=AT)

    last = prom.history.first()
    assert (last.history_user, last.history_change_reason) == (alice, "Key 0123… revoked")
