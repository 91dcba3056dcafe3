"""The quick final schedule is the view's, byte for byte, and right at once whatever has changed."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall import absences, calendars, holidays, schedules, swaps, tokens
from oncall.api import quick
from oncall.calendars import importing
from oncall.models import ApiToken, CalendarImport, HolidayCalendar, Schedule, User
from oncall.schedules import remembered
from tests.oncall.conftest import person, weekly_schedules
from tests.oncall.test_quick_on_call import by_the_view, passed_on, same  # noqa: F401  a fixture
from tests.oncall.test_schedule_admin import form_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 13, tzinfo=UTC)
DAY = timedelta(days=1)
PATH = "/api/v1/schedules/pay/final/"
NINETY = "?from=2026-03-11T13:00Z&to=2026-06-09T13:00Z"
WEEKDAYS = {"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "08:00", "to": "20:00"}
NIGHTS = {"type": "weekly", "from_day": "FR", "from": "20:00", "to_day": "MO", "to": "08:00"}


def layer(name, unit, *slots, **parts):
    rotates = {"unit": unit, "length": 1, "anchor": "2026-03-02T09:00"}
    return {"name": name, "rotation": rotates, "slots": list(slots), **parts}


def exception(kind, first, last, **parts):
    return {"kind": kind, "start": f"2026-04-{first:02}T09:00", "end": f"2026-04-{last:02}T09:00", **parts}


FORM = {
    "time_zone": "America/New_York",
    "layers": [
        layer("week", "week", ["alice"], ["bob"], ["carol"], exclude_dates=["2026-05-06"]),
        layer("day", "day", ["dora"], ["emil", "alice"], [], priority=2, restrictions=[WEEKDAYS]),
        layer("end", "week", ["bob"], ["dora"], priority=2, restrictions=[NIGHTS], advance="active")
        | {"edits": [{"at": "2026-05-05T12:00Z", "slots": [["emil"], ["bob"]]}]},
    ],
    "exceptions": [
        exception("remove", 1, 3, user="dora", layer="day"),
        exception("replace", 2, 9, user="alice", by="carol"),
        exception("set", 11, 12, users=["emil", "bob"]),
        exception("add", 12, 14, user="carol"),
    ],
}


@pytest.fixture(autouse=True)
def at_one(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture(autouse=True)
def remembering(monkeypatch):
    """A process that begins with nothing. Nobody undoes what a test's transaction does before the test ends."""
    monkeypatch.setattr(remembered, "_is_lasting", lambda: True)
    remembered.forget()
    yield
    remembered.forget()


@pytest.fixture
def people(alice, bob, carol):
    return {"alice": alice, "bob": bob, "carol": carol, "dora": person("dora"), "emil": person("emil")}


@pytest.fixture
def schedule(people):
    """With everything an answer can be made of."""
    schedule = Schedule.objects.create(slug="pay", name="Payments", time_zone="America/New_York")
    schedules.replace(schedule, FORM, by=None, at=NOW)
    days = {"2026-04-15": "Tax Day"}
    layers = schedule.layers.filter(name="week")
    holidays.write(HolidayCalendar(name="House"), days=days, layers=layers, by=None, at=NOW)
    absences.add(people["bob"], start=NOW + 40 * DAY, end=NOW + 42 * DAY, by=None, at=NOW)
    row = CalendarImport.objects.create(schedule=schedule, name="Ours", priority=3, url="https://x.test/")
    importing._store(row, [(NOW + 50 * DAY, NOW + 51 * DAY, {people["alice"].pk})], [], "1", NOW)
    swaps.ask(schedule, requester=people["carol"], start=NOW, end=NOW + 60 * DAY, by=None, at=NOW)
    return schedule


@pytest.fixture
def ask(client, schedule, people):
    """Ask as carol's program."""
    people["carol"].user_permissions.set(Permission.objects.filter(codename="view_schedule"))
    token, text = tokens.create(people["carol"], name="bot", scope="read", at=NOW)
    ApiToken.objects.update(last_used_at=NOW)

    def send(query=NINETY, **headers):
        return client.get(PATH + query, headers={"authorization": f"Bearer {text}", **headers})

    send.token = token
    return send


# -- what is answered at once ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "query",
    [
        "",
        NINETY,
        "?from=2026-03-11T13:00:00Z",
        "?to=2026-04-01T00:00:00.5Z",
        "?to=2026-06-09T13%3A00%3A00Z&from=2026-03-11T13%3A00Z",
        "?from=2025-01-01T00:00Z&to=2026-02-05T00:00Z",
        "?from=2031-03-30T00:59:59.999999Z&to=2031-03-30T01:00Z",
    ],
)
def test_quick_and_view_answer_alike(ask, passed_on, monkeypatch, query):  # noqa: F811
    first, again = ask(query), ask(query)

    assert (first.status_code, passed_on) == (200, [])
    same(first, again)
    same(first, by_the_view(monkeypatch, ask, query))
    assert passed_on == [PATH]


