"""Who was on call is written down as it happens, and nothing that is done later changes it."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from oncall import absences, duty_log, schedules
from oncall.models import DutyLog, DutyLogPerson, OnDuty, Schedule, User
from tests.oncall.test_escalation_races import at_once
from tests.oncall.test_swaps import day

pytestmark = pytest.mark.django_db
START = day(9, 12)  # alice has been on call on ``primary`` since 09:00, bob takes over on the 10th
SECONDS = timedelta(seconds=7)


@pytest.fixture(autouse=True)
def clock(time_machine):
    """Set the clock; what history says of a change is this time."""

    def turn_to(at: datetime) -> datetime:
        time_machine.move_to(at, tick=False)
        return at

    turn_to(START)
    return turn_to


@pytest.fixture
def pulse(clock):
    """The pulse's line runs at these times."""

    def run(*times: datetime) -> int:
        return sum(duty_log.record(now=lambda at=at: clock(at)) for at in times)

    return run


@pytest.fixture
def logged(primary, pulse):
    """alice's entry is running."""
    pulse(START)
    return primary


def log(schedule=None) -> list[tuple]:
    """(who, from, until), hours as ``9 12`` for the 9th at 12:00; until None while it runs."""
    rows = DutyLog.objects.filter(schedule=schedule) if schedule else DutyLog.objects.all()
    return [
        (", ".join(p.username for p in row.people.all()) or "nobody", told(row.from_at), told(row.until_at))
        for row in rows.order_by("schedule_id", "from_at")
    ]


def told(at: datetime | None) -> str | None:
    return at and f"{at:%-d %H:%M}".removesuffix(":00")


# -- what is written ---------------------------------------------------------------------------------------
def test_the_pulse_begins_the_log_of_a_schedule_that_nobody_reads(primary, pulse):
    assert pulse(START) == 1

    entry = DutyLog.objects.get()
    assert log() == [("alice", "9 12", None)]
    assert (entry.reason, entry.computed, entry.due_at) == ("first", False, day(10))
    assert (entry.schedule_slug, entry.schedule_name, entry.version) == ("primary", "Primary", 1)


def test_reading_begins_it_as_well(primary):
    schedules.on_call_now([primary], START)

    assert log() == [("alice", "9 12", None)]


def test_what_holds_is_written_once(logged, pulse):
    schedules.on_call_now([logged], START + SECONDS)

    assert pulse(day(9, 13), day(10, 8)) == 0
    assert log() == [("alice", "9 12", None)]


def test_a_hand_over_ends_the_entry_when_it_happened_though_noticed_later(logged, pulse):
    assert pulse(day(10) + SECONDS) == 1

    assert log() == [("alice", "9 12", "10 09"), ("bob", "10 09", None)]
    last = DutyLog.objects.last()
    assert (last.reason, last.computed, last.noted_at) == ("handover", False, day(10) + SECONDS)


def test_the_pulse_keeps_the_stored_answer_fresh(logged, pulse):
    pulse(day(10) + SECONDS)

    assert OnDuty.objects.get().until_at == day(11)


def test_nobody_on_call_is_written_down_too(logged, alice, pulse):
    absences.add(alice, start=day(9, 13), end=day(9, 15), by=alice, at=START)

    pulse(START + SECONDS, day(9, 13), day(9, 15))

    assert log() == [("alice", "9 12", "9 13"), ("nobody", "9 13", "9 15"), ("alice", "9 15", None)]


def test_a_change_ends_the_entry_when_it_was_made(logged, bob, clock, pulse):
    bobs = {"kind": "set", "users": (bob,), "start": day(9), "end": day(10)}
    schedules.add_exception(logged, **bobs, by=None, at=clock(day(9, 14)))

    pulse(day(9, 14) + SECONDS)

    assert log() == [("alice", "9 12", "9 14"), ("bob", "9 14", None)]
    last = DutyLog.objects.last()
    assert (last.reason, last.version, last.computed) == ("changed", 2, False)


def test_a_change_that_changes_no_hands_is_a_new_entry_of_the_new_version(logged, bob, clock, pulse):
    bobs = {"kind": "set", "users": (bob,), "start": day(20), "end": day(21)}
    schedules.add_exception(logged, **bobs, by=None, at=clock(day(9, 14)))

    pulse(day(9, 14) + SECONDS)

    assert log() == [("alice", "9 12", "9 14"), ("alice", "9 14", None)]
    assert list(DutyLog.objects.values_list("version", flat=True)) == [1, 2]


def test_of_two_changes_at_once_no_entry_without_length_is_left(logged, bob, clock, pulse):
    for hour in (15, 16):
        clock(day(9, 14))
        bobs = {"kind": "set", "users": (bob,), "start": day(9), "end": day(9, hour)}
        schedules.add_exception(logged, **bobs, by=None, at=day(9, 14))
        pulse(day(9, 14))

    assert log() == [("alice", "9 12", "9 14"), ("bob", "9 14", None)]


