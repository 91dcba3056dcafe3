"""One press for everything that wakes a person at the moment."""

import pytest

from oncall import answering, answers
from oncall.messaging.errors import DomainError

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(policy, make_page, advance):
    """Three pages that have all reached alice."""
    made = [make_page(policy, title=f"Fault {n}") for n in range(3)]
    advance("10:00")
    return made


@pytest.fixture
def link(pages, alice, at):
    return answers.issue(pages[0], alice, at=at("10:00"))


def states(pages):
    for page in pages:
        page.refresh_from_db()
    return [page.state for page in pages]


def test_one_answer_takes_on_every_page_that_waits_for_her(pages, alice, link, at):
    answering.acknowledge_all(answers.find(link), at=at("10:01"))

    assert states(pages) == ["acknowledged"] * 3
    assert {page.acknowledged_by for page in pages} == {alice}


def test_pages_that_did_not_reach_her_are_not_answered_by_her(
    pages, make_policy, bob, make_page, link, at, advance
):
    his = make_page(make_policy((0, bob), slug="other"))
    advance("10:00")

    answering.acknowledge_all(answers.find(link), at=at("10:01"))

    assert states([his]) == ["active"]


def test_the_link_is_good_for_it_once(pages, link, at):
    token = answers.find(link)
    answering.acknowledge_all(token, at=at("10:01"))

    with pytest.raises(DomainError, match="has been used"):
        answering.acknowledge_all(token, at=at("10:02"))


def test_the_answer_page_lists_the_others_and_takes_them_all(client, pages, link, monkeypatch, at):
    monkeypatch.setattr("oncall.clock.now", lambda: at("10:01"))
    shown = client.get(f"/a/{link}/").text

    answered = client.post(f"/a/{link}/", {"answer": "acknowledge_all"})

    assert "Fault 1" in shown and "Acknowledge all 3" in shown
    assert "You acknowledged them all" in answered.text
    assert states(pages) == ["acknowledged"] * 3


def test_with_nothing_else_waiting_there_is_one_button_less(
    client, policy, make_page, advance, alice, at, monkeypatch
):
    monkeypatch.setattr("oncall.clock.now", lambda: at("10:01"))
    page = make_page(policy)
    advance("10:00")

    shown = client.get(f"/a/{answers.issue(page, alice, at=at('10:00'))}/").text

    assert "Acknowledge all" not in shown
