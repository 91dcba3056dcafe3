"""A calendar elsewhere as a layer: read when due, kept when it fails, shown when it is not clear."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from oncall import calendars, schedules
from oncall.messaging.errors import DomainError
from oncall.models import CalendarImport, Schedule, User
from tests.messaging.sinks import hook_sink
from tests.oncall.test_calendar_reading import calendar, event

NOW = datetime(2026, 3, 9, 10, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def elsewhere(settings):
    """A calendar server on the loopback: (sink, address)."""
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    with hook_sink() as (sink, port):
        yield sink, f"http://127.0.0.1:{port}/ours.ics"


@pytest.fixture
def row(primary, elsewhere):
    """Imported above the rotation, which has alice from Monday 09:00 and bob from Tuesday 09:00."""
    row = CalendarImport.objects.create(schedule=primary, name="Ours", priority=2, url=elsewhere[1])
    return calendars.settle(row, by=None, at=NOW)


@pytest.fixture
def refresh(elsewhere, row):
    """``refresh(body, at)``: the pulse runs its line while the calendar is ``body``; the row afterwards."""

    def run(body: bytes, at: datetime = NOW, status: str = "200 OK") -> CalendarImport:
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/calendar\r\nContent-Length: {len(body)}\r\n\r\n"
        elsewhere[0].answer = head.encode() + body
        calendars.refresh(now=lambda: at)
        row.refresh_from_db()
        return row

    return run


def shift(day, hour, hours, *lines):
    """An event in March 2026, in UTC."""
    return event(f"DTSTART:202603{day:02}T{hour:02}0000Z", f"DURATION:PT{hours}H", *lines)


BOB = calendar(shift(9, 12, 4, "SUMMARY:On call", "ATTENDEE:mailto:bob@example.com"))


def on_call(schedule, *hours):
    """First usernames on call at these hours of the Monday."""
    midnight = NOW.replace(hour=0)
    return [
        ",".join(user.username for user in schedules.on_call(schedule, midnight + hour * HOUR).users)
        for hour in hours
    ]


def test_its_events_are_a_layer_with_its_priority(refresh, primary):
    refresh(BOB)

    assert on_call(primary, 11, 12, 15, 16) == ["alice", "bob", "bob", "alice"]
    assert [str(reason) for reason in schedules.on_call(primary, NOW + 3 * HOUR).reasons] == [
        "bob (layer Ours (imported))"
    ]


def test_a_lower_one_is_hidden(refresh, row, primary):
    CalendarImport.objects.update(priority=0)
    refresh(BOB)

    assert on_call(primary, 12) == ["alice"]


def test_the_stored_answer_follows_it(refresh, primary):
    schedules.on_call_now([primary], NOW)
    refresh(BOB)
    primary.refresh_from_db()

    duty = schedules.on_call_now([primary], NOW)[primary.pk]

    assert duty.until == NOW + 2 * HOUR


def test_it_stands_in_no_form_and_survives_one(refresh, primary):
    form = schedules.to_form(primary)
    refresh(BOB)

    assert schedules.to_form(primary) == form
    assert schedules.preview(primary, form, NOW, NOW + DAY).changes == []
    schedules.replace(primary, {**form, "layers": []}, by=None, at=NOW)
    assert on_call(primary, 11, 12) == ["", "bob"]


def test_floating_times_are_those_of_the_schedules_zone(refresh, primary, alice):
    Schedule.objects.update(time_zone="America/New_York")

    refresh(calendar(event("DTSTART:20260309T120000", "DURATION:PT1H", "SUMMARY:bob@example.com")))

    assert on_call(primary, 15, 16, 17) == ["alice", "bob", "alice"]


def test_its_people_find_the_shift_in_their_own_calendar(refresh, primary, bob):
    refresh(BOB)
    feed, _ = calendars.create(owner=bob, user=bob, schedule=None, alarm_minutes=None, at=NOW)

    body = calendars.document(feed, at=NOW).decode()

    assert "DTSTART:20260309T120000Z" in body
    assert "Why: layer Ours (imported)." in body.replace("\r\n ", "")


def test_a_verified_address_counts_as_the_accounts_own(refresh, primary, carol):
    carol.contacts.create(name="work", medium="email", address="C@Work.example", verified_at=NOW)
    carol.contacts.create(name="new", medium="email", address="c@new.example")

    row = refresh(
        calendar(shift(9, 12, 1, "SUMMARY:c@work.example"), shift(9, 14, 1, "SUMMARY:c@new.example"))
    )

    assert on_call(primary, 12, 14) == ["carol", "alice"]
    assert row.problems == [
        "Event 2 (“c@new.example”) names nobody here: no attendee, no known address, "
        "and its title is nobody's full name."
    ]


def test_the_deactivated_are_nobody(refresh, primary, bob):
    User.objects.filter(pk=bob.pk).update(is_active=False)

    row = refresh(BOB)

    assert row.problems == ["Event 1 (“On call”) names bob@example.com, whom nobody here has as address."]


def test_the_past_stays_as_it_was_known(refresh, primary):
    refresh(BOB)

    refresh(calendar(shift(9, 13, 5, "SUMMARY:bob@example.com")), at=NOW + 4 * HOUR)

    assert on_call(primary, 12, 13, 14, 17, 18) == ["bob", "bob", "bob", "bob", "alice"]


# -- when it is read ---------------------------------------------------------------------------------------
def test_it_is_read_every_ten_minutes(refresh, elsewhere):
    assert refresh(BOB).due_at == NOW + 10 * MINUTE

    for minutes in (9, 10, 11, 20):
        refresh(BOB, NOW + minutes * MINUTE)

    assert len(elsewhere[0].requests) == 3


def test_the_same_file_changes_nothing(refresh, primary):
    refresh(BOB)
    version = Schedule.objects.get(pk=primary.pk).version

    row = refresh(BOB, NOW + HOUR)

    assert row.refreshed_at == NOW + HOUR
    assert Schedule.objects.get(pk=primary.pk).version == version


def test_it_is_read_at_once_when_asked(refresh, row, elsewhere):
    refresh(BOB)

    calendars.read_again(row, by=None, at=NOW + MINUTE)
    refresh(BOB, NOW + MINUTE)

    assert len(elsewhere[0].requests) == 2


# -- when it fails -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"gone", "404 Not Found", "The address answers with status 404 instead of a calendar."),
        (b"", "302 Found", "The address leads to another one (a redirect). Enter that one instead."),
        (b"<html>", "200 OK", "This is not a calendar: it does not begin with BEGIN:VCALENDAR."),
        (BOB[:-20], "200 OK", "This is not a whole calendar: it does not end with END:VCALENDAR."),
        (BOB + b" " * 3_000_000, "200 OK", "The calendar is larger than 2 MB."),
    ],
)
def test_the_last_good_copy_stays_and_the_reason_is_kept(refresh, primary, body, status, said):
    refresh(BOB)

    row = refresh(body, NOW + HOUR, status)

    assert (row.error, row.refreshed_at) == (said, NOW)
    assert on_call(primary, 12) == ["bob"]


def test_of_fifty_megabytes_little_is_read(refresh, elsewhere, row):
    sent = []

    def pour(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\nBEGIN:VCALENDAR\r\n")
        for _ in range(800):
            connection.sendall(b"x" * 65536)
            sent.append(1)

    elsewhere[0].answer = pour
    calendars.refresh(now=lambda: NOW)

    row.refresh_from_db()
    assert row.error == "The calendar is larger than 2 MB."
    assert len(sent) < 400


def test_after_a_failure_it_waits_longer_each_time(refresh):
    waits, at = [], NOW
    for _ in range(8):
        row = refresh(b"", at, "500 Oops")
        waits.append((row.due_at - at) // MINUTE)
        at = row.due_at

    assert waits == [10, 20, 40, 80, 160, 320, 360, 360]
    assert refresh(BOB, at).failures == 0


def test_one_that_trips_the_reader_holds_up_no_other(refresh, primary, row, monkeypatch, elsewhere):
    other = CalendarImport.objects.create(schedule=primary, name="Other", url=elsewhere[1], due_at=NOW)
    from_ical = calendars.reading.Calendar.from_ical
    tries = []

    def trip(*args, **options):
        tries.append(1)
        if len(tries) == 1:
            raise MemoryError
        return from_ical(*args, **options)

    monkeypatch.setattr(calendars.reading.Calendar, "from_ical", trip)
    row = refresh(BOB)

    other.refresh_from_db()
    assert sorted([row.error, other.error]) == ["", "The calendar could not be read: MemoryError."]


def test_a_private_address_is_not_asked(refresh, settings, elsewhere):
    settings.EGRESS_ALLOW = []

    row = refresh(BOB)

    assert "EGRESS_ALLOW" in row.error
    assert elsewhere[0].requests == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("webcal://cal.example.com/a.ics", "https://cal.example.com/a.ics"),
        (" https://cal.example.com/a?key=b ", "https://cal.example.com/a?key=b"),
    ],
)
def test_an_address_is_kept_as_it_will_be_asked(typed, kept):
    assert calendars.check_address(typed) == kept


@pytest.mark.parametrize("typed", ["", "file:///etc/passwd", "ftp://cal.example.com/", "http://127.0.0.1/"])
def test_an_address_that_we_would_not_ask_is_refused(typed):
    with pytest.raises(DomainError):
        calendars.check_address(typed)


# -- the admin ---------------------------------------------------------------------------------------------
@pytest.fixture
def staff(client, root):
    client.force_login(root)
    return root


def test_it_is_made_in_the_portal_and_read_with_the_next_beat(client, staff, primary, elsewhere):
    fields = {"schedule": primary.pk, "name": "Ours", "priority": "2", "url": elsewhere[1]}

    client.post(reverse("admin:oncall_calendarimport_add"), fields)

    row = CalendarImport.objects.get()
    assert row.due_at is not None
    assert Schedule.objects.get(pk=primary.pk).version > primary.version


def test_its_troubles_are_shown(client, staff, refresh):
    row = refresh(calendar(shift(9, 12, 1, "SUMMARY:Somebody")))
    refresh(b"", NOW + HOUR, "500 Oops")

    page = client.get(reverse("admin:oncall_calendarimport_change", args=[row.pk])).content.decode()

    assert "Event 1 (“Somebody”) names nobody here" in page
    assert "status 500" in page
    assert "The last good copy is in use." in page


def test_its_address_is_not_for_everybody(client, bob, row):
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(*bob.user_permissions.model.objects.filter(codename="view_calendarimport"))
    client.force_login(bob)

    page = client.get(reverse("admin:oncall_calendarimport_change", args=[row.pk])).content.decode()
    past = client.get(reverse("admin:oncall_calendarimport_history", args=[row.pk])).content.decode()

    assert "127.0.0.1" in page
    assert "ours.ics" not in page + past


def test_when_it_is_deleted_the_rotation_is_on_call_again(client, staff, refresh, row, primary):
    refresh(BOB)

    client.post(reverse("admin:oncall_calendarimport_delete", args=[row.pk]), {"post": "yes"})

    primary.refresh_from_db()
    assert schedules.on_call_now([primary], NOW)[primary.pk].until == NOW.replace(day=10, hour=9)


def test_the_schedules_page_draws_it(client, staff, refresh, primary, time_machine):
    time_machine.move_to(NOW, tick=False)
    refresh(BOB)

    page = client.get(reverse("admin:oncall_schedule_change", args=[primary.pk]) + "?why=1").content.decode()

    assert "priority 2, imported calendar" in page
    assert "Ours (imported)" in page


def test_the_schedules_page_tells_of_its_troubles(client, staff, refresh, primary):
    row = refresh(calendar(shift(9, 12, 1, "SUMMARY:Somebody")))
    page = reverse("admin:oncall_schedule_change", args=[primary.pk])

    before = client.get(page).content.decode()
    refresh(b"", NOW + HOUR, "500 Oops")
    after = client.get(page).content.decode()

    assert "1 event left out or unclear." in before
    assert "status 500" in after
    assert reverse("admin:oncall_calendarimport_change", args=[row.pk]) in after