# -- while the engine stood still --------------------------------------------------------------------------
def test_hand_overs_that_nobody_noted_are_filled_in_and_marked(logged, pulse):
    pulse(day(12, 15))

    assert log() == [
        ("alice", "9 12", "10 09"),
        ("bob", "10 09", "11 09"),
        ("alice", "11 09", "12 09"),
        ("bob", "12 09", "12 15"),  # under way, but nobody saw it begin
        ("bob", "12 15", None),
    ]
    assert list(DutyLog.objects.values_list("computed", flat=True)) == [False, True, True, True, False]
    assert DutyLog.objects.last().reason == "resumed"


def test_a_hand_over_just_before_the_engine_came_back_is_no_computed_one(logged, pulse):
    pulse(day(11) + SECONDS)

    assert log()[1:] == [("bob", "10 09", "11 09"), ("alice", "11 09", None)]
    assert list(DutyLog.objects.values_list("computed", flat=True)) == [False, True, False]


def test_a_change_while_the_engine_stood_still_counts_from_when_it_was_made(logged, alice, bob, clock, pulse):
    always = {"kind": "set", "users": (alice, bob), "start": day(9), "end": day(20)}
    schedules.add_exception(logged, **always, by=None, at=clock(day(9, 20)))

    pulse(day(12))

    assert log()[:2] == [("alice", "9 12", "9 20"), ("alice, bob", "9 20", "12 09")]
    assert DutyLog.objects.all()[1].reason == "changed"


def test_what_began_and_ended_while_the_engine_stood_still_is_filled_in_too(logged, bob, pulse):
    bobs = {"kind": "set", "users": (bob,), "start": day(9, 18), "end": day(9, 20)}
    schedules.add_exception(logged, **bobs, by=None, at=START)

    pulse(day(9, 23))

    assert log()[:3] == [("alice", "9 12", "9 18"), ("bob", "9 18", "9 20"), ("alice", "9 20", "9 23")]


def test_a_process_whose_clock_is_behind_writes_nothing(logged, bob, pulse):
    bobs = {"kind": "set", "users": (bob,), "start": day(8), "end": day(10)}
    schedules.add_exception(logged, **bobs, by=None, at=START)

    pulse(day(9, 11))
    assert log() == [("alice", "9 12", None)]

    pulse(START + SECONDS)
    assert log() == [("bob", "9 12", None)]


def test_a_clock_set_back_changes_nothing(logged, pulse):
    assert pulse(day(9, 11)) == 0

    schedules.on_call_now([logged], day(8, 10))  # as a process with a slow clock would

    assert log() == [("alice", "9 12", None)]


def test_a_reader_with_an_older_copy_of_the_schedule_changes_nothing(logged, bob, clock, pulse):
    bobs = {"kind": "set", "users": (bob,), "start": day(9), "end": day(10)}
    schedules.add_exception(logged, **bobs, by=None, at=clock(day(9, 14)))
    pulse(day(9, 14) + SECONDS)

    schedules.on_call_now([logged], day(9, 15))

    assert log() == [("alice", "9 12", "9 14"), ("bob", "9 14", None)]


# -- what is done later changes nothing --------------------------------------------------------------------
def test_an_edit_rewrites_what_is_computed_of_the_past_but_not_the_log(logged, carol, pulse, clock):
    pulse(day(10), day(11))
    form = schedules.to_form(logged)
    form["layers"][0]["slots"] = [["carol"]]

    schedules.replace(logged, form, by=None, at=clock(day(11, 12)))
    pulse(day(11, 13))

    computed = schedules.final(logged, day(9, 12), day(11))
    assert [segment.people for segment in computed] == [("carol",)]
    assert log()[:3] == [("alice", "9 12", "10 09"), ("bob", "10 09", "11 09"), ("alice", "11 09", "11 12")]


def test_a_schedule_renamed_keeps_its_past_under_the_old_name(logged, pulse, clock):
    pulse(day(10))
    logged.slug, logged.name, logged.version = "billing", "Billing", 2
    clock(day(10, 12))
    logged.save()

    pulse(day(10, 12))

    names = list(DutyLog.objects.values_list("schedule_slug", "schedule_name", "schedule"))
    assert names == [("primary", "Primary", logged.pk)] * 2 + [("billing", "Billing", logged.pk)]


def test_a_schedule_deleted_keeps_its_past_which_ends_then(logged, pulse, clock):
    pulse(day(10))
    clock(day(10, 12))
    logged.delete()

    assert pulse(day(10, 12) + SECONDS) == 1

    assert log() == [("alice", "9 12", "10 09"), ("bob", "10 09", "10 12")]
    assert pulse(day(10, 13)) == 0


def test_of_a_schedule_deleted_while_the_engine_stood_still_only_what_is_known_is_told(logged, pulse, clock):
    clock(day(14))
    logged.delete()

    pulse(day(15))

    assert log() == [("alice", "9 12", "10 09")]


