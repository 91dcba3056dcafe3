"""Heartbeats of others (field/oncall.md rule 33): armed, silent, alive again; muted with a reason."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from incidents import heartbeats, sources
from incidents.intake import ingest
from incidents.models import Alert, Heartbeat, Incident, StoredEvent
from oncall.messaging.errors import DomainError
from oncall.models import Page, Service, User

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
pytestmark = pytest.mark.django_db


@pytest.fixture
def backup():
    """A nightly backup that beats every five minutes, give or take one."""
    service = Service.objects.create(slug="db", name="Databases")
    made = Heartbeat.objects.create(
        slug="backup",
        name="Backup",
        service=service,
        interval=timedelta(minutes=5),
        grace=timedelta(minutes=1),
    )
    heartbeats.give_key(made, key=KEY, by=None, at=AT)
    return made


def tick(minutes):
    """The pulse's two lines, so many minutes after ten."""
    at = AT + timedelta(minutes=minutes)
    noticed = heartbeats.notice_silence(now=lambda: at)
    ingest.take_in(now=lambda: at)
    return noticed


def beat(minutes=0):
    return heartbeats.beat(KEY, at=AT + timedelta(minutes=minutes))


# -- silence and life --------------------------------------------------------------------------------------
def test_one_that_never_beat_is_not_armed(backup):
    assert [tick(minutes) for minutes in (0, 10, 1000)] == [0, 0, 0]
    assert backup.state == "new"


def test_silence_after_interval_and_grace_opens_an_incident_and_pages(backup):
    beat()

    assert [tick(minutes) for minutes in (5, 5.9, 6)] == [0, 0, 1]

    alert = Alert.objects.get()
    assert (alert.dedup_key, alert.service.slug, alert.severity) == (
        f"heartbeat:{backup.pk}",
        "db",
        "critical",
    )
    assert Incident.objects.get().title == "Backup is silent: its last beat came 23 Nov 10:00:00 UTC"
    assert Page.objects.count() == 1


def test_it_is_noticed_once_however_many_look(backup):
    beat()

    assert [tick(minutes) for minutes in (6, 6, 7, 60)] == [1, 0, 0, 0]
    assert Incident.objects.count() == 1


def test_two_engines_that_read_the_same_row_open_one_incident(backup):
    beat()
    seen = Heartbeat.objects.get()
    at = AT + timedelta(minutes=6)

    assert [heartbeats._miss(seen, at), heartbeats._miss(seen, at)] == [True, False]
    assert StoredEvent.objects.count() == 1


def test_a_beat_ends_the_alert_and_leaves_the_incident_to_people(backup):
    beat()
    tick(6)

    beat(8)
    tick(8)

    assert Alert.objects.get().state == "resolved"
    assert Incident.objects.get().is_open
    assert Heartbeat.objects.get().state == "alive"


def test_silent_once_more_is_a_new_episode(backup):
    beat()
    tick(6)
    beat(8)
    tick(8)

    tick(14)

    assert sorted(Alert.objects.values_list("state", flat=True)) == ["firing", "resolved"]


def test_a_beat_that_comes_while_the_silence_is_noticed_wins(backup):
    beat()
    seen = Heartbeat.objects.get()
    beat(6)

    assert heartbeats._miss(seen, AT + timedelta(minutes=6)) is False
    assert not StoredEvent.objects.exists()


def test_after_we_were_away_everybody_gets_their_time_anew(backup):
    beat()

    assert [tick(minutes) for minutes in (60, 65, 66)] == [0, 0, 1]


# -- muted -------------------------------------------------------------------------------------------------
def test_a_muted_one_is_silent_without_an_alert_and_says_why(backup):
    beat()
    heartbeats.mute(backup, reason="being moved", by=None, at=AT)

    assert tick(6) == 0
    assert (Heartbeat.objects.get().state, Heartbeat.objects.get().muted_because) == ("muted", "being moved")


def test_unmuted_it_has_a_whole_interval(backup):
    beat()
    heartbeats.mute(backup, reason="being moved", by=None, at=AT)
    heartbeats.unmute(backup, by=None, at=AT + timedelta(minutes=30))

    assert [tick(minutes) for minutes in (35, 36)] == [0, 1]


def test_it_is_not_muted_without_a_reason(backup):
    with pytest.raises(DomainError, match="Say why"):
        heartbeats.mute(backup, reason=" ", by=None, at=AT)


# -- the addresses -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("end", ["", "/"])
def test_anything_that_can_fetch_an_address_can_beat(client, backup, method, end):
    assert getattr(client, method)(f"/heartbeats/{KEY}{end}").status_code == 202
    assert Heartbeat.objects.get().state == "alive"


@pytest.mark.parametrize(
    ("method", "key", "status"), [("get", "x" * 32, 401), ("get", "short", 401), ("delete", KEY, 405)]
)
def test_what_is_no_beat_is_answered_as_the_contract_says(client, backup, method, key, status):
    assert getattr(client, method)(f"/heartbeats/{key}").status_code == status
    assert Heartbeat.objects.get().state == "new"


