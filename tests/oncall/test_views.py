"""Answering from a message: the link shows on GET, acts on POST, once."""

import re
from datetime import time, timedelta

import pytest
import time_machine
from django.test import Client

from oncall import answers, clock, paging
from oncall.messaging.models import Delivery
from oncall.models import AnswerToken, Page

pytestmark = pytest.mark.django_db

State = Page.State


@pytest.fixture
def link(page, advance):
    """alice's link from the message of 10:00."""
    advance("10:00")
    return Delivery.objects.get(recipient="alice").values["link"].removeprefix("http://testserver")


@pytest.fixture
def web(at):
    """A browser that has never signed in and checks CSRF like a real one, at 10:01."""
    with time_machine.travel(at("10:01"), tick=False):
        yield Client(enforce_csrf_checks=True)


def form(answer):
    """Where the page's buttons post to and the step that they carry."""
    text = answer.content.decode()
    return re.search(r'action="([^"]+)"', text)[1], re.search(r'name="step" value="(\d+)"', text)[1]


def press(web, answer, verb):
    action, step = form(answer)
    return web.post(action, {"answer": verb, "step": step})


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(web, link, page, method):
    for _ in range(3):
        assert getattr(web, method)(link).status_code == 200

    assert Page.objects.get().state == State.ACTIVE
    assert not AnswerToken.objects.filter(used_at__isnull=False).exists()


def test_the_page_says_what_it_is_about_and_what_comes_next(web, link):
    shown = web.get(link).content.decode()

    for words in (
        "for Alice",
        "Card payments fail",
        "4 min to answer",
        "Bob is paged",
        "You (Alice)",
        "Waiting since",
    ):
        assert words in shown


def test_acknowledging_from_the_link(web, link, alice):
    done = press(web, web.get(link), "acknowledge")

    page = Page.objects.get()
    assert (page.state, page.acknowledged_by) == (State.ACKNOWLEDGED, alice)
    assert "You acknowledged at 11:01" in done.content.decode()  # her clock, in Berlin


def test_after_acknowledging_the_page_offers_to_resolve_with_a_new_link(web, link):
    done = press(web, web.get(link), "acknowledge")

    assert form(done)[0] != link
    press(web, done, "resolve")
    assert Page.objects.get().state == State.RESOLVED


def test_what_another_works_on_is_joined_before_it_can_be_ended(web, link, page, bob, at):
    paging.acknowledge(page, by=bob, at=at("10:01"))
    shown = web.get(link)

    joined = press(web, shown, "acknowledge")

    assert 'value="resolve"' not in shown.content.decode()
    assert 'value="resolve"' in joined.content.decode()
    assert Page.objects.get().acknowledged_by == bob


def test_escalating_from_the_link_pages_the_next(web, link, told):
    done = press(web, web.get(link), "escalate")

    assert told() == ["alice", "bob"]
    assert "Bob paged now" in done.content.decode()


def test_a_link_works_once(web, link):
    first = web.get(link)
    press(web, first, "escalate")

    again = press(web, first, "acknowledge")

    assert again.status_code == 410
    assert Page.objects.get().state == State.ACTIVE
    assert "used at 11:01 to escalate" in again.content.decode()
    assert web.get(link).status_code == 200


def test_a_stale_escalation_is_refused_and_leaves_the_link_good(web, link, page, bob, at):
    seen = web.get(link)
    paging.escalate_now(page, expected_step=1, by=bob, at=at("10:01"))

    refused = press(web, seen, "escalate")

    assert refused.status_code == 409
    assert "gone on to the next step" in refused.content.decode()
    assert press(web, refused, "acknowledge").status_code == 200


def test_a_link_ends_after_a_day_and_says_nothing_about_the_page(web, link, at):
    with time_machine.travel(at("10:01") + timedelta(days=1)):
        shown = [web.get(link), web.post(link, {"answer": "acknowledge"})]

    assert [answer.status_code for answer in shown] == [410, 410]
    assert "Card payments" not in shown[0].content.decode()
    assert Page.objects.get().state == State.ACTIVE


@pytest.mark.parametrize("token", ["x", "A" * 32, "-" * 100])
def test_an_unknown_link_gets_a_kind_page(web, db, token):
    shown = web.get(f"/a/{token}/")

    assert shown.status_code == 404
    assert "This link does not work" in shown.content.decode()


def test_a_person_who_has_left_cannot_answer_any_more(web, link, alice):
    alice.is_active = False
    alice.save()

    assert web.post(link, {"answer": "acknowledge"}).status_code == 410


