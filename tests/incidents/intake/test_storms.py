"""Thousands of alerts at once: taken in together, with the same result; a flood opens no more incidents."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from incidents import sources
from incidents.intake import alerts, homes, ingest
from incidents.models import Alert, Incident, StoredEvent
from oncall.models import Page, Service

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def checkout():
    return Service.objects.create(slug="checkout", name="Checkout")


@pytest.fixture
def scripts(checkout):
    return sources.create(slug="scripts", name="Scripts", dialect="json", service=checkout, by=None, at=AT)[0]


@pytest.fixture
def prometheus(checkout):
    made, _ = sources.create(
        slug="prom", name="Prometheus", dialect="alertmanager", service=checkout, by=None, at=AT
    )
    return made


def store(source, *bodies, at=AT):
    StoredEvent.objects.bulk_create(
        StoredEvent(
            source=source,
            dialect=source.dialect,
            received_at=at + timedelta(seconds=n),
            due_at=at,
            body=json.dumps(body).encode(),
            sha256="x",
        )
        for n, body in enumerate(bodies)
    )


def say(source, *bodies, at=AT):
    store(source, *bodies, at=at)
    ingest.take_in(now=lambda: at + timedelta(minutes=2))


def told(key, **more):
    return {"dedup_key": str(key), "summary": f"Disk {key} full", **more}


# -- together ----------------------------------------------------------------------------------------------
def some_notification(chance):
    """A group of Alertmanager's with up to three of four alerts, in any state."""
    members = [
        {
            "status": chance.choice(["firing", "firing", "firing", "resolved"]),
            "fingerprint": key,
            "labels": {"alertname": key, "severity": chance.choice(["critical", "warning"])},
        }
        for key in chance.sample("abcd", chance.randint(1, 3))
    ]
    status = "firing" if any(member["status"] == "firing" for member in members) else "resolved"
    return {"status": status, "groupKey": chance.choice(["east", "west"]), "alerts": members}


def outcome(source, bodies, batch, monkeypatch):
    """What is left of the alerts when they are taken in so many at a time."""
    monkeypatch.setattr(ingest, "BATCH", batch)
    with transaction.atomic():
        say(source, *bodies)
        names = "dedup_key group_key state severity count first_seen_at last_seen_at ended_at"
        rows = sorted(map(str, Alert.objects.values_list(*names.split())))
        left = rows, Incident.objects.count(), Page.objects.count()
        transaction.set_rollback(True)
    return left


@pytest.mark.parametrize("seed", range(40))
def test_many_at_once_leave_what_one_after_the_other_leaves(prometheus, monkeypatch, seed):
    chance = random.Random(seed)
    bodies = [some_notification(chance) for _ in range(10)]

    together = outcome(prometheus, bodies, 50, monkeypatch)

    assert together == outcome(prometheus, bodies, 1, monkeypatch)


def test_a_repeated_alert_costs_less_than_one_statement(scripts):
    say(scripts, told("disk"))
    store(scripts, *[told("disk") for _ in range(ingest.BATCH)])

    with CaptureQueriesContext(connection) as captured:
        ingest.take_in(now=lambda: AT + timedelta(minutes=3))

    assert Alert.objects.get().count == 1 + ingest.BATCH
    assert len(captured) < ingest.BATCH


def test_one_that_cannot_be_taken_in_does_not_hold_up_those_beside_it(scripts, monkeypatch):
    record_run = alerts.record_run

    def stumbles(source, run, **rest):
        if "7" in run.said:
            raise RuntimeError("a fault of ours")
        record_run(source, run, **rest)

    monkeypatch.setattr(alerts, "record_run", stumbles)

    say(scripts, *[told(n) for n in range(12)])

    assert set(Alert.objects.values_list("dedup_key", flat=True)) == {str(n) for n in range(12)} - {"7"}
    assert StoredEvent.objects.get(state="new").error == "RuntimeError: a fault of ours"


# -- a flood -----------------------------------------------------------------------------------------------
@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(homes, "FLOOD_AFTER", 3)


def test_ten_thousand_keys_of_one_service_do_not_open_ten_thousand_incidents(scripts, few):
    say(scripts, *[told(n) for n in range(60)])

    assert Incident.objects.count() == Page.objects.count() == 3
    assert Alert.objects.filter(incident=Incident.objects.latest("pk")).count() == 58
    assert "nobody is paged anew" in Incident.objects.latest("pk").timeline.latest("sequence").text


def test_a_flood_of_one_service_leaves_another_alone(scripts, few):
    Service.objects.create(slug="search", name="Search")

    say(scripts, *[told(n) for n in range(10)], told("index", service="search"))

    assert Incident.objects.filter(affected_services__service__slug="search").count() == 1


def test_a_worse_alert_of_a_flood_wakes_whoever_was_told_quietly(scripts, few):
    say(scripts, *[told(n, severity="warning") for n in range(5)], told("worse", severity="critical"))

    joined = Alert.objects.get(dedup_key="worse").incident

    assert (Incident.objects.count(), joined.urgency) == (3, "high")
    assert joined.engagements.get().page.urgency == "high"


def test_after_the_flood_a_new_alert_opens_an_incident_again(scripts, few):
    say(scripts, *[told(n) for n in range(5)])

    say(scripts, told("later"), at=AT + homes.FLOOD_WINDOW + timedelta(minutes=5))

    assert Incident.objects.count() == 4


def test_an_ended_incident_takes_no_part_in_a_flood(scripts, few):
    say(scripts, *[told(n) for n in range(3)])
    Incident.objects.update(state="cancelled", ended_at=AT + timedelta(minutes=2))

    say(scripts, told("fresh"), at=AT + timedelta(minutes=3))

    assert Incident.objects.count() == 4
