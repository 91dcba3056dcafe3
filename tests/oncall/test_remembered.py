"""What a process remembers of schedules: only what lasts, only what fits, and nothing that changed meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from oncall import clock, rotation, schedules
from oncall.models import User
from oncall.schedules import remembered
from oncall.schedules.remembered import Shelf

NOW = datetime(2026, 3, 9, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def lasting(monkeypatch):
    """As if nobody would undo what this test does."""
    monkeypatch.setattr(remembered, "_is_lasting", lambda: True)
    remembered.forget()
    yield
    remembered.forget()


def learn(schedule, since=NOW):
    return remembered.learn(schedule.slug, schedule.pk, since=since)


def still(known, start=NOW, **other):
    told = {"schedule": known.schedule, "version": known.version, "still_named": known.named, **other}
    return known.holds(**told, start=start)


# -- plans -------------------------------------------------------------------------------------------------
def test_a_plan_holds_while_version_and_names_are_the_same(lasting, primary):
    known = learn(primary)

    assert remembered.recall("primary") is known
    assert (known.version, known.named, known.since) == (1, 2, NOW)
    assert still(known) and still(known, start=NOW + DAY)
    assert not still(known, start=NOW - DAY)
    assert not any((still(known, schedule=0), still(known, version=2), still(known, still_named=1)))


@pytest.mark.parametrize(
    "change",
    [
        lambda schedule: schedules.touch(schedule, by=None, at=NOW),
        lambda schedule: User.objects.filter(username="bob").update(username="robert"),
        lambda schedule: schedule.delete(),
    ],
)
def test_what_changes_while_it_is_read_is_not_remembered(lasting, primary, monkeypatch, change):
    def meanwhile(schedule, since):
        plan = schedules.load(schedule, since=since)
        change(schedule)
        return plan

    monkeypatch.setattr(remembered, "load", meanwhile)

    assert learn(primary) is None
    assert remembered.recall("primary") is None


def test_a_schedule_that_is_gone_is_not_read(primary):
    primary.delete()

    assert remembered.learn("primary", 1, since=NOW) is None


def test_reading_anew_reaches_as_far_back_as_before_while_the_version_is_the_same(lasting, primary):
    learn(primary)

    assert learn(primary, NOW + DAY).since == NOW
    assert learn(primary, NOW - DAY).since == NOW - DAY
    schedules.touch(primary, by=None, at=NOW)
    assert learn(primary).since == NOW


@pytest.mark.django_db(transaction=True)
def test_what_may_yet_be_undone_is_neither_remembered_nor_recalled(primary):
    with transaction.atomic():
        assert learn(primary) is not None
        assert remembered.recall("primary") is None
    learn(primary)

    assert remembered.recall("primary") is not None
    with transaction.atomic():
        assert remembered.recall("primary") is None
    remembered.forget()


def test_a_plan_too_large_to_keep_is_read_each_time(lasting, primary, monkeypatch):
    monkeypatch.setattr(remembered, "_plans", Shelf(3))

    assert learn(primary) is not None
    assert remembered.recall("primary") is None


# -- answers -----------------------------------------------------------------------------------------------
def test_the_same_question_is_computed_once_where_it_is_kept(lasting, primary):
    known, written = learn(primary), []

    def write(segments):
        written.append(len(segments))
        return b"%d" % len(segments)

    def ask(days, keep):
        return remembered.final(known, NOW, NOW + days * DAY, write=write, keep=keep)

    assert [ask(1, True), ask(1, True), ask(2, True), ask(3, False), ask(3, False)] == [
        b"1", b"1", b"2", b"3", b"3",
    ]  # fmt: skip
    assert written == [1, 2, 3, 3]


@pytest.mark.parametrize("start", [0, 1, 8 * 24 * 60 - 1, 8 * 24 * 60, 12345])
@pytest.mark.parametrize("minutes", [1, 8 * 24 * 60, 8 * 24 * 60 + 1, 40_000, 400 * 24 * 60])
def test_blocks_put_together_are_the_final_schedule(lasting, primary, start, minutes):
    known, found = learn(primary), []
    start = clock.EPOCH + 2600 * remembered.BLOCK + timedelta(minutes=start)
    end = start + timedelta(minutes=minutes)

    for _ in range(2):
        remembered.final(known, start, end, write=lambda each: found.append(each) or b"", keep=False)

    assert found == [rotation.final(known.plan, start, end)] * 2


def test_another_plan_has_answers_of_its_own(lasting, primary):
    def ask(known):
        return remembered.final(
            known, NOW, NOW + DAY, write=lambda found: found[0].people[0].encode(), keep=True
        )

    before = ask(learn(primary))
    User.objects.filter(username="alice").update(username="alison")

    assert (before, ask(learn(primary))) == (b"alice", b"alison")


# -- what fits ---------------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 25))))
def test_a_shelf_never_holds_more_than_it_may(puts):
    shelf = Shelf(20)

    for key, weight in puts:
        shelf.put(key, weight, weight)
        held = [weight for weight in (shelf.get(key) for key in range(10)) if weight is not None]

        assert sum(held) == shelf._weight <= 20
        assert shelf.get(key) == (weight if weight <= 20 else None)


def test_what_was_not_used_for_longest_goes_first():
    shelf = Shelf(2)
    shelf.put("a", 1, weight=1)
    shelf.put("b", 2, weight=1)

    shelf.get("a")
    shelf.put("c", 3, weight=1)

    assert [shelf.get(key) for key in "abc"] == [1, None, 3]


def test_what_is_too_heavy_drives_nothing_out():
    shelf = Shelf(2)
    shelf.put("a", 1, weight=1)
    shelf.put("b", 2, weight=1)

    shelf.put("b", 3, weight=3)

    assert [shelf.get(key) for key in "ab"] == [1, None]
