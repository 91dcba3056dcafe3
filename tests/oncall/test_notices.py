"""People are told of their shifts as they chose, once."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from oncall import absences, notices, swaps
from oncall.messaging.models import Delivery
from oncall.models import NoticePreference
from tests.oncall.test_swaps import day, may

pytestmark = pytest.mark.django_db


def choose(user, **choices) -> NoticePreference:
    nothing = {"going_on": False, "going_off": False, "changed": False}
    preference = NoticePreference(user=user, **{**nothing, **choices})
    return notices.choose(preference, by=user, at=day(9, 0))


def pulse(*times: datetime) -> None:
    for at in times:
        notices.tell(now=lambda at=at: at)


def told(user) -> list[str]:
    found = Delivery.objects.filter(recipient=user.username).order_by("pk")
    return list(found.values_list("message__subject", flat=True))


@pytest.fixture(autouse=True)
def quiet(bob):
    """alice is whom these tests are about."""
    choose(bob)


def test_by_default_a_shift_is_announced_an_hour_before(primary, alice):
    pulse(day(10, 20), day(11, 7))
    assert told(alice) == []

    pulse(day(11, 8))

    assert told(alice) == ["You go on call: Primary, Wed 11 Mar 10:00"]


def test_everybody_chooses_how_long_before(primary, alice):
    choose(alice, going_on=True, lead=timedelta(hours=12))

    pulse(day(10, 20), day(10, 21))

    assert len(told(alice)) == 1


def test_late_and_repeated_pulses_tell_once(primary, alice):
    pulse(day(10, 20))

    pulse(day(11, 9), day(11, 9), day(11, 10))

    assert len(told(alice)) == 1


def test_what_is_no_news_any_more_is_not_told(primary, alice):
    pulse(day(10, 20))

    pulse(day(11, 11))

    assert told(alice) == []


def test_going_off_is_told_to_who_wants_it(primary, alice):
    choose(alice, going_off=True)

    pulse(day(12, 8), day(12, 9), day(12, 9))

    assert told(alice) == ["You are off call: Primary"]


def test_a_pulse_with_nothing_due_computes_nothing(primary, alice, django_assert_num_queries):
    pulse(day(10, 20))

    with django_assert_num_queries(2):
        pulse(day(10, 21))


def test_hours_that_change_hands_are_told(primary, alice):
    choose(alice, changed=True)
    pulse(day(9, 1))

    absences.add(alice, start=day(11), end=day(11, 12), by=None, at=day(9, 2))
    pulse(day(9, 3), day(9, 4))

    assert told(alice) == ["Your shifts have changed: Primary"]
    text = Delivery.objects.get(recipient="alice").message.text
    assert "No longer yours: Wed 11 Mar 10:00 to Wed 11 Mar 13:00 (Berlin)" in text


def test_what_a_swap_has_told_is_not_told_again(primary, alice, bob):
    choose(alice, changed=True)
    pulse(day(9, 1))

    swaps.take_at_once(primary, requester=alice, start=day(11), end=day(12), taker=bob, by=None, at=day(9, 2))
    pulse(day(9, 3))

    assert told(alice) == ["Bob takes your shift: Primary, Wed 11 Mar 10:00"]


def test_the_weekly_digest_lists_what_is_to_come_once(primary, alice):
    choose(alice, digest=True)

    pulse(day(9, 7), day(9, 8), day(9, 9), day(10))

    assert told(alice) == ["Your shifts in the coming two weeks: 7"]
    assert NoticePreference.objects.get(user=alice).digest_at == day(16, 8)


def test_a_digest_that_is_late_comes_once(primary, alice):
    choose(alice, digest=True)

    pulse(day(18), day(18, 10))

    assert len(told(alice)) == 1
    assert NoticePreference.objects.get(user=alice).digest_at == day(23, 8)


def test_everybody_has_a_form_of_her_own(client, primary, alice, bob):
    client.force_login(may(alice, "view_schedule"))
    form = {"user": alice.pk, "going_on": "on", "lead": "12:00:00", "digest": "on"}

    client.post(reverse("admin:oncall_noticepreference_add"), form)

    mine = NoticePreference.objects.get(user=alice)
    assert (mine.lead, mine.changed, mine.digest_at is not None) == (timedelta(hours=12), False, True)
    page = reverse("admin:oncall_noticepreference_change", args=[mine.pk])
    assert b"go on call" in client.get(page).content
    others = reverse("admin:oncall_noticepreference_change", args=[bob.notice_preference.pk])
    assert client.get(others).status_code == 302