def test_while_the_database_is_away_the_beat_is_asked_for_again(client, monkeypatch):
    monkeypatch.setattr(heartbeats, "beat", lambda *given, **named: 1 / 0)

    assert client.get(f"/heartbeats/{KEY}").status_code == 503


@pytest.mark.parametrize("name", ["backup", "Backup"])
def test_opsgenie_clients_ping_by_name(client, backup, name):
    answer = client.post(f"/opsgenie/v2/heartbeats/{name}/ping", headers={"Authorization": f"GenieKey {KEY}"})

    assert (answer.status_code, answer.json()["result"]) == (202, "PONG - Heartbeat received")
    assert Heartbeat.objects.get().state == "alive"


def test_the_key_of_an_alert_source_pings_as_well(client, backup):
    _, key = sources.create(slug="am", name="Tools", dialect="json", by=None, at=AT)

    answer = client.get("/opsgenie/v2/heartbeats/backup/ping", headers={"Authorization": f"GenieKey {key}"})

    assert answer.status_code == 202


@pytest.mark.parametrize("authorization", ["", f"Bearer {KEY}", "GenieKey " + "x" * 32])
def test_a_ping_without_a_key_is_none(client, backup, authorization):
    answer = client.get("/opsgenie/v2/heartbeats/backup/ping", headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert Heartbeat.objects.get().state == "new"


# -- the console, the API, the file ------------------------------------------------------------------------
def test_the_console_makes_one_and_shows_its_key_once(admin_client):
    fields = {
        "name": "Cron",
        "slug": "cron",
        "interval": "00:05:00",
        "grace": "00:01:00",
        "severity": "error",
    }

    page = admin_client.post("/admin/incidents/heartbeat/add/", fields, follow=True)
    key = page.text.partition("/heartbeats/")[2].split("<")[0].strip()

    assert heartbeats.beat(key, at=AT).slug == "cron"


def test_an_edit_does_not_undo_a_beat_that_came_meanwhile(admin_client, backup):
    beat()
    fields = {
        "name": "Backup",
        "slug": "backup",
        "interval": "00:10:00",
        "grace": "00:01:00",
        "severity": "error",
    }

    admin_client.post(f"/admin/incidents/heartbeat/{backup.pk}/change/", fields)

    changed = Heartbeat.objects.get()
    assert (changed.interval, changed.last_beat_at) == (timedelta(minutes=10), AT)
    assert changed.due_at > AT


def test_the_list_says_how_each_one_does(admin_client, backup):
    beat()
    tick(6)

    assert "silent for" in admin_client.get("/admin/incidents/heartbeat/").text


def test_the_api_tells_and_mutes_for_those_who_may(client, backup, admin_user):
    client.force_login(admin_user)
    viewer = User.objects.create(username="viewer")
    viewer.user_permissions.add(Permission.objects.get(codename="view_heartbeat"))

    told = client.get("/api/v1/heartbeats/backup/").json()
    muted = client.post("/api/v1/heartbeats/backup/mute/", {"reason": "moved"}, "application/json")

    assert (told["state"], told["interval_seconds"], muted.json()["state"]) == ("new", 300, "muted")
    other = Client()
    other.force_login(viewer)
    assert other.post("/api/v1/heartbeats/backup/unmute/", {}, "application/json").status_code == 403
    assert Heartbeat.objects.get().state == "muted"


FILE = """
services: [{slug: db, name: Databases}]
heartbeats:
  - {slug: backup, name: Backup, service: db, interval: 5m, grace: 2m, severity: error, key: 0123456789abcdef}
  - {slug: cron, name: Cron, interval: 1h, muted: being moved}
"""


def manage(*words):
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.fixture
def company(tmp_path):
    path: Path = tmp_path / "company.yaml"
    path.write_text(FILE)
    return path


def test_a_file_makes_them_and_again_does_nothing(company):
    first = manage("apply", str(company))

    assert "Key of heartbeat cron, shown once" in first
    assert heartbeats.beat("0123456789abcdef", at=AT).slug == "backup"
    assert "change" not in manage("apply", str(company))


def test_what_is_exported_applies_to_nothing_new(company, tmp_path):
    manage("apply", str(company))
    copy = tmp_path / "copy.yaml"
    manage("export", str(copy))

    assert "being moved" in copy.read_text()
    assert "change" not in manage("apply", str(copy))


def test_prune_removes_what_the_file_does_not_name_but_not_our_own_source(company, backup):
    beat()
    tick(6)
    company.write_text("heartbeats: []\nsources: []\n")

    manage("apply", str(company), "--prune")

    assert not Heartbeat.objects.exists()
    assert Alert.objects.exists()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{slug: a}", "needs 'interval'"),
        ("{slug: a, interval: 5s}", "interval"),
        ("{slug: a, interval: 5m, colour: red}", "Unknown key 'colour'"),
        ("{slug: a, interval: 5m, key: short}", "16 to 128 characters"),
    ],
)
def test_a_fault_in_the_file_is_told_with_its_line(company, line, says):
    company.write_text(f"heartbeats:\n  - {line}\n")

    with pytest.raises(CommandError, match="2") as fault:
        manage("apply", str(company))

    assert says in str(fault.value)
