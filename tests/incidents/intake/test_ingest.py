"""From a stored request to alerts, incidents and pages, by the pulse's own line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents import lifecycle, sources
from incidents.intake import ingest
from incidents.intake.dialects import DIALECTS, Dialect
from incidents.models import Alert, Incident, Severity, State, StoredEvent
from oncall.messaging.errors import DomainError
from oncall.models import Page, Service, User

SAMPLES = Path(__file__).parents[2] / "cases" / "payloads"
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
    return sources.create(slug="prom", name="Prometheus", dialect="alertmanager", by=None, at=AT)[0]


@pytest.fixture
def pager(checkout):
    return sources.create(slug="pd", name="Pager", dialect="pagerduty", service=checkout, by=None, at=AT)[0]


def store(source, *bodies, at=AT):
    for body in bodies:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        StoredEvent.objects.create(
            source=source, dialect=source.dialect, received_at=at, due_at=at, body=body, sha256="x"
        )


def take_in(at=AT):
    return ingest.take_in(now=lambda: at)


def say(source, *bodies, at=AT):
    store(source, *bodies, at=at)
    take_in(at)


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text())["body"]


def story(incident):
    return [
        entry.text for entry in incident.timeline.filter(kind__in=["alert", "change"]).order_by("sequence")
    ]


def told(**changed):
    return {"summary": "Disk full", "dedup_key": "db-1/disk"} | changed


# -- firing ------------------------------------------------------------------------------------------------
def test_an_alert_detects_an_incident_and_pages_its_service(scripts, checkout):
    say(scripts, told(severity="error", links=["https://a.example"], started_at="2026-11-23T09:58:00Z"))

    alert, incident = Alert.objects.get(), Incident.objects.get()
    assert (alert.incident, alert.service, alert.severity, alert.state) == (
        incident,
        checkout,
        "error",
        "firing",
    )
    assert (incident.state, incident.title, incident.detected_at) == ("detected", "Disk full", AT)
    assert [page.service for page in Page.objects.all()] == [checkout]
    assert story(incident) == ["Scripts: Disk full."]


def test_the_same_key_while_open_is_counted_and_pages_nobody(scripts):
    say(scripts, told(), told(), told(summary="Disk still full", severity="warning"))

    alert = Alert.objects.get()
    assert (alert.count, alert.summary, alert.severity) == (3, "Disk still full", "warning")
    assert (Incident.objects.count(), Page.objects.count()) == (1, 1)


def test_an_unknown_severity_is_taken_for_the_worst(scripts):
    say(scripts, told(severity="purple"))

    assert Alert.objects.get().severity == "critical"


@pytest.mark.parametrize(
    ("severity", "urgency"), [("critical", "high"), ("error", "high"), ("warning", "low"), ("info", "low")]
)
def test_only_what_is_broken_may_wake_somebody(scripts, severity, urgency):
    say(scripts, told(severity=severity))

    assert Page.objects.get().urgency == urgency


def test_an_alert_that_gets_worse_is_paged_loudly(scripts):
    say(scripts, told(severity="warning"))
    say(scripts, told(severity="critical"), at=AT + timedelta(minutes=1))

    assert [(page.urgency, page.cycle) for page in Page.objects.all()] == [("high", 1)]


def test_a_worse_member_of_a_group_makes_its_incident_loud(prometheus):
    group = sample("alertmanager-firing-two")
    group["alerts"][0]["labels"]["severity"] = "warning"
    say(prometheus, {**group, "alerts": group["alerts"][:1]})

    say(prometheus, group, at=AT + timedelta(minutes=1))

    assert [page.urgency for page in Page.objects.all()] == ["high"]


def test_a_group_is_one_incident_with_one_page(prometheus):
    say(prometheus, sample("alertmanager-firing-two"))

    assert set(Alert.objects.values_list("dedup_key", flat=True)) == {"e7ec7c95c14b24e8", "7db70b8ca4b5cc5b"}
    assert (Incident.objects.count(), Page.objects.count()) == (1, 1)
    assert story(Incident.objects.get()) == [
        "Prometheus: Checkout 5xx above 5% (2 alerts).\n5xx ratio on web-1:9090 is 7.3% for 10m"
    ]


def test_a_later_member_joins_the_incident_of_its_group(prometheus):
    say(prometheus, sample("alertmanager-firing"), sample("alertmanager-firing-two"))

    assert Incident.objects.get().alerts.count() == 2
    assert Page.objects.count() == 1


def test_every_service_of_a_group_is_reached(prometheus, checkout):
    Service.objects.create(slug="search", name="Search")
    group = sample("alertmanager-firing-two")
    group["alerts"][1]["labels"]["service"] = "search"

    say(prometheus, group)

    assert {page.service.slug for page in Page.objects.all()} == {"checkout", "search"}
    assert Incident.objects.count() == 1


@pytest.mark.parametrize(
    ("labels", "slug"),
    [
        ({"service": "search"}, "search"),
        ({"service": "Search"}, "search"),
        ({"job": "node-exporter", "namespace": "search"}, "search"),
        ({"service": "search", "job": "checkout"}, "search"),
        ({"service": "unheard-of"}, "checkout"),
        ({}, "checkout"),
    ],
)
def test_an_alert_goes_to_the_service_it_names_or_else_to_that_of_its_source(
    prometheus, checkout, labels, slug
):
    Service.objects.create(slug="search", name="Search")
    prometheus.service = checkout
    prometheus.save()
    group = sample("alertmanager-firing")
    group["alerts"][0]["labels"] = {"alertname": "Down", **labels}

    say(prometheus, group)

    assert Alert.objects.get().service.slug == slug


def test_an_alert_that_names_no_service_of_ours_is_not_lost(prometheus):
    group = sample("alertmanager-firing")
    group["alerts"][0]["labels"]["service"] = "unheard-of"

    say(prometheus, group)

    assert Alert.objects.get().service is None
    assert Page.objects.count() == 1


def test_a_heartbeat_makes_neither_alert_nor_incident(prometheus):
    say(prometheus, sample("alertmanager-watchdog"))

    assert StoredEvent.objects.get().state == "done"
    assert not Alert.objects.exists()
    assert not Incident.objects.exists()


def test_a_group_costs_the_same_number_of_queries_whatever_its_size(prometheus):
    def queries(size, key):
        group = sample("alertmanager-firing") | {"groupKey": key}
        group["alerts"] = [group["alerts"][0] | {"fingerprint": f"{key}{n}"} for n in range(size)]
        store(prometheus, group)
        with CaptureQueriesContext(connection) as captured:
            take_in()
        return len(captured)

    assert queries(20, "small") == queries(2, "two")
    assert queries(50, "large") == queries(20, "again")


def test_more_members_than_fit_one_query_are_one_incident(prometheus):
    group = sample("alertmanager-firing")
    group["alerts"] = [group["alerts"][0] | {"fingerprint": f"{n:x}"} for n in range(1_100)]

    say(prometheus, group, group)

    assert Alert.objects.filter(count=2).count() == 1_100
    assert (Incident.objects.count(), Page.objects.count()) == (1, 1)


# -- recovery ----------------------------------------------------------------------------------------------
def test_a_recovery_ends_the_alert_and_never_the_incident(scripts):
    say(scripts, told(), told(status="resolved"), at=AT)

    alert = Alert.objects.get()
    assert (alert.state, alert.ended_at, alert.incident.state) == ("resolved", AT, "detected")
    assert story(alert.incident) == ["Scripts: Disk full.", "Recovered: Disk full. All alerts recovered."]


def test_the_last_of_a_group_says_that_all_recovered(prometheus):
    partly = sample("alertmanager-firing-two")
    partly["alerts"][0] |= {"status": "resolved", "endsAt": "2026-11-23T09:40:00Z"}

    say(prometheus, sample("alertmanager-firing-two"), partly, sample("alertmanager-resolved"))

    assert not Alert.objects.open().exists()
    assert Alert.objects.get(dedup_key="e7ec7c95c14b24e8").ended_at.minute == 40
    assert story(Incident.objects.get())[1:] == [
        "Recovered: Checkout 5xx above 5%.",
        "Recovered: Checkout 5xx above 5%. All alerts recovered.",
    ]


def test_a_group_that_is_over_takes_unlisted_members_along(prometheus):
    say(prometheus, sample("alertmanager-firing-two"), sample("alertmanager-resolved"))

    assert not Alert.objects.open().exists()


def test_a_truncated_group_recovers_nobody_it_does_not_list(prometheus):
    say(prometheus, sample("alertmanager-firing-two"), sample("alertmanager-firing") | {"truncatedAlerts": 1})

    assert Alert.objects.open().count() == 2


def test_a_recovery_of_an_unknown_key_is_dropped(scripts):
    say(scripts, told(status="resolved"), told(status="acknowledged"))

    assert not Alert.objects.exists()
    assert set(StoredEvent.objects.values_list("state", flat=True)) == {"done"}


def test_firing_again_joins_the_incident_while_that_is_open(scripts):
    say(scripts, told(), told(status="resolved"), told())

    assert Alert.objects.count() == 2
    assert (Incident.objects.count(), Page.objects.count()) == (1, 1)


def test_firing_again_after_the_incident_is_over_reaches_somebody_anew(scripts):
    say(scripts, told())
    lifecycle.cancel(Incident.objects.get(), reason="False alarm", by=None, at=AT)

    say(scripts, told(), at=AT + timedelta(hours=1))

    assert list(Alert.objects.order_by("id").values_list("state", "count")) == [
        ("resolved", 1),
        ("firing", 1),
    ]
    assert Incident.objects.open().count() == 1
    assert Page.objects.count() == 2


def test_firing_again_after_the_mitigation_means_it_is_back(scripts):
    say(scripts, told(), told(status="resolved"))
    incident = lifecycle.declare(Incident.objects.get(), by=None, at=AT)
    major = Severity.objects.first() or Severity.objects.create(slug="major", name="Major", rank=1)
    lifecycle.mitigate(incident, text="Restarted", severity=major, by=None, at=AT)

    say(scripts, told(), at=AT + timedelta(minutes=5))

    assert Incident.objects.get().state == State.TROUBLESHOOTING


# -- acknowledgement and change ----------------------------------------------------------------------------
def test_an_acknowledgement_in_the_tool_stops_our_page(pager):
    say(pager, sample("pagerduty-trigger"), sample("pagerduty-acknowledge"))

    assert Alert.objects.get().state == "acknowledged"
    assert Page.objects.get().state != "active"
    assert Incident.objects.get().acknowledged_at == AT


def test_what_people_answered_is_not_undone_by_the_same_alert_again(pager):
    say(pager, sample("pagerduty-trigger"), sample("pagerduty-acknowledge"), sample("pagerduty-trigger"))

    assert (Alert.objects.get().state, Alert.objects.get().count) == ("acknowledged", 2)


def test_a_change_stands_on_the_timeline_of_its_service(pager):
    say(pager, sample("pagerduty-trigger"), sample("pagerduty-change"))

    assert story(Incident.objects.get())[-1] == "Deploy checkout 1.2.3 https://ci.example.org/1"
    assert Alert.objects.count() == 1


# -- claim, poison, replay ---------------------------------------------------------------------------------
def test_what_is_not_understood_is_kept_and_said(prometheus):
    say(prometheus, {"hello": 1}, b"rubbish")

    events = StoredEvent.objects.order_by("id")
    assert [(event.state, event.due_at) for event in events] == [("not_understood", None)] * 2
    assert all(event.error for event in events)


@pytest.fixture
def broken(monkeypatch):
    def fail(body, headers):
        raise KeyError("a bug")

    monkeypatch.setitem(DIALECTS, "json", Dialect("json", "Broken", parse=fail))


def test_a_bug_in_a_parser_costs_a_replay_and_never_an_alert(scripts, broken, monkeypatch):
    store(scripts, told())
    for hour in range(10):
        take_in(AT + timedelta(hours=hour))
    failed = StoredEvent.objects.get()
    assert (failed.state, failed.attempts, failed.due_at) == ("failed", ingest.MOST_ATTEMPTS, None)
    assert failed.error == "KeyError: 'a bug'"

    monkeypatch.undo()
    ingest.replay(failed, by=None, at=AT)
    take_in()

    assert Alert.objects.get().incident.state == "detected"


def test_a_failing_event_does_not_stop_the_next(scripts, prometheus, broken):
    store(scripts, told())
    store(prometheus, sample("alertmanager-firing"))

    take_in()

    assert Alert.objects.get().source == prometheus
    assert StoredEvent.objects.get(source=scripts).due_at > AT


def test_an_event_half_taken_in_leaves_nothing_behind(scripts, monkeypatch):
    def fail(*given, **named):
        raise RuntimeError("half-way")

    with monkeypatch.context() as broken:
        broken.setattr("incidents.timeline.append", fail)
        say(scripts, told())
    assert not Alert.objects.exists()

    take_in(AT + timedelta(minutes=1))

    assert Alert.objects.get().count == 1


def test_an_event_that_kills_its_reader_every_time_is_given_up(scripts, monkeypatch):
    store(scripts, told())

    def killed(event, *given, at):
        raise SystemExit

    with monkeypatch.context() as deadly:
        deadly.setattr(ingest, "_take", killed)
        for minute in range(ingest.MOST_ATTEMPTS):
            with pytest.raises(SystemExit):
                take_in(AT + timedelta(minutes=minute))
    take_in(AT + timedelta(hours=1))

    assert StoredEvent.objects.get().state == "failed"


def test_a_source_that_another_engine_works_on_is_left_to_it(scripts):
    store(scripts, told(), told(status="resolved"))
    first = StoredEvent.objects.order_by("id")[0]
    StoredEvent.objects.filter(pk=first.pk).update(
        lease_until=AT + timedelta(seconds=9), due_at=AT + timedelta(seconds=9)
    )

    assert take_in() == 0
    assert take_in(AT + timedelta(seconds=10)) == 2


def test_a_reader_whose_lease_has_passed_on_writes_nothing(scripts):
    store(scripts, told())
    (slow,) = ingest._claim(scripts.pk, at=AT)
    take_in(AT + timedelta(minutes=5))

    ingest._take(slow, at=AT + timedelta(minutes=5))

    assert Alert.objects.get().count == 1


def test_a_backlog_of_one_source_does_not_hold_up_another(scripts, prometheus, monkeypatch):
    store(scripts, *[told(dedup_key=str(n)) for n in range(ingest.BATCH * 3)])
    store(prometheus, sample("alertmanager-firing"))
    ticks = iter([AT] * 7 + [AT + timedelta(hours=1)] * 9)

    ingest.take_in(now=lambda: next(ticks))

    assert Alert.objects.filter(source=prometheus).exists()
    assert StoredEvent.objects.due(AT).exists()


def test_only_what_was_not_taken_in_is_replayed(scripts):
    say(scripts, told())
    event = StoredEvent.objects.get()

    with pytest.raises(DomainError) as refused:
        ingest.replay(event, by=User.objects.create(username="alice"), at=AT)

    assert refused.value.code == "already_taken_in"
    assert Alert.objects.get().count == 1
