"""What staff can do with sources, stored events and alerts: in the console and by the API."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse
from rest_framework.test import APIRequestFactory, force_authenticate

from incidents import sources
from incidents.api.alerts import AlertViewSet
from incidents.intake import ingest
from incidents.models import Alert, AlertSource, Incident, StoredEvent
from oncall import clock
from oncall.models import Service, User

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return User.objects.create_superuser("root", password="root")


@pytest.fixture
def alice():
    user = User.objects.create_user("alice", password="alice", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_alert", "view_storedevent"]))
    return user


@pytest.fixture
def scripts():
    service = Service.objects.create(slug="checkout", name="Checkout")
    return sources.create(slug="scripts", name="Scripts", dialect="json", service=service, by=None, at=AT)[0]


@pytest.fixture
def alert(scripts):
    store(scripts, {"summary": "Disk full", "dedup_key": "db-1/disk"})
    ingest.take_in(now=lambda: AT)
    return Alert.objects.get()


def store(source, body, **values):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    usual = {"source": source, "dialect": source.dialect, "received_at": AT, "due_at": AT, "sha256": "x"}
    return StoredEvent.objects.create(**usual | values, body=body)


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


# -- sources -----------------------------------------------------------------------------------------------
def test_a_new_source_shows_its_key_once(client, root):
    client.force_login(root)
    form = {"name": "Prometheus", "slug": "prom", "dialect": "alertmanager", "service": "", "active": "on"}

    text = said(client.post(reverse("admin:incidents_alertsource_add"), form))

    source = AlertSource.objects.get()
    key = text.split("The new key is ")[1].split()[0]
    assert sources.authenticate(key) == source
    assert f"http://testserver/in/alertmanager/{key}" in text
    page = client.get(reverse("admin:incidents_alertsource_change", args=[source.pk]))
    assert key in page.text  # the message
    assert key not in client.get(reverse("admin:incidents_alertsource_change", args=[source.pk])).text


def test_a_key_is_added_and_the_old_one_revoked(client, root, scripts):
    client.force_login(root)
    old = scripts.keys.get()

    def press(verb, **fields):
        url = reverse("admin:incidents_alertsource_verb", args=[scripts.pk, verb])
        return said(client.post(url, {"expected": "", **fields}))

    new = press("add-key").split("The new key is ")[1].split()[0]
    assert "Revoke one" in press("add-key")
    press("revoke-key", key=old.pk)

    assert [key.revoked_at is None for key in scripts.keys.all()] == [False, True]
    assert sources.authenticate(new) == scripts


def test_a_source_is_never_deleted_with_its_alerts(client, root, alert):
    client.force_login(root)

    assert (
        client.post(reverse("admin:incidents_alertsource_delete", args=[alert.source_id])).status_code == 403
    )


# -- stored events -----------------------------------------------------------------------------------------
def test_what_was_not_understood_is_shown_and_replayed(client, root, scripts):
    client.force_login(root)
    event = store(
        scripts, {"hello": "wörld"}, state="not_understood", due_at=None, error="'summary' is missing"
    )

    listed = client.get(reverse("admin:incidents_storedevent_changelist"), {"state__exact": "not_understood"})
    page = client.get(reverse("admin:incidents_storedevent_change", args=[event.pk]))
    url = reverse("admin:incidents_storedevent_verb", args=[event.pk, "replay"])
    client.post(url, {"expected": str(event.generation)})

    assert "&#x27;summary&#x27; is missing" in listed.text
    assert "&quot;hello&quot;: &quot;wörld&quot;" in page.text
    event.refresh_from_db()
    assert (event.state, event.attempts) == ("new", 0)
    assert event.due_at is not None


def test_every_page_tells_of_alerts_that_nobody_could_read(client, root, alice, scripts):
    at = clock.now()
    told = "2 requests of alert sources could not be read and paged nobody."
    for state, received_at in (
        ("failed", at),
        ("not_understood", at),
        ("done", at),
        ("failed", at - timedelta(days=2)),
    ):
        store(scripts, b"{}", state=state, received_at=received_at, due_at=None)

    client.force_login(root)
    assert told in client.get(reverse("admin:incidents_alert_changelist")).text

    alice.user_permissions.clear()
    client.force_login(alice)
    assert told not in client.get(reverse("admin:index")).text


def test_many_events_are_replayed_at_once_and_each_refusal_is_said(client, root, scripts, alert):
    client.force_login(root)
    store(scripts, b"{}", state="failed", due_at=None)
    chosen = {
        "action": "replay_selected",
        "_selected_action": list(StoredEvent.objects.values_list("pk", flat=True)),
    }

    text = said(client.post(reverse("admin:incidents_storedevent_changelist"), chosen))

    assert text.startswith("1 replayed, 1 refused. This event was taken in")


def test_reading_is_no_right_to_replay(client, alice, scripts):
    client.force_login(alice)
    event = store(scripts, b"{}", state="failed", due_at=None)

    url = reverse("admin:incidents_storedevent_verb", args=[event.pk, "replay"])
    chosen = {"action": "replay_selected", "_selected_action": [event.pk]}

    assert client.post(url, {"expected": "0"}).status_code == 403
    client.post(reverse("admin:incidents_storedevent_changelist"), chosen)
    assert StoredEvent.objects.get().state == "failed"


@pytest.mark.parametrize("name", ["alert", "storedevent"])
def test_rows_of_the_machine_are_only_read(client, root, alert, name):
    client.force_login(root)
    pk = {"alert": alert, "storedevent": StoredEvent.objects.get()}[name].pk

    assert client.get(reverse(f"admin:incidents_{name}_add")).status_code == 403
    assert client.post(reverse(f"admin:incidents_{name}_delete", args=[pk])).status_code == 403
    assert (
        client.post(reverse(f"admin:incidents_{name}_change", args=[pk]), {"state": "x"}).status_code == 403
    )


def test_a_body_that_is_no_json_is_shown_all_the_same(client, root, scripts):
    client.force_login(root)
    event = store(scripts, b"\x00\xff<b>" + b"x" * 100_000)

    page = client.get(reverse("admin:incidents_storedevent_change", args=[event.pk]))

    assert "&lt;b&gt;xxx" in page.text
    assert "100,005 bytes in all" in page.text


# -- alerts ------------------------------------------------------------------------------------------------
def ask(user, **query):
    request = APIRequestFactory().get("/api/v1/alerts/", query)
    force_authenticate(request, user)
    return AlertViewSet.as_view({"get": "list"})(request)


def test_the_api_tells_an_alert(root, alert):
    (told,) = ask(root).data["results"]

    assert told == told | {
        "source": "scripts",
        "dedup_key": "db-1/disk",
        "state": "firing",
        "severity": "critical",
        "summary": "Disk full",
        "service": "checkout",
        "incident": alert.incident.key,
        "count": 1,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"source": "scripts"}, 1),
        ({"source": "other"}, 0),
        ({"dedup_key": "db-1/disk"}, 1),
        ({"dedup_key": "db-1"}, 0),
        ({"state": "firing"}, 1),
        ({"state": "resolved"}, 0),
        ({"severity": "critical"}, 1),
        ({"severity": "info"}, 0),
        ({"summary": "disk"}, 1),
        ({"service": "checkout"}, 1),
        ({"search": "db-1"}, 1),
        ({"incident": "INC-99999999999999999999"}, 0),
        ({"incident": "²"}, 0),
        ({"ordering": "-count"}, 1),
    ],
)
def test_the_api_filters_alerts(root, alert, query, found):
    assert len(ask(root, **query).data["results"]) == found


def test_the_api_gives_alerts_as_csv_that_no_spreadsheet_runs(client, root, scripts):
    store(scripts, {"summary": "=1+1", "dedup_key": "k"})
    ingest.take_in(now=lambda: AT)
    client.force_login(root)

    answer = client.get("/api/v1/alerts/?format=csv")

    header, row = b"".join(answer.streaming_content).decode().splitlines()
    assert header.startswith("source,dedup_key,state,severity,summary,service,incident,count")
    assert row.startswith("scripts,k,firing,critical,'=1+1,checkout,INC-")


@pytest.mark.parametrize("query", [{"state": "x"}, {"ordering": "source__keys"}, {"search": "\0"}])
def test_the_api_refuses_what_it_does_not_know(root, alert, query):
    assert ask(root, **query).status_code == 400


def test_alerts_of_a_private_incident_show_only_to_those_who_may_see_it(client, root, alice, alert):
    Incident.objects.update(private=True)
    client.force_login(alice)

    listed = client.get(reverse("admin:incidents_alert_changelist"))
    opened = client.get(reverse("admin:incidents_alert_change", args=[alert.pk]))

    assert "Disk full" not in listed.text
    assert opened.status_code in (302, 404)
    assert ask(alice).data["results"] == []
    assert len(ask(root).data["results"]) == 1