@pytest.mark.parametrize(
    "query",
    [
        "?from=soon",
        "?from=",
        "?from=2026-03-11",
        "?from=2026-03-11T13:00",
        "?from=2026-03-11T13:00%2B01:00",
        "?from=2026-02-30T13:00Z",
        "?from=2026-03-11T24:00Z",
        "?from=2026-03-11t13:00z",
        "?from=0001-01-01T00:00Z",
        "?from=9999-12-31T23:59:59Z",
        "?from=2026-03-11T13:00Z&to=2026-03-11T13:00Z",
        "?from=2026-03-11T13:00Z&to=2027-04-16T00:00Z",
        "?from=2026-03-11T13:00Z&from=2026-04-11T13:00Z",
        "?from=2026-03-11T13:00Z&format=json",
        "?from=2026-03-11T13:00Z&page=2",
        "?from=2026-03-11T13:00Z" + "&" * 200,
    ],
)
def test_what_takes_a_reader_is_left_to_the_view(ask, passed_on, monkeypatch, query):  # noqa: F811
    answer = ask(query)

    assert passed_on == [PATH]
    same(answer, by_the_view(monkeypatch, ask, query))


@pytest.mark.parametrize("headers", [{"cookie": "sessionid=abc"}, {"accept": "text/html"}])
def test_whoever_is_no_program_is_left_to_the_view(ask, passed_on, headers):  # noqa: F811
    ask(**headers)

    assert passed_on == [PATH]


# -- what it costs -----------------------------------------------------------------------------------------
def queries(ask, query=NINETY):
    with CaptureQueriesContext(connection) as captured:
        assert ask(query).status_code == 200
    return len(captured)


ONE = 0 if connection.vendor == "postgresql" else 1  # on PostgreSQL a cursor of its own, which nobody counts


@pytest.mark.parametrize("others", [10, 200])
def test_the_plan_is_read_once_and_then_asked_after_in_one_statement(ask, people, others, monkeypatch):
    weekly_schedules(others, people["bob"])

    assert queries(ask) == ONE + 13
    assert queries(ask) == ONE
    assert queries(ask, "?from=2026-03-12T00:00Z&to=2026-05-12T00:00Z") == ONE
    monkeypatch.setattr(quick, "_is_plain", lambda request: False)
    assert queries(ask) == 14


def test_who_asks_about_earlier_times_has_them_read_and_kept_too(ask):
    march, june, january = (f"?from=2026-{month:02}-01T00:00Z" for month in (3, 6, 1))

    assert [queries(ask, query) > ONE for query in (march, june, january, march, june)] == [
        True, False, True, False, False,
    ]  # fmt: skip


# -- right at once -----------------------------------------------------------------------------------------
AWHILE = {"start": NOW + DAY, "end": NOW + 30 * DAY, "by": None, "at": NOW}


def replaced(**parts):
    return lambda schedule, people: schedules.replace(schedule, FORM | parts, by=None, at=NOW)


def with_layer(number, **parts):
    layers = [each | (parts if n == number else {}) for n, each in enumerate(FORM["layers"])]
    return replaced(layers=layers)


def taken(schedule, people):
    swaps.take(schedule.swaps.get(), taker=people["emil"], by=None, at=NOW)


def taken_back(schedule, people):
    taken(schedule, people)
    swaps.take_back(schedule.swaps.get(), by=None, at=NOW + 7 * DAY)


def renamed(schedule, people):
    User.objects.filter(username="bob").update(username="robert")


def renamed_and_replaced(schedule, people):
    """Somebody else is called bob now: as many people have these names as before."""
    renamed(schedule, people)
    person("bob")


def made_anew(schedule, people):
    schedule.delete()
    again = Schedule.objects.create(slug="pay", name="Payments", version=schedule.version - 1)
    schedules.replace(again, FORM | {"time_zone": "UTC"}, by=None, at=NOW)


def imported(**changes):
    def change(schedule, people):
        schedule.imports.update(**changes)
        calendars.settle(schedule.imports.get(), by=None, at=NOW)

    return change


