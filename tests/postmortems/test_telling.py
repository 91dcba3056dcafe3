"""A post-mortem on the status page: chosen parts only."""

import re
from datetime import timedelta

import pytest
import time_machine

from incidents.models import Incident
from oncall.messaging.errors import DomainError
from postmortems import telling
from postmortems.models import ActionItem, PostMortem
from statuspage import publishing
from tests.postmortems.conftest import AT

HIDDEN = re.compile(r'<input type="hidden" name="(previewed|as_of|counted|version)" value="([^"]*)">')


@pytest.fixture
def approved(draft):
    PostMortem.objects.filter(pk=draft.pk).update(state="approved", approved_at=AT)
    draft.refresh_from_db()
    for title, state in (("Bigger pool", "done"), ("Alarm on the pool", "open")):
        ActionItem.objects.create(postmortem=draft, title=title, state=state, created_at=AT)
    return draft


@pytest.fixture
def post(incident, alice):
    at = AT - timedelta(hours=1)
    return publishing.publish(
        name="Checkout was down", body="Over.", status="resolved", incident=incident, by=alice, at=at
    )


def test_nothing_is_told_that_nobody_chose(approved):
    assert telling.text(approved, []) == ""
    assert telling.text(approved, ["summary", "actions"]) == (
        "### In short\n\nIt ran out of connections.\n\n"
        "### What we are changing\n\n- Done: Bigger pool\n- Alarm on the pool"
    )
    assert [kind for kind, _ in telling.choices(approved)][-1] == "actions"


def test_it_is_refused_with_what_to_do_first(draft, incident, alice, approved):
    with pytest.raises(DomainError, match="Tell it first"):
        telling.post_of(approved)
    publishing.publish(name="Open", body="x", incident=incident, by=alice, at=AT)
    with pytest.raises(DomainError, match="Resolve it there first"):
        telling.post_of(approved)
    draft.state = "draft"
    with pytest.raises(DomainError, match="approved"):
        telling.post_of(draft)
    draft.incident = Incident(private=True)
    with pytest.raises(DomainError, match="private"):
        telling.post_of(draft)


def test_it_is_chosen_read_previewed_and_published(client, approved, post, alice):
    client.force_login(alice)
    url = f"/admin/postmortems/postmortem/{approved.pk}/public/"

    with time_machine.travel(AT, tick=False):
        assert url in client.get(f"/admin/postmortems/postmortem/{approved.pk}/change/").content.decode()
        assert "checked" not in client.get(url).content.decode()
        url = f"{url}?write=1&part=summary"
        form = client.get(url).content.decode()
        assert "It ran out of connections." in form and "Bigger pool" not in form
        assert "The dashboard was down as well" not in form
        said = {"status": "postmortem", "body": "The pool was too small.", "notify": "on"}
        hidden = dict(HIDDEN.findall(client.post(url, said).content.decode()))
        client.post(url, {**said, **hidden, "publish": "1"})

    post.refresh_from_db()
    assert (post.status, post.updates.first().body) == ("postmortem", "The pool was too small.")


def test_who_may_not_speak_to_the_public_finds_no_way(client, approved, post, carol):
    client.force_login(carol)

    assert client.get(f"/admin/postmortems/postmortem/{approved.pk}/public/").status_code in {302, 404}
