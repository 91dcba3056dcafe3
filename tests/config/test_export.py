"""``export``: the running set-up as a file that makes the same set-up in an empty database."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from config import provisioning
from config.demo import COMPANY
from incidents import sources
from incidents.models import AlertSource
from oncall import absences, calendars, holidays, rotation, schedules, swaps
from oncall.models import (
    Absence,
    CalendarImport,
    ContactMethod,
    EscalationPolicy,
    HolidayCalendar,
    PortalSettings,
    Runbook,
    Schedule,
    Service,
    Step,
    StepTarget,
    Team,
    User,
)
from statuspage.models import Component, Template
from tests.messaging.sinks import hook_sink
from tests.oncall.test_calendar_reading import calendar, event
from tests.oncall.test_rotation_cases import CASES, answer

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
MODELS = [
    HolidayCalendar,
    Absence,
    Template,
    Component,
    PortalSettings,
    AlertSource,
    Service,
    EscalationPolicy,
    Schedule,
    Team,
    User,
]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "export.yaml"


def export(file) -> str:
    call_command("export", str(file))
    return file.read_text(encoding="utf-8")


def empty_the_database() -> None:
    Component.objects.update(parent=None)
    for model in MODELS:
        model.objects.all().delete()


def finals() -> dict:
    span = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 4, 15, tzinfo=UTC)
    return {
        row.slug: [(piece.start, piece.end, piece.people) for piece in schedules.final(row, *span)]
        for row in Schedule.objects.all()
    }


@pytest.mark.django_db
def test_what_was_exported_makes_the_same_set_up_anew(file):
    provisioning.apply(provisioning.read(COMPANY), by=None, at=AT)
    first, before = export(file), finals()

    empty_the_database()
    call_command("apply", str(file))

    assert finals() == before
    assert len(before) == 5
    assert export(file) == first


@pytest.mark.django_db
def test_there_is_nothing_to_do_where_it_came_from(file, capsys):
    provisioning.apply(provisioning.read(COMPANY), by=None, at=AT)
    export(file)

    call_command("plan", str(file), "--prune")

    assert "Nothing to do." in capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_worked_schedule_comes_back_as_it_was(case, file):
    people = rotation.people_named(rotation.parse(case["schedule"]))
    users = [{"username": name} for name in people]
    file.write_text(yaml.safe_dump({"users": users, "schedules": [{"slug": "s", **case["schedule"]}]}))
    call_command("apply", str(file))
    export(file)
    assert provisioning.plan(provisioning.read(file), at=AT) == []

    empty_the_database()
    call_command("apply", str(file))

    assert answer(schedules.load(Schedule.objects.get()), case["query"]) == case["expected"]


def awkward() -> None:
    """What the console can make and a file that people write rarely holds."""
    ann = User.objects.create(username="ann.lee+ops@example.com", first_name="Ann Marie", last_name="Lee")
    User.objects.create(username="gone", is_active=False)
    ann.groups.add(Group.objects.get(name="Responder"))
    ContactMethod.objects.create(user=ann, name="new", medium="email", address="ann@example.com")
    policy = EscalationPolicy.objects.create(
        slug="p", name="P: #1 'quoted'", ack_timeout=timedelta(minutes=90)
    )
    step = Step.objects.create(policy=policy, position=0, after=timedelta(seconds=100_001))
    StepTarget.objects.create(step=step, webhook="https://hooks.example.com/x?a=1&b=2")
    service = Service.objects.create(slug="s", name="yes", description="two\nlines: {odd}")
    for title in ("b book", "A book", "Ä book"):
        Runbook.objects.create(service=service, title=title, url=f"https://wiki.example.com/{title[0]}")
    AlertSource.objects.create(slug="off", name="Off", dialect="json", active=False)
    top = Component.objects.create(slug="top", name="Shops", is_group=True, position=7)
    inner = Component.objects.create(slug="in", name="Shops", is_group=True, parent=top, visible=False)
    Component.objects.create(slug="x" * 90, name="Leaf", parent=inner, showcase=False)
    Component.objects.create(slug="bare", name="No child", is_group=True, position=3)
    PortalSettings(pk=1, catch_all=ann).save()


@pytest.mark.django_db
def test_what_the_console_made_comes_back_too(file):
    awkward()
    first = export(file)
    assert provisioning.plan(provisioning.read(file), at=AT) == []

    empty_the_database()
    call_command("apply", str(file))

    assert export(file) == first
    assert not User.objects.get(username="gone").is_active
    assert ContactMethod.objects.get().verified_at is None
    assert not Component.objects.get(slug="in").visible


@pytest.fixture
def elsewhere(settings):
    """A calendar that puts dana in charge of two days in January; its address."""
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    shift = event("DTSTART:20270112T000000Z", "DTEND:20270114T000000Z", "ATTENDEE:mailto:dana@example.com")
    body = calendar(shift)
    with hook_sink() as (sink, port):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\nContent-Length: {len(body)}\r\n\r\n"
        sink.answer = head.encode() + body
        yield f"http://127.0.0.1:{port}/ours.ics"


def everything(address: str) -> None:
    """Every way in which a schedule comes to say what it says."""
    ann, bo, cy, dana = [
        User.objects.create(username=name, email=f"{name}@example.com", time_zone="Europe/Berlin")
        for name in ("ann", "bo", "cy", "dana")
    ]
    schedule = Schedule.objects.create(slug="ops", name="Ops", time_zone="Europe/Berlin")
    turn = {"unit": "day", "length": 1, "anchor": "2026-10-01T09:00"}
    layer = {"name": "days", "priority": 1, "rotation": turn, "slots": [["ann"], ["bo"], ["cy", "ann"], []]}
    edits = [{"at": "2026-12-01T12:00Z", "slots": [["bo"], ["dana"]]}]
    night = {"type": "daily", "days": ["FR"], "from": "22:00", "to": "06:00"}
    low = {"name": "nights", "priority": 0, "rotation": turn, "slots": [["cy"]], "restrictions": [night]}
    form = {"layers": [layer | {"edits": edits, "exclude_dates": ["2026-12-31"]}, low]}
    schedules.replace(schedule, form, by=None, at=AT)
    span = {"by": None, "at": AT}
    first, last = AT + timedelta(days=3), AT + timedelta(days=5, minutes=17)
    for said in ({"kind": "replace", "user": bo, "cover": cy}, {"kind": "set", "users": ()}):
        schedules.make_exception(schedule, **said, start=first, end=last, **span)
        first, last = first + timedelta(days=2), last + timedelta(days=2)
    swaps.take_at_once(
        schedule, requester=bo, taker=dana, start=AT + timedelta(days=40), end=AT + timedelta(days=41), **span
    )
    absences.add(
        bo, start=AT + timedelta(days=20), end=AT + timedelta(days=26, seconds=5), note="sea: 'far'", **span
    )
    days = {"2026-12-24": "Heiligabend", "2026-12-25": ""}
    layers = schedule.layers.filter(name="days")
    holidays.write(HolidayCalendar(name="Germany"), days=days, layers=layers, **span)
    row = CalendarImport.objects.create(schedule=schedule, name="Ours", priority=3, url=address)
    calendars.settle(row, **span)
    calendars.refresh(now=lambda: AT)


@pytest.mark.django_db
def test_every_kind_of_duty_comes_back(file, elsewhere, time_machine):
    time_machine.move_to(AT, tick=False)
    everything(elsewhere)
    first, before = export(file), finals()
    assert provisioning.plan(provisioning.read(file), at=AT) == []

    empty_the_database()
    call_command("apply", str(file))
    calendars.refresh(now=lambda: AT)

    assert finals() == before
    assert {"dana", "cy", "bo", "ann"} == {name for *_, people in before["ops"] for name in people}
    assert export(file) == first


@pytest.mark.django_db
def test_no_secret_is_written(file):
    alice = User.objects.create(username="alice", is_superuser=True)
    alice.set_password("a long pass phrase")
    alice.save()
    source = AlertSource.objects.create(slug="prom", name="Prometheus", dialect="json")
    key = sources.add_key(source, key=None, by=None, at=AT)

    text = export(file)

    for secret in (alice.password, key, key[:8], source.keys.get().key_hash):
        assert secret not in text


@pytest.mark.django_db
def test_an_empty_portal_is_an_empty_file(file, capsys):
    export(file)

    call_command("plan", str(file))

    assert "Nothing to do." in capsys.readouterr().out


@pytest.mark.django_db
def test_a_place_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export", str(tmp_path / "no" / "file.yaml"))


@pytest.mark.django_db
def test_without_a_file_it_is_written_to_the_terminal(capsys):
    User.objects.create(username="alice", first_name="Alice", time_zone="Europe/Berlin")

    call_command("export")

    assert yaml.safe_load(capsys.readouterr().out) == {
        "users": [{"username": "alice", "name": "Alice", "email": "", "time_zone": "Europe/Berlin"}]
    }
