import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from oncall import clock, tokens
from oncall.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return User.objects.create(username="alice")


def createtoken(*words) -> str:
    out = io.StringIO()
    call_command("createtoken", *words, stdout=out)
    return out.getvalue()


def test_prints_a_token_and_nothing_else(alice):
    printed = createtoken("alice", "--scope", "write", "--name", "terraform")

    token = tokens.find(printed.removesuffix("\n"), at=clock.now())
    assert (token.user, token.scope, token.name) == (alice, "write", "terraform")


def test_reads_only_unless_told_otherwise(alice):
    assert tokens.find(createtoken("alice").strip(), at=clock.now()).scope == "read"


def test_expires_after_the_days_given(alice):
    text = createtoken("alice", "--days", "2").strip()

    assert tokens.find(text, at=clock.now() + timedelta(days=1))
    assert tokens.find(text, at=clock.now() + timedelta(days=3)) is None


@pytest.mark.parametrize("words", [["nobody"], ["alice", "--days", "0"], ["alice", "--scope", "root"]])
def test_refuses_with_a_sentence(alice, words):
    with pytest.raises(CommandError):
        createtoken(*words)
