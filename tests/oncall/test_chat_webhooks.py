"""What holds for every service that calls back: only what is proven acts, once, and only for who may."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from oncall import presses
from oncall.messaging.models import Delivery
from oncall.models import Callback, Page
from tests.oncall.chat_callers import CALLERS, Mattermost, Ntfy, Slack, Telegram

pytestmark = pytest.mark.django_db

State = Page.State


@pytest.fixture(params=CALLERS, ids=lambda caller: caller.medium)
def caller(request, settings):
    return set_up(request.param, settings)


def but(medium: str, *, why: str):
    """Every service but one, and why."""
    return pytest.mark.parametrize(
        "caller", [one for one in CALLERS if one.medium != medium], ids=lambda one: one.medium, indirect=True
    )


def set_up(caller, settings):
    for name, value in caller.settings.items():
        setattr(settings, name, value)
    return caller


@pytest.fixture
def known(alice, bob, carol, at):
    """Everybody's verified contact on a caller's medium."""

    def know(caller):
        for user in (alice, bob, carol):
            address = caller.addresses[user.username]
            user.contacts.create(name="x", medium=caller.medium, address=address, verified_at=at("09:00"))

    return know


@pytest.fixture
def paged(page, advance):
    """alice has been paged at 10:00."""
    advance("10:00")
    return page


@pytest.fixture
def web(at):
    """A caller without cookies, at 10:01."""
    with time_machine.travel(at("10:01"), tick=False):
        yield Client(enforce_csrf_checks=True)


def outcomes():
    return list(Callback.objects.order_by("pk").values_list("outcome", flat=True))


def now(page):
    return Page.objects.get(pk=page.pk)


def test_a_press_acknowledges_in_the_pressers_name(caller, known, paged, alice, web, at):
    known(caller)

    done = caller.send(web, caller.request(paged, alice, "acknowledge", at("10:01")))

    assert done.status_code == 200
    assert (now(paged).state, now(paged).acknowledged_by) == (State.ACKNOWLEDGED, alice)
    noted = Callback.objects.get()
    assert (noted.outcome, noted.user, noted.page, noted.verb) == ("done", alice, paged, "acknowledge")


@pytest.mark.parametrize("how", ["unsigned", "forged"])
def test_what_is_not_proven_does_nothing_and_is_noted(caller, known, paged, alice, web, at, how):
    known(caller)
    call = caller.request(paged, alice, "acknowledge", at("10:01"))

    refused = caller.send(web, getattr(caller, how)(call))

    assert refused.status_code in (401, 403)
    assert now(paged).state == State.ACTIVE
    assert outcomes() == ["rejected"]
    assert Callback.objects.get().client == "127.0.0.1"


@but("telegram", why="its proof covers no time; updates are told apart by their number")
def test_what_comes_too_late_does_nothing_and_is_noted(caller, known, paged, alice, web, at):
    known(caller)
    call = caller.request(paged, alice, "acknowledge", at("10:01") - timedelta(hours=25))

    refused = caller.send(web, call)

    assert refused.status_code == 403
    assert (now(paged).state, outcomes()) == (State.ACTIVE, ["rejected"])


def test_the_same_call_acts_once(caller, known, paged, alice, web, at):
    known(caller)
    call = caller.request(paged, alice, "acknowledge", at("10:01"))
    caller.send(web, call)
    Page.objects.filter(pk=paged.pk).update(
        state=State.ACTIVE, next_step_at=at("10:30"), acknowledged_at=None, acknowledged_by=None
    )

    again = caller.send(web, call)

    assert again.status_code == (200 if caller.medium == "telegram" else 403)
    assert (now(paged).state, outcomes()) == (State.ACTIVE, ["done", "rejected"])


@but("ntfy", why="its key is made for one person, as an answer link is")
def test_who_has_no_verified_contact_is_nobody(caller, paged, alice, web, at):
    alice.contacts.create(name="x", medium=caller.medium, address=caller.addresses["alice"])

    caller.send(web, caller.request(paged, alice, "acknowledge", at("10:01")))

    assert (now(paged).state, outcomes()) == (State.ACTIVE, ["refused"])
    assert "verify it" in Callback.objects.get().reason


def test_who_was_not_paged_and_has_no_right_does_nothing(caller, known, paged, carol, web, at):
    known(caller)

    caller.send(web, caller.request(paged, carol, "acknowledge", at("10:01")))

    assert (now(paged).state, outcomes()) == (State.ACTIVE, ["refused"])
    assert "not paged for this" in Callback.objects.get().reason


def test_who_has_the_right_may_answer_for_others(caller, known, paged, carol, web, at):
    known(caller)
    carol.user_permissions.add(Permission.objects.get(codename="change_page"))

    caller.send(web, caller.request(paged, carol, "acknowledge", at("10:01")))

    assert now(paged).acknowledged_by == carol


def test_a_private_page_is_not_there_for_who_has_no_part_in_it(caller, known, paged, carol, web, at):
    known(caller)
    carol.user_permissions.add(Permission.objects.get(codename="change_page"))
    Page.objects.filter(pk=paged.pk).update(private=True)

    said = caller.send(web, caller.request(paged, carol, "acknowledge", at("10:01")))

    assert now(paged).state == State.ACTIVE
    assert "Card payments fail" not in said.content.decode()
    assert Callback.objects.get().reason == "There is no such page any more."
    assert not Callback.objects.visible_to(carol).exists()


def test_who_has_been_sent_away_answers_nothing(caller, known, paged, alice, web, at):
    known(caller)
    call = caller.request(paged, alice, "acknowledge", at("10:01"))
    alice.is_active = False
    alice.save()

    caller.send(web, call)

    assert now(paged).state == State.ACTIVE


def test_without_its_settings_there_is_no_door(caller, paged, alice, web, at, settings):
    call = caller.request(paged, alice, "acknowledge", at("10:01"))
    for name in caller.settings:
        setattr(settings, name, "")

    assert caller.send(web, call).status_code == 404


def test_a_get_acts_in_no_way(caller, paged, alice, web, at):
    answer = web.get(caller.request(paged, alice, "acknowledge", at("10:01"))["path"])

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


HOSTILE = [
    b"",
    b"\x00\xff\xfe",
    b"{}",
    b"[]",
    b"null",
    b"[" * 100_000,
    b'{"actions": [], "user": [], "callback_query": 1, "context": "x", "verb": {}, "step": []}',
    b'{"verb": "\\u0000", "step": "' + b"9" * 5000 + b'"}',
    b'{"callback_query": {"data": "acknowledge:\\ud800:\\ud800", "from": {"id": 1e999}}}',
    b"payload=%00&payload=%ff",
    b"payload=" + b"%7B%22a%22%3A" * 3000,
    b"a=b&" * 1000,
    b"x" * 300_000,
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_no_body_makes_a_server_error(caller, paged, alice, web, at, body):
    call = {**caller.request(paged, alice, "acknowledge", at("10:01")), "body": body}
    if caller.medium == "slack":
        call = caller.signed(body, at("10:01"))

    answer = caller.send(web, call)

    assert answer.status_code < 500
    assert now(paged).state == State.ACTIVE


@but("pushover", why="it can only acknowledge")
def test_a_stale_escalation_skips_nobody_and_the_presser_is_told(caller, known, paged, alice, web, at, told):
    known(caller)

    caller.send(web, caller.request(paged, alice, "escalate", at("10:01"), step=0))

    assert "bob" not in told()
    assert "gone on to the next step" in Callback.objects.get().reason


@but("pushover", why="it can only acknowledge")
def test_a_button_of_an_earlier_pass_hurries_no_later_one(
    caller, known, make_policy, make_page, advance, alice, web, at
):
    page = make_page(make_policy((0, alice), repeat=3))
    advance("10:00")
    known(caller)
    call = caller.request(page, alice, "escalate", at("10:06"), step=now(page).place)
    advance("10:05")

    with time_machine.travel(at("10:06"), tick=False):
        caller.send(web, call)

    assert "gone on to the next step" in Callback.objects.get().reason
    assert now(page).loop == 2


@but("pushover", why="it can only acknowledge")
def test_a_button_of_an_older_version_knows_no_pass(caller, known, paged, alice, web, at, told):
    known(caller)

    caller.send(web, caller.request(paged, alice, "escalate", at("10:01"), step=1))

    assert "bob" in told()


@but("pushover", why="it can only acknowledge")
def test_escalating_pages_the_next_person(caller, known, paged, alice, web, at, told):
    known(caller)

    caller.send(web, caller.request(paged, alice, "escalate", at("10:01")))

    assert "bob" in told()


def test_a_flood_of_forgeries_does_not_fill_the_database(settings, paged, alice, web, at):
    slack = set_up(Slack(), settings)
    call = slack.forged(slack.request(paged, alice, "acknowledge", at("10:01")))

    for _ in range(presses.REJECTIONS_NOTED_A_MINUTE + 20):
        assert slack.send(web, call).status_code == 401

    assert Callback.objects.count() == presses.REJECTIONS_NOTED_A_MINUTE


# -- Slack -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("minutes", "status"), [(4, 200), (6, 403), (-4, 200), (-6, 403)])
def test_slacks_signature_is_good_for_five_minutes(settings, known, paged, alice, web, at, minutes, status):
    slack = set_up(Slack(), settings)
    known(slack)

    call = slack.request(paged, alice, "acknowledge", at("10:01") + timedelta(minutes=minutes))

    assert slack.send(web, call).status_code == status


def test_slack_tells_whoever_pressed_why_nothing_was_done(settings, known, paged, carol, web, at):
    slack = set_up(Slack(), settings)
    known(slack)

    slack.send(web, slack.request(paged, carol, "acknowledge", at("10:01")))

    sent = Delivery.objects.get(medium="slack")
    assert sent.address == slack.addresses["carol"]
    assert "not paged for this" in sent.message.text


def test_slack_may_ask_whether_we_are_there(settings, web, at):
    slack = set_up(Slack(), settings)
    body = json.dumps(
        {"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}
    )
    call = {**slack.signed(body.encode(), at("10:01")), "type": "application/json"}

    assert slack.send(web, call).json()["challenge"].startswith("3eZbrw1aBm2rZ")


def test_opening_a_link_in_slack_is_no_answer(settings, known, paged, alice, web, at):
    slack = set_up(Slack(), settings)
    known(slack)

    assert slack.send(web, slack.request(paged, alice, "open", at("10:01"))).status_code == 200
    assert (now(paged).state, outcomes()) == (State.ACTIVE, [])


def test_an_empty_signing_secret_proves_nothing(settings, paged, alice, web, at):
    slack = set_up(Slack(), settings)
    settings.SLACK_SIGNING_SECRET = ""
    call = slack.signed(
        slack.request(paged, alice, "acknowledge", at("10:01"))["body"], at("10:01"), secret=""
    )

    assert slack.send(web, call).status_code == 401


# -- Mattermost --------------------------------------------------------------------------------------------
def test_mattermost_says_in_the_answer_what_was_done(settings, known, paged, alice, web, at):
    mattermost = set_up(Mattermost(), settings)
    known(mattermost)

    done = mattermost.send(web, mattermost.request(paged, alice, "acknowledge", at("10:01")))

    assert done.json() == {"ephemeral_text": "You acknowledged: Card payments fail"}


def test_a_button_of_alices_direct_message_acts_for_nobody_else(settings, known, paged, alice, bob, web, at):
    mattermost = set_up(Mattermost(), settings)
    known(mattermost)
    call = mattermost.request(paged, bob, "acknowledge", at("10:01"), to=mattermost.addresses["alice"])

    assert mattermost.send(web, call).status_code == 403
    assert now(paged).state == State.ACTIVE


def test_a_button_in_a_channel_acts_for_whoever_presses(settings, known, paged, carol, bob, web, at):
    mattermost = set_up(Mattermost(), settings)
    known(mattermost)
    bob.user_permissions.add(Permission.objects.get(codename="change_page"))
    call = mattermost.request(paged, bob, "acknowledge", at("10:01"), to="channel:" + "k" * 26)

    mattermost.send(web, call)

    assert now(paged).acknowledged_by == bob


# -- Telegram ----------------------------------------------------------------------------------------------
def test_telegram_says_in_the_answer_what_was_done(settings, known, paged, alice, carol, web, at):
    telegram = set_up(Telegram(), settings)
    known(telegram)

    no = telegram.send(web, telegram.request(paged, carol, "acknowledge", at("10:01"), update=1)).json()
    yes = telegram.send(web, telegram.request(paged, alice, "acknowledge", at("10:01"), update=2)).json()

    assert (no["method"], no["show_alert"]) == ("answerCallbackQuery", True)
    assert (yes["text"], yes["show_alert"]) == ("You acknowledged: Card payments fail", False)


def test_telegrams_bot_tells_whoever_starts_it_her_chat_id(settings, web):
    telegram = set_up(Telegram(), settings)
    told = {"update_id": 5, "message": {"text": "/start", "chat": {"id": 10001, "type": "private"}}}
    call = {"path": "/callbacks/telegram", "body": json.dumps(told), "type": "application/json"}
    headers = {"X-Telegram-Bot-Api-Secret-Token": telegram.settings["TELEGRAM_WEBHOOK_SECRET"]}

    said = telegram.send(web, {**call, "headers": headers}).json()

    assert (said["method"], said["chat_id"]) == ("sendMessage", 10001)
    assert "10001" in said["text"]


def test_an_empty_secret_proves_nothing(settings, paged, alice, web, at):
    telegram = set_up(Telegram(), settings)
    settings.TELEGRAM_WEBHOOK_SECRET = ""
    call = telegram.request(paged, alice, "acknowledge", at("10:01"))

    assert telegram.send(web, {**call, "headers": {"X-Telegram-Bot-Api-Secret-Token": ""}}).status_code == 401


# -- ntfy --------------------------------------------------------------------------------------------------
def test_each_button_of_a_notification_works_and_the_link_is_not_used_up(settings, paged, alice, web, at):
    ntfy = set_up(Ntfy(), settings)
    call = ntfy.request(paged, alice, "acknowledge", at("10:01"))

    ntfy.send(web, call)
    resolved = ntfy.send(web, {**call, "body": b'{"verb": "resolve", "step": "1"}'})

    assert (resolved.status_code, now(paged).state) == (200, State.RESOLVED)
    link = call["headers"]["Authorization"].removeprefix("Bearer ").partition(".")[0]
    assert web.get(f"/a/{link}/").status_code == 200


def test_an_answer_link_that_was_used_cannot_be_used_as_a_key(settings, paged, alice, web, at):
    ntfy = set_up(Ntfy(), settings)
    key = ntfy.request(paged, alice, "resolve", at("10:01"))["headers"]["Authorization"]
    link = key.removeprefix("Bearer ").partition(".")[0]
    web.post(f"/a/{link}/", {"answer": "acknowledge", "step": "1"})

    answer = web.post(
        "/callbacks/ntfy/",
        b'{"verb": "resolve"}',
        content_type="application/json",
        headers={"Authorization": f"Bearer {link}"},
    )

    assert (answer.status_code, now(paged).state) == (401, State.ACKNOWLEDGED)


def test_ntfys_web_app_may_call_from_its_own_page(settings, paged, alice, web, at):
    ntfy = set_up(Ntfy(), settings)

    asked = web.options("/callbacks/ntfy/")
    done = ntfy.send(web, ntfy.request(paged, alice, "acknowledge", at("10:01")))

    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert done.headers["Access-Control-Allow-Origin"] == "*"
    assert not done.cookies
