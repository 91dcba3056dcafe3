"""Holidays, absences and imported calendars from a file."""

from datetime import UTC, datetime

import pytest
import yaml

from config import provisioning
from oncall import schedules
from oncall.models import Absence, CalendarImport, HolidayCalendar, Schedule

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 9, 10, tzinfo=UTC)
FILE = """\
users:
  - {username: ann, time_zone: Europe/Berlin}
schedules:
  - slug: ops
    time_zone: Europe/Berlin
    layers:
      - {name: days, rotation: {unit: day, length: 1, anchor: "2026-03-02T09:00"}, slots: [[ann]]}
    calendars: [{name: Team, priority: 2, url: "https://calendar.example.com/a.ics"}]
holidays:
  - {name: Germany, days: {2026-12-25: Christmas Day}, layers: [{schedule: ops, layer: days}]}
absences:
  - {user: ann, start: "2026-03-20T09:00", end: "2026-03-21T09:00:00Z", note: dentist}
"""


@pytest.fixture
def apply(tmp_path):
    def apply(text: str = FILE, **options) -> list[str]:
        file = tmp_path / "set-up.yaml"
        file.write_text(text, encoding="utf-8")
        return [
            str(change)
            for change in provisioning.apply(provisioning.read(file), by=None, at=AT, **options).changes
        ]

    return apply


def on_call(when: str) -> list[str]:
    at = datetime.fromisoformat(when).replace(tzinfo=UTC)
    return [user.username for user in schedules.on_call(Schedule.objects.get(), at).users]


def test_who_is_away_and_when_nobody_works_comes_from_the_file(apply):
    apply()

    assert on_call("2026-03-20T07:59") == ["ann"]
    assert on_call("2026-03-20T08:00") == on_call("2026-03-21T08:59") == []
    assert on_call("2026-12-25T12:00") == []
    assert CalendarImport.objects.get().due_at == AT
    assert apply() == []


def test_what_the_file_changes_is_changed(apply):
    apply()
    version = Schedule.objects.get().version

    changes = apply(
        FILE.replace("dentist", "doctor").replace("2026-12-25", "2026-12-26").replace("a.ics", "b.ics")
    )

    assert changes == [
        "change calendar Team of schedule ops: url",
        "change holiday calendar Germany",
        "change absence of ann from 2026-03-20",
    ]
    assert on_call("2026-12-25T12:00") == ["ann"]
    assert CalendarImport.objects.get().url.endswith("b.ics")
    assert Schedule.objects.get().version > version


def test_sections_that_a_file_leaves_out_stay(apply):
    apply()

    assert apply(FILE[: FILE.index("    calendars:")], prune=True) == []
    assert (HolidayCalendar.objects.count(), Absence.objects.count()) == (1, 1)
    assert CalendarImport.objects.count() == 1


def test_pruning_takes_out_what_its_sections_do_not_name(apply):
    apply()
    less = FILE[: FILE.index("    calendars:")] + "    calendars: []\nholidays: []\nabsences: []\n"

    assert apply(less, prune=True) == [
        "remove calendar Team of schedule ops",
        "remove holiday calendar Germany",
        "remove absence of ann from 2026-03-20",
    ]
    assert on_call("2026-12-25T12:00") == on_call("2026-03-20T12:00") == ["ann"]


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("2026-12-25:", "2026-13-25:", 10, "'2026-13-25' is not a date"),
        ("2026-12-25:", "9999-12-25:", 10, "'9999-12-25' is not a date"),
        ("{2026-12-25: Christmas Day}", "7", 10, "'days' must be"),
        ("layer: days", "layer: nights", 10, "no layer called 'nights' on a schedule 'ops'"),
        ("{user: ann,", "{user: bo,", 12, "no user called 'bo'"),
        ('end: "2026-03-21T09:00:00Z"', 'end: "2026-03-01"', 12, "ends after it starts"),
        ('start: "2026-03-20T09:00"', "start: soon", 12, "start: must be a date and time"),
        ('start: "2026-03-20T09:00", ', "", 12, "start: is missing"),
        ("https://calendar", "ftp://calendar", 8, "http"),
        ("priority: 2", "priority: -2", 8, "whole number"),
        ("name: Team, ", "", 8, "needs 'name'"),
        ("note: dentist", "why: dentist", 12, "Unknown key 'why'"),
        ("calendars: [", 'calendars: [{name: Team, url: "https://x.example/c"}, ', 8, "two calendar entries"),
    ],
)
def test_a_fault_says_where_and_why(apply, old, new, line, reason):
    assert old in FILE

    with pytest.raises(provisioning.ProvisioningError) as found:
        apply(FILE.replace(old, new, 1))

    assert reason in found.value.reason
    assert found.value.line == line
    assert not Schedule.objects.exists()


def test_a_file_of_references_to_references_ends_soon(apply):
    """Ten to the ninth names in a few hundred bytes."""
    rows = [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 10)]
    bomb = "\n".join(["x0: &x0 [a, b, c, d]", *rows, "users: *x9"])

    with pytest.raises(provisioning.ProvisioningError):
        apply(bomb)


def test_a_schedule_of_references_to_references_ends_soon(apply):
    rows = [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 10)]
    text = FILE.replace("slots: [[ann]]", "slots: *x9")

    with pytest.raises(provisioning.ProvisioningError):
        apply("\n".join(["x0: &x0 [ann]", *rows, text]))


def test_component_groups_in_a_circle_are_refused(apply):
    groups = [
        {"slug": "a", "name": "A", "is_group": True, "group": "b"},
        {"slug": "b", "name": "B", "is_group": True, "group": "a"},
    ]

    with pytest.raises(provisioning.ProvisioningError):
        apply(yaml.safe_dump({"components": groups}))
