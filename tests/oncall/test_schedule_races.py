"""People and the pulse at work on one schedule at the same moment: nobody waits for who waits for them."""

from datetime import timedelta
from functools import partial

import pytest
from django.test import Client

from oncall import absences, calendars, schedules, swaps
from oncall.calendars import importing
from oncall.messaging.errors import DomainError
from oncall.models import Absence, CalendarImport, ScheduleException, Swap, User
from tests.oncall.conftest import person
from tests.oncall.test_escalation_races import at_once
from tests.oncall.test_swaps import ALICES, NOW, day, may

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def takers(primary):
    """bob is on the schedule; dora is not."""
    return [
        may(primary.layers.get().slots.last().users.get(), "add_scheduleexception"),
        may(person("dora"), "add_scheduleexception"),
    ]


def said(verb, *args, **fields):
    """What a person is answered: the taker's username, or the sentence of the refusal."""

    def answer() -> str:
        try:
            return verb(*args, **fields, at=NOW).taker.username
        except DomainError as refusal:
            return refusal.detail

    return answer


def test_of_two_who_take_what_was_asked_for_one_wins(primary, alice, takers):
    asked = swaps.ask(primary, **ALICES, by=alice, at=NOW)

    answers = at_once(*[said(swaps.take, asked, by=taker) for taker in takers])

    [winner] = {taker.username for taker in takers} & set(answers)
    assert "Nobody asks for this any more: it is taken." in answers
    assert ScheduleException.objects.count() == 1
    assert [user.username for user in schedules.on_call(primary, day(11, 12)).users] == [winner]


def test_of_two_who_take_a_shift_unasked_one_wins(primary, alice, takers):
    answers = at_once(
        *[said(swaps.take_at_once, primary, requester=alice, **ALICES, by=taker) for taker in takers]
    )

    [winner] = {taker.username for taker in takers} & set(answers)
    assert f"Another swap of Alice’s shift lies in that time: {winner.title()} has it." in answers
    assert Swap.objects.get().state == Swap.State.TAKEN
    assert ScheduleException.objects.count() == 1


def test_taking_and_cancelling_at_once_leave_one_of_both(primary, alice, takers):
    asked = swaps.ask(primary, **ALICES, by=alice, at=NOW)

    def cancel() -> str:
        try:
            return swaps.cancel(asked, by=alice, at=NOW).state
        except DomainError as refusal:
            return refusal.code

    taken, cancelled = at_once(said(swaps.take, asked, by=takers[0]), cancel)

    assert (taken, cancelled) in [
        ("bob", "swap_not_open"),
        ("Nobody asks for this any more: it is cancelled.", "cancelled"),
    ]
    assert ScheduleException.objects.count() == (taken == "bob")


def test_two_who_take_back_at_once_end_it_once(primary, alice, takers):
    swap = swaps.take_at_once(primary, requester=alice, **ALICES, by=takers[0], at=NOW)

    at_once(*[lambda who=who: swaps.take_back(swap, by=who, at=NOW) for who in (alice, takers[0])])

    assert Swap.objects.get().state == Swap.State.TAKEN_BACK
    assert not ScheduleException.objects.exists()


def test_an_absence_and_a_cover_at_once_do_not_wait_for_each_other(primary, alice, takers):
    away = absences.add(alice, **ALICES, by=alice, at=NOW)

    at_once(
        lambda: absences.change(away, start=day(11), end=day(12, 10), by=alice, at=NOW),
        lambda: absences.cover(away, schedule=primary, **ALICES, cover=takers[0], by=takers[0], at=NOW),
        lambda: absences.add(takers[0], start=day(14), end=day(15), by=takers[0], at=NOW),
    )

    assert [user.username for user in schedules.on_call(primary, day(11, 12)).users] == ["bob"]


def renamed(user, name):
    """As the API does it, in one transaction."""

    def rename() -> int:
        client = Client()
        client.force_login(User.objects.get(username="root"))
        path = f"/api/v1/users/{user.username}/"
        return client.patch(path, {"username": name}, content_type="application/json").status_code

    return rename


def test_what_is_done_for_a_person_and_her_new_name_at_once_do_not_wait_for_each_other(primary, alice, bob, root):
    told = {"by": None, "at": NOW}
    does = [
        lambda start: absences.add(alice, start=start, end=day(12), **told),
        lambda start: absences.change(alice.absences.last(), start=start, end=day(13), **told),
        lambda start: absences.cancel(alice.absences.first(), **told),
        lambda start: absences.record(Absence(user=alice, start=start, end=day(12)), **told),
        lambda start: absences.forget(alice.absences.last(), **told),
        lambda start: schedules.make_exception(
            primary, kind="replace", user=bob, cover=alice, start=start, end=day(12), **told
        ),
    ]
    for hours in range(4):
        for number, verb in enumerate(does):
            name, start = f"alice{number}", day(11) + timedelta(hours=hours, minutes=number)

            status, _ = at_once(renamed(alice, name), partial(verb, start))

            alice.refresh_from_db()
            assert (status, alice.username) == (200, name)


@pytest.mark.parametrize("verb", [calendars.settle, calendars.remove])
def test_a_calendar_is_read_while_it_is_edited_or_removed(primary, verb):
    span = (day(11), day(12), frozenset())
    for number in range(8):
        row = CalendarImport.objects.create(schedule=primary, name=f"C{number}", url="https://x.example")

        at_once(partial(importing._store, row, [span], [], "f", NOW), partial(verb, row, by=None, at=NOW))

    primary.refresh_from_db()
    assert primary.version > 8