CHANGES = {
    "the zone": replaced(time_zone="Europe/Berlin"),
    "a layer's name": with_layer(0, name="weekly"),
    "its priority": with_layer(0, priority=2),
    "its rotation": with_layer(0, rotation={"unit": "day", "length": 2, "anchor": "2026-03-02T09:00"}),
    "its roster": with_layer(0, slots=[["alice"], ["carol"]]),
    "its start": with_layer(1, start="2026-03-15T09:00"),
    "its end": with_layer(1, end="2026-03-25T09:00"),
    "its windows": with_layer(1, restrictions=[]),
    "its days off": with_layer(0, exclude_dates=[]),
    "its advance": with_layer(1, advance="active"),
    "a roster's change": with_layer(2, edits=[]),
    "no layer": replaced(layers=[], exceptions=[]),
    "no exceptions": replaced(exceptions=[]),
    "a removal": lambda s, p: schedules.add_exception(s, kind="remove", user=p["alice"], **AWHILE),
    "a cover": lambda s, p: schedules.add_exception(
        s, kind="replace", user=p["alice"], cover=p["bob"], **AWHILE
    ),
    "a set": lambda s, p: schedules.add_exception(s, kind="set", users=(), **AWHILE),
    "an addition": lambda s, p: schedules.add_exception(s, kind="add", user=p["emil"], **AWHILE),
    "an exception ended": lambda s, p: schedules.end_exception(s.exceptions.last(), by=None, at=NOW),
    "an absence": lambda s, p: absences.add(p["alice"], **AWHILE),
    "an absence changed": lambda s, p: absences.change(p["bob"].absences.get(), **AWHILE),
    "an absence cancelled": lambda s, p: absences.cancel(p["bob"].absences.get(), by=None, at=NOW),
    "holidays": lambda s, p: holidays.write(
        HolidayCalendar.objects.get(), days={"2026-04-21": ""}, layers=s.layers.all(), by=None, at=NOW
    ),
    "holidays gone": lambda s, p: holidays.delete(HolidayCalendar.objects.get(), by=None, at=NOW),
    "a swap taken": taken,
    "a swap taken back": taken_back,
    "an imported calendar's name": imported(name="Theirs"),
    "an imported calendar's priority": imported(priority=0),
    "an imported calendar read": lambda s, p: importing._store(
        s.imports.get(), [(NOW + 52 * DAY, NOW + 53 * DAY, {p["bob"].pk})], [], "2", NOW
    ),
    "an imported calendar gone": lambda s, p: calendars.remove(s.imports.get(), by=None, at=NOW),
    "a person renamed": renamed,
    "a name in other hands": renamed_and_replaced,
    "a person gone": lambda s, p: p["dora"].delete(),
    "another schedule in its place": made_anew,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_answer_follows_every_change_at_once(ask, schedule, people, passed_on, monkeypatch, change):  # noqa: F811
    before = ask().content

    change(schedule, people)

    after = ask()
    same(after, by_the_view(monkeypatch, ask))
    assert after.content != before or change is renamed_and_replaced
    assert passed_on == [PATH]


def test_every_table_that_a_plan_is_read_from_is_among_the_changes(schedule):
    with CaptureQueriesContext(connection) as captured:
        remembered.learn("pay", schedule.pk, since=NOW)

    read = {table for query in captured for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', query["sql"])}
    assert read == {
        *("oncall_schedule", "oncall_layer", "oncall_layeredit", "oncall_slot", "oncall_slot_users"),
        *("oncall_scheduleexception", "oncall_scheduleexception_users", "oncall_absence", "oncall_user"),
        *("oncall_calendarimport", "oncall_holidaycalendar", "oncall_holidaycalendar_layers"),
    }


def test_a_layer_edited_in_the_console_counts_at_once(ask, schedule, client, passed_on, monkeypatch):  # noqa: F811
    one = layer("primary", "week", ["alice"], ["bob"])
    schedules.replace(schedule, {"layers": [one], "exceptions": []}, by=None, at=NOW)
    before = ask().content

    client.force_login(User.objects.create_superuser("root"))
    form = form_of(schedule, **{"slug": "pay", "layers-0-roster": "carol\r\nbob"})
    client.post(reverse("admin:oncall_schedule_change", args=[schedule.pk]), form)
    client.logout()

    assert ask().content != before
    same(ask(), by_the_view(monkeypatch, ask))
    assert passed_on == [PATH]


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (401, lambda ask, carol: tokens.revoke(ask.token, at=NOW)),
        (401, lambda ask, carol: ApiToken.objects.update(expires_at=NOW)),
        (401, lambda ask, carol: User.objects.filter(pk=carol.pk).update(is_active=False)),
        (403, lambda ask, carol: carol.user_permissions.clear()),
        (404, lambda ask, carol: Schedule.objects.all().delete()),
    ],
)
def test_what_is_taken_away_counts_at_once(ask, carol, monkeypatch, status, change):
    assert ask().status_code == 200

    change(ask, carol)

    assert ask().status_code == status
    same(ask(), by_the_view(monkeypatch, ask))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", ["statement", "reading"])
def test_where_the_database_fails_the_view_answers(ask, passed_on, monkeypatch, broken):  # noqa: F811
    def failing(*args, **kwargs):
        raise OperationalError

    if broken == "statement":
        monkeypatch.setattr(quick, "PLAN_STATEMENT", "SELECT nothing FROM oncall_apitoken")
    else:
        monkeypatch.setattr(remembered, "load", failing)

    answer = ask()

    assert (answer.status_code, passed_on) == (200, [PATH])
