"""Pushover's receipts are asked for, since a portal behind a firewall hears no call."""

from datetime import timedelta

import pytest

from oncall import receipts
from oncall.messaging.models import Delivery
from oncall.models import Callback, Page
from tests.messaging.services import fake_service

pytestmark = pytest.mark.django_db

ALICE, RECEIPT = "A" * 30, "r" * 30
PATH = f"GET /receipts/{RECEIPT}.json"
YES = {"status": 1, "acknowledged": 1, "acknowledged_at": 1773050520, "acknowledged_by": ALICE}


@pytest.fixture
def pushover(settings):
    with fake_service({PATH: (200, YES)}) as (fake, url):
        settings.PUSHOVER_API_URL, settings.PUSHOVER_TOKEN = url, "t" * 30
        yield fake


@pytest.fixture
def emergency(pushover, alice, page, advance, at):
    contact = alice.contacts.create(name="p", medium="pushover", address=ALICE, verified_at=at("09:00"))
    alice.rules.create(urgency="high", after=timedelta(), contact=contact)
    advance("10:00")
    Delivery.objects.update(state="sent", due_at=None, finished_at=at("10:00"), provider_id=RECEIPT)
    return Delivery.objects.get()


def look(at, clock="10:02"):
    return receipts.look_up(now=lambda: at(clock))


def test_what_was_acknowledged_on_the_phone_is_acknowledged_here(emergency, page, alice, at):
    assert look(at) == 1

    page = Page.objects.get(pk=page.pk)
    assert (page.state, page.acknowledged_by) == ("acknowledged", alice)


def test_it_is_done_once_however_we_learn_of_it(emergency, page, at):
    look(at)
    Page.objects.filter(pk=page.pk).update(
        state="active", next_step_at=at("10:30"), acknowledged_at=None, acknowledged_by=None
    )

    assert look(at) == 0
    assert Callback.objects.count() == 1


def test_nothing_is_asked_once_somebody_has_answered_or_the_repeating_is_over(emergency, pushover, at):
    look(at, "11:05")
    Page.objects.update(state="acknowledged", next_step_at=None)
    look(at)

    assert pushover.calls == []


@pytest.mark.parametrize(
    "answer", [(500, None), (200, {"status": 1, "acknowledged": 0}), (404, {"status": 0})]
)
def test_no_answer_and_no_acknowledgement_change_nothing(emergency, pushover, page, at, answer):
    pushover.script[PATH] = answer

    assert look(at) == 0
    assert Page.objects.get(pk=page.pk).state == "active"


def test_a_stranger_in_a_delivery_group_answers_nothing(emergency, pushover, page, at):
    pushover.script[PATH] = (200, {**YES, "acknowledged_by": "Z" * 30})

    assert look(at) == 0
    assert Callback.objects.get().outcome == "refused"


def test_without_its_settings_nothing_is_asked(settings, at):
    settings.PUSHOVER_TOKEN = ""

    assert look(at) == 0