def test_a_person_renamed_keeps_her_past_and_her_present(logged, alice, pulse):
    User.objects.filter(pk=alice.pk).update(username="alicia", first_name="Alicia")

    schedules.on_call_now([logged], day(9, 13))
    pulse(day(9, 13), day(11))

    assert [who for who, *_ in log()] == ["alice", "bob", "alicia"]
    assert set(DutyLogPerson.objects.filter(user=alice).values_list("name", flat=True)) == {"Alice", "Alicia"}


def test_a_person_deleted_keeps_her_past_and_is_on_call_no_longer(logged, alice, pulse):
    alice.delete()

    pulse(day(9, 13))

    assert log() == [("alice", "9 12", "9 13"), ("nobody", "9 13", None)]


# -- what the database refuses -----------------------------------------------------------------------------
def entry(schedule, **fields) -> DutyLog:
    told = {"version": 1, "reason": "handover", "noted_at": START, "from_at": day(9), **fields}
    return DutyLog.objects.create(schedule=schedule, **told)


@pytest.mark.parametrize(
    "second",
    [
        {"from_at": day(12)},  # two that run
        {"from_at": day(9), "until_at": day(10)},  # two that begin at once
        {"from_at": day(8), "until_at": day(8)},
        {"from_at": day(8), "until_at": day(7)},
        {"from_at": day(8), "until_at": day(9), "due_at": day(8)},
    ],
)
def test_the_database_refuses_what_cannot_be(primary, second):
    entry(primary)

    with pytest.raises(IntegrityError), transaction.atomic():
        entry(primary, **second)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no exclusion constraint")
def test_the_database_refuses_an_overlap(primary):
    entry(primary, until_at=day(11))
    entry(primary, from_at=day(11), until_at=day(12))

    with pytest.raises(IntegrityError, match="never_overlap"), transaction.atomic():
        entry(primary, from_at=day(10), until_at=day(10, 12))


# -- many --------------------------------------------------------------------------------------------------
def many(count: int, *users) -> list[Schedule]:
    made = Schedule.objects.bulk_create([Schedule(slug=f"s{n}", name=f"S{n}") for n in range(count)])
    for schedule in made:
        layer = schedule.layers.create(name="days", unit="day", anchor=day(9).replace(tzinfo=None))
        for position, user in enumerate(users):
            layer.slots.create(position=position).users.add(user)
    return made


def test_renewing_many_takes_as_many_queries_as_renewing_one(
    alice, bob, pulse, django_assert_max_num_queries
):
    made = many(20, alice, bob)
    pulse(START)

    with django_assert_max_num_queries(24) as one:
        schedules.on_call_now(made[:1], day(10))
    with django_assert_max_num_queries(24) as all_of_them:
        schedules.on_call_now(made, day(11))

    assert len(one) == len(all_of_them)


def test_two_hundred_are_read_in_two_queries_while_the_log_runs(alice, bob, pulse, django_assert_num_queries):
    made = many(200, alice, bob)
    pulse(START, day(10))

    with django_assert_num_queries(2):
        schedules.on_call_now(made, day(10, 10))

    assert DutyLog.objects.count() == 400


def test_a_schedule_at_fault_holds_up_no_other(logged, alice, pulse):
    [faulty] = many(1, alice)
    Schedule.objects.filter(pk=faulty.pk).update(time_zone="Mars/Base")

    assert pulse(day(10)) == 1

    assert log(logged)[-1] == ("bob", "10 09", None)
    assert log(faulty) == []


@pytest.mark.django_db(transaction=True)
def test_two_engines_and_a_reader_at_once_write_each_entry_once(primary, alice, bob):
    made = [primary, *many(5, alice, bob)]
    for at in (START, day(10), day(13)):
        works = [lambda at=at: duty_log.record(now=lambda: at)] * 2
        at_once(*works, lambda at=at: schedules.on_call_now(reversed(made), at))

    for schedule in made:
        assert [told for _, *told in log(schedule)] == [
            ["9 12", "10 09"],
            ["10 09", "11 09"],
            ["11 09", "12 09"],
            ["12 09", "13 09"],
            ["13 09", None],
        ]


# -- reading -----------------------------------------------------------------------------------------------
def test_entries_are_found_by_time_and_by_person(logged, alice, bob, pulse):
    many(1, bob)
    pulse(START, day(10), day(11))

    assert [e.schedule_slug for e in duty_log.entries(day(9), START + SECONDS)] == ["primary", "s0"]
    assert [told(e.from_at) for e in duty_log.entries(day(10), day(11))] == ["9 12", "10 09"]
    found = duty_log.entries(START, day(12), user=bob)
    assert [(e.schedule_slug, told(e.from_at)) for e in found] == [("s0", "9 12"), ("primary", "10 09")]
