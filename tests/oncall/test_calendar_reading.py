"""Calendars of others: what they say, and what is said about those that cannot be used."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from oncall.calendars import matching, reading
from oncall.calendars.matching import Directory
from oncall.calendars.recurrence import BUDGET, Budget, CalendarError

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
PEOPLE = Directory(
    by_email={"alice@example.com": {1}, "bob@example.com": {2}, "ops@example.com": {1, 2}},
    by_name={"Alice Doe": {1}, "Bob Roe": {2}, "Sam Lee": {3, 4}},
)


def event(*lines, uid="1"):
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def calendar(*events):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//", *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def read(*events, zone=BERLIN):
    """(spans in UTC as "03-09 08:00", problems)."""
    found, problems = reading.read(calendar(*events), zone=zone, start=START, end=END)
    return [(f"{each.start:%m-%d %H:%M}", f"{each.end:%m-%d %H:%M}") for each in found], problems


def fault(*lines):
    """What is said about the one event that these lines make; nothing of it is used."""
    found, problems = read(event("SUMMARY:Ours", *lines))
    assert found == []
    [problem] = problems
    assert problem.startswith("Event 1 (“Ours”) ")
    return problem.removeprefix("Event 1 (“Ours”) ")


# -- times -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("begin", "end", "span"),
    [
        ("DTSTART:20260309T080000Z", "DTEND:20260309T180000Z", ("03-09 08:00", "03-09 18:00")),
        ("DTSTART:20260309T080000", "DTEND:20260309T180000", ("03-09 07:00", "03-09 17:00")),
        ("DTSTART;TZID=America/New_York:20260309T080000", "DURATION:PT10H", ("03-09 12:00", "03-09 22:00")),
        ("DTSTART;TZID=W. Europe Standard Time:20260309T080000", "DURATION:P1D", ("03-09 07:00", "03-10 07:00")),
        ("DTSTART;TZID=/x.org/Asia/Kolkata:20260309T080000", "DURATION:PT1H", ("03-09 02:30", "03-09 03:30")),
        ("DTSTART;VALUE=DATE:20260309", "DTEND;VALUE=DATE:20260311", ("03-08 23:00", "03-10 23:00")),
        ("DTSTART;VALUE=DATE:20260309", "DESCRIPTION:one day", ("03-08 23:00", "03-09 23:00")),
        ("DTSTART;TZID=Asia/Tokyo:20260309T080000", "DTEND:20260309T000000Z", ("03-08 23:00", "03-09 00:00")),
    ],
)  # fmt: skip
def test_times_are_those_that_the_calendar_means(begin, end, span):
    assert read(event(begin, end)) == ([span], [])


def test_a_floating_time_that_the_clock_skips_is_the_end_of_the_gap():
    assert read(event("DTSTART:20260329T023000", "DTEND:20260329T090000"))[0] == [
        ("03-29 01:00", "03-29 07:00")
    ]


def test_a_day_of_23_hours_is_a_day():
    found, _ = read(event("DTSTART;VALUE=DATE:20260328", "RRULE:FREQ=DAILY;COUNT=3"))

    assert found == [
        ("03-27 23:00", "03-28 23:00"),
        ("03-28 23:00", "03-29 22:00"),
        ("03-29 22:00", "03-30 22:00"),
    ]


def test_an_event_that_is_cancelled_does_not_take_place():
    assert read(event("DTSTART:20260309T080000Z", "DURATION:PT1H", "STATUS:CANCELLED")) == ([], [])


# -- series ------------------------------------------------------------------------------------------------
def weekly(*lines, uid="1"):
    return event("DTSTART;TZID=Europe/Berlin:20260309T090000", "DURATION:P7D", *lines, uid=uid)


def test_a_weekly_shift_hands_over_at_the_same_time_all_year():
    found, _ = read(weekly("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3"))

    assert found == [
        ("03-09 08:00", "03-16 08:00"),
        ("03-23 08:00", "03-30 07:00"),
        ("04-06 07:00", "04-13 07:00"),
    ]


def test_a_series_without_an_end_is_followed_to_the_end_of_the_range():
    assert len(read(weekly("RRULE:FREQ=WEEKLY"))[0]) == 8


def test_what_began_long_ago_still_takes_place():
    found, _ = read(event("DTSTART:19900101T000000Z", "DURATION:P1D", "RRULE:FREQ=MONTHLY;BYDAY=-1FR"))

    assert found == [("03-27 00:00", "03-28 00:00"), ("04-24 00:00", "04-25 00:00")]


def test_dates_are_added_and_taken_out():
    found, _ = read(
        weekly(
            "RRULE:FREQ=WEEKLY;UNTIL=20260324T000000Z",
            "EXDATE;TZID=Europe/Berlin:20260316T090000",
            "RDATE;TZID=Europe/Berlin:20260401T090000,20260410T090000",
        )
    )

    assert [start for start, _ in found] == ["03-09 08:00", "03-23 08:00", "04-01 07:00", "04-10 07:00"]


def test_one_of_a_series_that_was_moved_takes_place_once():
    moved = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000", "DTSTART:20260320T080000Z", "DURATION:P1D"
    )

    found, _ = read(weekly("RRULE:FREQ=WEEKLY;COUNT=3"), moved)

    assert [start for start, _ in found] == ["03-09 08:00", "03-23 08:00", "03-20 08:00"]


def test_one_of_a_series_that_was_cancelled_does_not():
    gone = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000",
        "DTSTART;TZID=Europe/Berlin:20260316T090000",
        "DURATION:P7D",
        "STATUS:CANCELLED",
    )

    assert len(read(weekly("RRULE:FREQ=WEEKLY;COUNT=3"), gone)[0]) == 2


# -- events at fault ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["DTSTART:20260309T080000Z"], "has no end."),
        (["DTEND:20260309T080000Z"], "has no beginning."),
        (["DTSTART:20260309T080000Z", "DTEND:20260308T080000Z"], "ends before it begins."),
        (["DTSTART:20260309T080000Z", "DURATION:-PT1H"], "ends before it begins."),
        (["DTSTART:20260309T080000Z", "DTEND:20260309T080000Z"], "ends when it begins."),
        (["DTSTART:20260309T080000Z", "DTEND:20360309T080000Z"], "lasts more than two years."),
        (["DTSTART:99980309T080000Z", "DTEND:99990309T080000Z"],
         "has DTSTART in the year 9998, outside of 1970 to 2199."),
        (["DTSTART:00010101T000000Z", "DTEND:20260309T080000Z"],
         "has DTSTART in the year 1, outside of 1970 to 2199."),
        (["DTSTART:99991231T235959", "DURATION:P1D"], "has DTSTART in the year 9999, outside of 1970 to 2199."),
        (["DTSTART:120260309T080000Z", "DURATION:P1D"], "has DTSTART that cannot be read."),
        (["DTSTART:soon", "DURATION:P1D"], "has DTSTART that cannot be read."),
        (["DTSTART:20260309T080000Z", "DTEND:later"], "has DTEND that cannot be read."),
        (["DTSTART:20260309T080000Z", "DURATION:P99999999999D"], "has DURATION that cannot be read."),
        (["DTSTART:20260309T080000Z", "DTSTART:20260310T080000Z", "DURATION:P1D"], "has DTSTART more than once."),
        (["DTSTART;TZID=Mars/Base:20260309T080000", "DURATION:P1D"],
         "is in the time zone 'Mars/Base', which nobody knows; use one like Europe/Berlin."),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_used_is_left_out_and_told_of(lines, said):
    assert fault(*lines) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("FREQ=BANANA", "has a recurrence rule"),
        ("COUNT=3", "without a frequency"),
        ("FREQ=DAILY;COUNT=three", "has a recurrence rule that cannot be read"),
        ("FREQ=DAILY;INTERVAL=0", "whose interval is not between 1 and 1000"),
        ("FREQ=DAILY;INTERVAL=999999", "whose interval is not between 1 and 1000"),
        ("FREQ=WEEKLY;BYDAY=XX", "has a recurrence rule"),
        ("FREQ=YEARLY;BYEASTER=0", "with BYEASTER, which is not understood"),
        ("FREQ=MONTHLY;BYMONTHDAY=" + ",".join(["1"] * 401), "with more than 400 values"),
        ("FREQ=DAILY;BYHOUR=99", "has a recurrence rule that cannot be"),
        ("FREQ=DAILY;RSCALE=CHINESE", "with RSCALE, which is not understood"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_told_of(rule, said):
    assert said in fault("DTSTART:20260309T080000Z", "DURATION:PT1H", f"RRULE:{rule}")


def test_two_rules_are_one_too_many():
    rules = ["RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"]

    assert "more than one recurrence rule" in fault("DTSTART:20260309T080000Z", "DURATION:PT1H", *rules)


def test_the_other_events_are_used():
    found, problems = read(event("DTSTART:20260309T080000Z"), weekly(uid="2"))

    assert (len(found), len(problems)) == (1, 1)


# -- files at fault ----------------------------------------------------------------------------------------
def refusal(body):
    with pytest.raises(CalendarError) as refused:
        reading.read(body, zone=BERLIN, start=START, end=END)
    return str(refused.value)


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"<html><body>Sign in</body></html>", b"\x1f\x8b\x08\x00", b"\xff\xfe\x00", b"{}"]
)
def test_what_is_no_calendar_is_said_to_be_none(body):
    assert refusal(body) == "This is not a calendar: it does not begin with BEGIN:VCALENDAR."


@pytest.mark.parametrize(
    "body",
    [
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\nnonsense\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\n" * 5_000 + b"END:VCALENDAR",
        b"END:VCALENDAR".join([b"BEGIN:VCALENDAR\r\n"] * 2) + b"END:VCALENDAR",
    ],
)
def test_half_a_calendar_is_refused(body):
    assert "not a whole calendar" in refusal(body)


def test_a_calendar_over_two_megabytes_is_refused_unread():
    assert refusal(calendar() + b" " * 2 * 1024 * 1024) == "The calendar is larger than 2 MB."


def test_too_many_events_are_refused_unread():
    assert (
        refusal(calendar(*["BEGIN:VEVENT\r\nEND:VEVENT"] * 5001)) == "The calendar has more than 5000 events."
    )


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60)))
        + ";BYSECOND=" + ",".join(map(str, range(60))),
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYHOUR=3;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYSETPOS=366;BYDAY=MO",
        "FREQ=DAILY;BYHOUR=1,2,3;BYSETPOS=" + ",".join(["300"] * 400),
    ],
)  # fmt: skip
def test_a_recurrence_bomb_ends_clearly(rule, monkeypatch):
    monkeypatch.setattr(reading, "Budget", lambda: Budget(BUDGET // 20))
    bomb = ["DTSTART:19700101T000000Z", "DURATION:PT1H", f"RRULE:{rule}"]

    said = refusal(calendar(*[event(*bomb, uid=n) for n in range(20)]))

    assert said == "The recurrences of this calendar never end or are too many to follow."


def test_more_shifts_than_anybody_works_are_refused():
    hourly = event("DTSTART:20260301T000000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY")

    said = refusal(calendar(*[hourly] * 10))

    assert said == "The calendar has more than 10,000 shifts between 2026-03-01 and 2026-05-01."


def test_a_recurrence_bomb_ends_soon():
    bomb = event("DTSTART:19700101T000000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")
    began = time.monotonic()

    refusal(calendar(bomb))

    assert time.monotonic() - began < 20


# -- people ------------------------------------------------------------------------------------------------
def whom(*lines):
    """(ids of those on call, problems without the event's name) of one event."""
    shift = ["DTSTART:20260309T080000Z", "DTEND:20260309T180000Z"]
    happenings, _ = reading.read(calendar(event(*shift, *lines)), zone=BERLIN, start=START, end=END)
    spans, problems = matching.spans(happenings, PEOPLE)
    people = set().union(*(people for *_, people in spans))
    return people, [problem.split("”) ", 1)[1] for problem in problems]


@pytest.mark.parametrize(
    ("lines", "people"),
    [
        (["ATTENDEE:mailto:alice@example.com"], {1}),
        (["ATTENDEE;CN=Alice:MAILTO:Alice@Example.com", "ATTENDEE:mailto:bob@example.com"], {1, 2}),
        (["ATTENDEE;EMAIL=bob@example.com:urn:uuid:7"], {2}),
        (["ATTENDEE:mailto:alice@example.com", "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com"], {1}),
        (["ATTENDEE:mailto:alice@example.com", "ATTENDEE;CUTYPE=ROOM:mailto:room7@example.com"], {1}),
        (["ORGANIZER:mailto:bob@example.com", "SUMMARY:On call"], {2}),
        (["ORGANIZER:mailto:bob@example.com", "ATTENDEE:mailto:alice@example.com"], {1}),
        (["ORGANIZER:mailto:group@calendar.example.com", "SUMMARY:alice@example.com"], {1}),
        (["SUMMARY:On call: bob@example.com (primary)"], {2}),
        (["SUMMARY:On call", "DESCRIPTION:Ask alice@example.com.\\nOr bob@example.com."], {1, 2}),
        (["SUMMARY: Alice Doe "], {1}),
    ],
)
def test_people_are_known_by_their_address_or_their_whole_name(lines, people):
    assert whom(*lines) == (people, [])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["SUMMARY:Alice"], "names nobody here"),
        (["SUMMARY:alice doe"], "names nobody here"),
        (["DESCRIPTION:no title"], "names nobody here"),
        (
            ["ATTENDEE:mailto:eve@example.com", "SUMMARY:Alice Doe"],
            "names eve@example.com, whom nobody here has",
        ),
        (["SUMMARY:ops@example.com"], "names the address ops@example.com, which 2 people have."),
        (["SUMMARY:Sam Lee"], "names the name Sam Lee, which 2 people have."),
        (["ORGANIZER:mailto:alice@example.com", "SUMMARY:Bob Roe"], "is organised by one person and"),
    ],
)
def test_whoever_is_not_clear_is_told_of_and_not_guessed(lines, said):
    people, [problem] = whom(*lines)

    assert people == set()
    assert problem.startswith(said)


def test_a_series_is_told_of_once():
    happenings, _ = reading.read(
        calendar(weekly("SUMMARY:Nobody", "RRULE:FREQ=WEEKLY")), zone=BERLIN, start=START, end=END
    )

    assert len(matching.spans(happenings, PEOPLE)[1]) == 1


def test_where_events_overlap_everybody_is_on_call():
    def hour(number):
        return START + timedelta(hours=number)

    one, two, both = frozenset({1}), frozenset({2}), frozenset({1, 2})

    found = matching.apart([(hour(0), hour(4), one), (hour(2), hour(6), two), (hour(6), hour(8), two)])

    assert found == [(hour(0), hour(2), one), (hour(2), hour(4), both), (hour(4), hour(8), two)]
