"""Shifts in a calendar program: what the file says, and who may read it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import icalendar
import pytest
import recurring_ical_events

from config import logs
from oncall import absences, calendars, holidays, schedules
from oncall.calendars import Shift
from oncall.messaging.errors import DomainError
from oncall.models import CalendarFeed, CalendarImport, HolidayCalendar, Schedule, User

NOW = datetime(2026, 3, 11, 13, tzinfo=UTC)
DAY = timedelta(days=1)
FORM = {
    "time_zone": "America/New_York",
    "layers": [
        {
            "name": "primary",
            "rotation": {"unit": "week", "length": 1, "anchor": "2026-01-05T09:00"},
            "slots": [["alice"], ["bob"], ["alice", "carol"]],
        },
        {
            "name": "nights",
            "priority": 2,
            "rotation": {"unit": "day", "length": 1, "anchor": "2026-01-05T09:00"},
            "slots": [["carol"], ["bob"], []],
            "restrictions": [{"type": "daily", "days": ["MO", "WE", "SA"], "from": "22:00", "to": "06:00"}],
        },
    ],
    "exceptions": [
        {"kind": "replace", "user": "bob", "by": "alice", "start": "2026-03-19T12:00", "end": "2026-03-20T12:00",
         "reason": "dentist"},
        {"kind": "set", "users": [], "start": "2026-05-01T00:00", "end": "2026-05-02T00:00"},
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def people(db):
    return {
        name: User.objects.create(username=name, first_name=name.title())
        for name in ("alice", "bob", "carol")
    }


@pytest.fixture
def schedule(people):
    return make_schedule("ledger", "Ledger primary", FORM)


def make_schedule(slug, name, form):
    schedule = Schedule.objects.create(slug=slug, name=name)
    schedules.replace(schedule, form, by=None, at=NOW - DAY)
    return schedule


def make_feed(owner, *, schedule=None, alarm=None):
    """A feed and its path: of ``schedule``, else of its owner."""
    feed, address = calendars.create(
        owner=owner, user=None if schedule else owner, schedule=schedule, alarm_minutes=alarm, at=NOW
    )
    return feed, address.removeprefix("http://testserver")


def events(body):
    return list(icalendar.Calendar.from_ical(body).walk("VEVENT"))


def expanded(body, start, end):
    """(start, end, summary) of what another program shows between two instants, cut to them."""
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(body)).between(start, end)
    spans = [(max(e["DTSTART"].dt, start), min(e["DTEND"].dt, end), str(e["SUMMARY"])) for e in found]
    return sorted(spans)


def told(segments, name):
    """The stretches of ``segments`` in which ``name`` is on call, neighbours as one."""
    runs = []
    for segment in segments:
        if name in segment.people:
            if runs and runs[-1][1] == segment.start:
                runs[-1] = (runs[-1][0], segment.end)
            else:
                runs.append((segment.start, segment.end))
    return runs


# -- the file ----------------------------------------------------------------------------------------------
@pytest.fixture
def shift():
    return Shift(
        uid="1@muster",
        start=NOW,
        end=NOW + DAY,
        summary="On call: " + "Zahlungsverkehr, größer; länger " * 5,
        description="Alice.\nWhy: layer primary, turn 3.",
        url="https://muster.example.com/",
        sequence=4,
        changed_at=NOW - DAY,
    )


def test_a_shift_is_an_event_in_utc_that_programs_can_tell_from_its_older_copy(shift):
    event = events(calendars.render("On call", [shift]))[0]

    assert (event["UID"], event["SEQUENCE"]) == ("1@muster", 4)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (NOW, NOW + DAY)
    assert event["LAST-MODIFIED"].dt == NOW - DAY
    assert (event["SUMMARY"], event["DESCRIPTION"]) == (shift.summary, shift.description)


def test_lines_end_in_crlf_and_are_folded_at_75_octets(shift):
    body = calendars.render("On call", [shift])

    assert body.count(b"\n") == body.count(b"\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 75


def test_programs_are_asked_to_read_again_every_hour():
    body = calendars.render("On call", [])

    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in body
    assert b"X-PUBLISHED-TTL:PT1H\r\n" in body


def test_an_alarm_rings_before_each_shift(shift):
    event = events(calendars.render("On call", [shift], alarm=timedelta(minutes=30)))[0]

    assert [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] == [timedelta(minutes=-30)]


def test_without_an_alarm_nothing_rings(shift):
    assert b"VALARM" not in calendars.render("On call", [shift])


# -- what it holds -----------------------------------------------------------------------------------------
def test_a_schedules_calendar_says_what_final_says(schedule, people, client):
    start, end = NOW - 30 * DAY, NOW + 180 * DAY
    _, path = make_feed(people["alice"], schedule=schedule)

    spans = expanded(client.get(path).content, start, end)

    segments = schedules.final(schedule, start, end)
    assert spans == sorted(
        (*run, f"On call: {name.title()}, Ledger primary") for name in people for run in told(segments, name)
    )


def test_a_persons_calendar_holds_all_schedules(schedule, people, client):
    other = make_schedule("web", "Web", {"time_zone": "Asia/Kolkata", "layers": FORM["layers"][:1]})
    start, end = NOW - 30 * DAY, NOW + 180 * DAY
    _, path = make_feed(people["alice"])

    spans = expanded(client.get(path).content, start, end)

    assert spans == sorted(
        (*run, f"On call: {of.name}")
        for of in (schedule, other)
        for run in told(schedules.final(of, start, end), "alice")
    )


@pytest.mark.parametrize(("zone", "noon"), [("Europe/Berlin", (2026, 10, 20)), ("America/New_York", (2027, 3, 1)),
                                           ("Australia/Lord_Howe", (2027, 3, 20))])  # fmt: skip
def test_over_both_clock_changes_calendars_say_what_final_says(people, client, time_machine, zone, noon):
    """Also of absences, holidays and imported calendars; for each person and for the schedule."""
    now = datetime(*noon, 12, tzinfo=UTC)
    time_machine.move_to(now, tick=False)
    schedule = make_schedule("ledger", "Ledger", FORM | {"time_zone": zone, "exceptions": []})
    absences.add(people["bob"], start=now + 9 * DAY, end=now + 40 * DAY, by=None, at=now)
    day = f"{now + 12 * DAY:%Y-%m-%d}"
    layers = schedule.layers.filter(name="primary")
    holidays.write(HolidayCalendar(name="House"), days={day: ""}, layers=layers, by=None, at=now)
    CalendarImport.objects.create(
        schedule=schedule, name="Ours", priority=9, url="https://x.example", refreshed_at=now,
        events=[[int((now + 3 * DAY).timestamp()), int((now + 4 * DAY).timestamp()), [people["carol"].pk]]],
    )  # fmt: skip
    start, end = now - 30 * DAY, now + 180 * DAY
    segments = schedules.final(schedule, start, end)

    of_all = expanded(client.get(make_feed(people["alice"], schedule=schedule)[1]).content, start, end)

    assert of_all == sorted(
        (*run, f"On call: {name.title()}, Ledger") for name in people for run in told(segments, name)
    )
    for name, person in people.items():
        hers = expanded(client.get(make_feed(person)[1]).content, start, end)
        assert [span[:2] for span in hers] == told(segments, name)


@pytest.mark.parametrize("minutes", [0, 15, 1440])
def test_every_shift_of_a_feed_with_an_alarm_rings_once(schedule, people, client, minutes):
    _, path = make_feed(people["alice"], alarm=minutes)

    found = events(client.get(path).content)

    rings = [[alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] for event in found]
    assert rings == [[timedelta(minutes=-minutes)]] * len(found) != []


def test_an_event_says_why(schedule, people, client):
    _, path = make_feed(people["alice"])

    said = [str(e["DESCRIPTION"]) for e in events(client.get(path).content)]

    assert any("layer primary, turn 11, Alice covers for Bob (dentist)" in each for each in said)


def test_a_shift_keeps_its_uid_from_day_to_day(schedule, people):
    feed, _ = make_feed(people["alice"], schedule=schedule)
    days = [events(calendars.document(feed, at=NOW + n * DAY)) for n in range(0, 90, 9)]

    for before, after in pairwise(days):
        spans = {str(e["UID"]): (e["DTSTART"].dt, e["DTEND"].dt) for e in before}
        shared = [e for e in after if e["DTSTART"].dt < NOW + 180 * DAY]
        assert [spans[str(e["UID"])] for e in shared] == [(e["DTSTART"].dt, e["DTEND"].dt) for e in shared]


def test_duty_without_an_end_is_cut_where_tomorrows_calendar_cuts_it(people, client):
    always = [{**FORM["layers"][0], "slots": [["alice"]], "start": "2001-01-01T00:00"}]
    feed, _ = make_feed(people["alice"])
    make_schedule("always", "Always", {"time_zone": "UTC", "layers": always})

    assert calendars.document(feed, at=NOW) == calendars.document(feed, at=NOW + DAY)


def test_a_change_of_the_schedule_raises_the_sequence(schedule, people):
    feed, _ = make_feed(people["alice"])
    before = events(calendars.document(feed, at=NOW))[0]

    schedules.add_exception(
        schedule, kind="add", start=NOW, end=NOW + DAY, user=people["bob"], by=None, at=NOW + DAY
    )

    after = events(calendars.document(feed, at=NOW))[0]
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after["LAST-MODIFIED"].dt == NOW + DAY > before["LAST-MODIFIED"].dt


def test_many_schedules_are_read_in_as_many_queries_as_one(schedule, people, django_assert_num_queries):
    feed, _ = make_feed(people["alice"])
    for n in range(5):
        make_schedule(f"more-{n}", f"More {n}", FORM)

    with django_assert_num_queries(12):
        calendars.document(feed, at=NOW)


# -- the address -------------------------------------------------------------------------------------------
def test_it_is_read_without_a_session_and_kept_by_no_shared_cache(schedule, people, client):
    _, path = make_feed(people["alice"])

    answer = client.get(path)

    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert not answer.cookies


def test_who_has_it_already_is_told_so(schedule, people, client):
    _, path = make_feed(people["alice"])
    tag = client.get(path).headers["ETag"]

    again = client.get(path, headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")


def test_head_answers_as_get_without_the_calendar(schedule, people, client):
    _, path = make_feed(people["alice"])
    whole, head = client.get(path), client.head(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_it_cannot_be_written_to(schedule, people, client):
    assert client.post(make_feed(people["alice"])[1]).status_code == 405


@pytest.mark.parametrize("token", ["x" * 43, "short", "a b", "%00" * 20, "x" * 500])
def test_an_unknown_address_is_404(db, client, token):
    assert client.get(f"/calendars/{token}.ics").status_code == 404


def test_a_revoked_address_is_404_at_once(schedule, people, client):
    feed, path = make_feed(people["alice"])

    calendars.revoke(feed, by=people["alice"], at=NOW)

    assert client.get(path).status_code == 404


@pytest.mark.parametrize("gone", ["owner", "user"])
def test_the_address_ends_when_its_owner_or_person_is_deactivated(people, client, gone):
    feed, address = calendars.create(
        owner=people["alice"], user=people["bob"], schedule=None, alarm_minutes=None, at=NOW
    )
    User.objects.filter(pk=getattr(feed, gone).pk).update(is_active=False)

    assert client.get(address.removeprefix("http://testserver")).status_code == 404


def test_only_the_tokens_hash_is_stored(people):
    feed, path = make_feed(people["alice"])
    token = path.split("/")[-1].removesuffix(".ics")

    assert len(token) == 43
    assert token not in str(CalendarFeed.objects.filter(pk=feed.pk).values())


def test_a_token_never_stands_in_the_log(people):
    _, path = make_feed(people["alice"])

    assert logs.masked(f"Not Found: {path}") == "Not Found: /calendars/….ics"


def test_use_is_noted_every_ten_minutes(people):
    feed, path = make_feed(people["alice"])
    token = path.split("/")[-1].removesuffix(".ics")
    minutes = [0, 5, 11]

    noted = []
    for minute in minutes:
        calendars.find(token, at=NOW + timedelta(minutes=minute))
        feed.refresh_from_db()
        noted.append((feed.last_used_at - NOW) // timedelta(minutes=1))

    assert noted == [0, 0, 11]


def test_a_feed_is_of_one_person_or_one_schedule(people, schedule):
    for both in ({"user": None, "schedule": None}, {"user": people["alice"], "schedule": schedule}):
        with pytest.raises(DomainError, match="either a person or a schedule"):
            calendars.create(owner=people["alice"], alarm_minutes=None, at=NOW, **both)