@pytest.mark.parametrize(
    "body", [{}, {"answer": "delete"}, {"answer": "escalate", "step": "٣"}, {"answer": "\x00"}]
)
def test_rubbish_is_refused_and_changes_nothing(web, link, body):
    assert web.post(link, body).status_code in {400, 409}
    assert Page.objects.get().step == 1


def test_the_answer_is_kept_by_nobody(web, link):
    shown = web.get(link)

    assert shown["Cache-Control"] == "no-store"
    assert shown["Referrer-Policy"] == "no-referrer"
    assert not shown.cookies


def test_a_link_without_its_last_slash_works(web, link):
    assert web.get(link.rstrip("/")).status_code == 200


def test_other_methods_are_refused(web, link):
    assert web.put(link).status_code == 405


def test_the_link_is_stored_as_a_hash_only(link):
    secret = link.split("/")[2]

    assert not AnswerToken.objects.filter(token_hash=secret).exists()
    assert answers.find(secret).user.username == "alice"


def test_a_shown_message_hides_the_secret_part(link):
    assert answers.mask(f"Answer here: http://testserver{link}") == "Answer here: http://testserver/a/…/"


@pytest.mark.parametrize(
    ("username", "state", "words"),
    [
        ("bob", State.ACKNOWLEDGED, "Bob acknowledged"),
        ("alice", State.RESOLVED, "Over since"),
        ("alice", State.SNOOZED, "Snoozed until"),
    ],
)
def test_what_others_did_meanwhile_is_shown(web, link, page, alice, bob, at, username, state, words):
    by = {"alice": alice, "bob": bob}[username]
    if state == State.ACKNOWLEDGED:
        paging.acknowledge(page, by=by, at=at("10:01"))
    elif state == State.RESOLVED:
        paging.resolve(page, by=by, at=at("10:01"))
    else:
        paging.snooze(page, until=at("12:00"), by=by, at=at("10:01"))

    assert words in web.get(link).content.decode()


# -- reminders, and steps that ask everyone ----------------------------------------------------------------
@pytest.fixture
def clock_at(at, monkeypatch):
    """``clock_at("10:32")``: it is that time from here on."""
    return lambda time: monkeypatch.setattr(clock, "now", lambda: at(time))


def test_the_link_of_a_reminder_offers_to_say_that_she_is_still_at_work(
    make_policy, make_page, alice, advance, at, client, clock_at
):
    page = make_page(make_policy((0, alice), ack_timeout=timedelta(minutes=30)))
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))
    advance("10:31")
    clock_at("10:32")

    link = f"/a/{answers.issue(page, alice, at=at('10:31'))}/"
    shown = client.get(link).content.decode()
    client.post(link, {"answer": "acknowledge", "step": 1})

    assert "Are you still at work on this?" in shown and "I am still at work" in shown
    assert Page.objects.get(pk=page.pk).unacknowledge_at == at("11:02")


def test_whoever_has_answered_for_herself_sees_who_must_as_well(
    make_policy, make_page, alice, bob, advance, at, client, clock_at
):
    page = make_page(make_policy((0, [alice, bob], {"everyone": True})))
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))
    clock_at("10:02")

    shown = client.get(f"/a/{answers.issue(page, alice, at=at('10:01'))}/").content.decode()

    assert "You acknowledged" in shown and "Bob must as well before paging ends." in shown
    assert re.search(r"You \(Alice\)</b><span[^>]*>Paged \d\d:\d\d, answered<", shown)
    assert 'value="acknowledge"' not in shown


def test_a_double_click_in_a_policy_of_one_step_skips_no_pass(
    make_policy, make_page, alice, bob, advance, at, client, clock_at
):
    page = make_page(make_policy((0, alice), repeat=5))
    advance("10:00")
    clock_at("10:01")
    links = [f"/a/{answers.issue(page, who, at=at('10:00'))}/" for who in (alice, bob)]

    answered = [client.post(link, {"answer": "escalate", "step": 0, "loop": 1}) for link in links]

    assert [answer.status_code for answer in answered] == [200, 409]
    assert Page.objects.get(pk=page.pk).loop == 2


def test_whose_messages_wait_for_the_end_of_quiet_hours_is_said_so(
    web, alice, bob, make_page, make_policy, advance
):
    bob.quiet_from, bob.quiet_to = time(6), time(9)  # in New York it is 06:00 when the page begins
    bob.save()
    make_page(make_policy((0, [alice, bob])), urgency="low")
    advance("10:00")
    link = Delivery.objects.get(recipient="alice").values["link"].removeprefix("http://testserver")

    shown = web.get(link).content.decode()

    assert "Held until 14:00 by quiet hours" in shown  # on alice's clock, in Berlin
