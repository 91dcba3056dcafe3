"""Whatever is sent: a clear answer, never a 5xx, and afterwards every list and page still opens.

The cases of bad_inputs.json whose surface is the inbound alert webhook, through the real address and the pulse.
"""

import json

import pytest
from django.urls import reverse
from rest_framework.test import APIRequestFactory, force_authenticate

from incidents import sources
from incidents.api.alerts import AlertViewSet
from incidents.intake import ingest
from incidents.models import Alert, StoredEvent
from oncall import clock
from oncall.models import Page, Service, User

KEYS = {"json": "0" * 32, "alertmanager": "1" * 32, "pagerduty": "2" * 32}
LISTS = ["incidents_storedevent", "incidents_alert", "incidents_alertsource"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def all_sources():
    service = Service.objects.create(slug="checkout", name="Checkout")
    for dialect, key in KEYS.items():
        sources.create(
            slug=dialect, name=dialect, dialect=dialect, service=service, key=key, by=None, at=clock.now()
        )


@pytest.fixture
def root():
    return User.objects.create_superuser("root", password="root")


def send(client, body, dialect="json", **headers):
    body = body if isinstance(body, bytes) else body.encode()
    return client.post(
        f"/in/{dialect}/{KEYS[dialect]}", body, content_type="application/json", **headers
    ).status_code


def assert_everything_opens(client, root):
    """The read-back sweep: take in, then every list, every object's page and the API."""
    ingest.take_in(now=clock.now)
    client.force_login(root)
    for name in LISTS:
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    for model in (StoredEvent, Alert):
        for row in model.objects.all()[:20]:
            url = reverse(f"admin:incidents_{model._meta.model_name}_change", args=[row.pk])
            assert client.get(url).status_code == 200
    request = APIRequestFactory().get("/api/v1/alerts/", {"page_size": 200})
    force_authenticate(request, root)
    answer = AlertViewSet.as_view({"get": "list"})(request)
    answer.render()
    assert answer.status_code == 200
    assert not StoredEvent.objects.filter(state__in=["new", "failed"]).exists()


def alerts(**changed):
    member = {"status": "firing", "labels": {"alertname": "Down"}, "fingerprint": "f"} | changed
    return json.dumps({"version": "4", "status": "firing", "groupKey": "g", "alerts": [member]})


HOSTILE = (
    "\u202epaid\u200b \u0007" + "e" + "\u0301" * 200 + "<script>alert(1)</script>\"'\r\nBcc: x@example.com"
)

NUMBERS = ["NaN", "Infinity", "1e400", "9" * 5000, str(2**70)]
NEVER = "0001-01-01T00:00:00Z"
ODD = {"labels": [1], "annotations": 5, "startsAt": {}, "generatorURL": 7, "fingerprint": []}
LINKS = ["javascript:alert(1)", 'https://ok.example/"><b>']

BODIES = [
    ("BI001", "json", r'{"summary":"a","labels":{"k":"x\u0000y"}}', 202),
    ("BI001 key", "json", r'{"summary":"a\u0000","labels":{"k\u0000":"y"},"dedup_key":"\u0000k"}', 202),
    ("BI001 as found", "json", r'{"title":"a","labels":{"k":"x\u0000y"}}', 400),
    ("BI003", "json", r'{"summary":"a\ud800","labels":{"k":"\ud800"}}', 202),
    ("BI003 group", "alertmanager", alerts(annotations={"summary": "\ud800"}), 202),
    ("BI005", "json", "[" * 1_500, 400),
    ("BI005 deeper", "json", '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", 400),
    *((f"BI009 {n[:8]}", "json", f'{{"summary":"a","n":{n}}}', 400) for n in NUMBERS),
    *((f"BI011 {body}", "json", body, 400) for body in ("[1,2]", '"x"', "null", "true", "")),
    ("BI021 empty", "json", '{"summary":"a","dedup_key":""}', 202),
    ("BI021 long", "json", json.dumps({"summary": "a", "dedup_key": "k" * 10_000}), 400),
    ("BI021 spaces", "json", '{"summary":"a","dedup_key":"  k  "}', 202),
    ("BI021 emoji", "json", '{"summary":"a","dedup_key":"🔥"}', 202),
    ("BI025 null", "alertmanager", '{"version":"4","status":"firing","alerts":null}', 202),
    ("BI025 zero time", "alertmanager", alerts(endsAt=NEVER, startsAt=NEVER), 202),
    ("BI025 status", "alertmanager", alerts(status="exploded"), 202),
    ("BI025 types", "alertmanager", alerts(**ODD), 202),
    ("hostile text", "json", json.dumps({"summary": HOSTILE, "dedup_key": HOSTILE, "description": HOSTILE}), 202),
    ("hostile links", "json", json.dumps({"summary": "a", "links": LINKS}), 202),
    ("latin-1", "json", '{"summary":"ü"}'.encode("latin-1"), 400),
]  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "body", "status"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES]
)
def test_a_bad_body_is_answered_and_harms_nothing(client, root, dialect, body, status):
    assert send(client, body, dialect) == status
    assert StoredEvent.objects.count() == (status == 202)

    assert_everything_opens(client, root)


def test_bi007_a_huge_body_is_refused(client, root):
    assert send(client, b'{"summary": "' + b"x" * 30_000_000 + b'"}') == 413

    assert_everything_opens(client, root)


def test_bi013_a_compressed_bomb_is_not_opened(client, root):
    assert send(client, b"\x1f\x8b" + b"\0" * 10_000, HTTP_CONTENT_ENCODING="gzip") == 415

    assert_everything_opens(client, root)


def test_bi021_keys_that_look_alike_are_one_alert_and_case_makes_two(client, root):
    for key in ("Été", "E\u0301te\u0301", " Été\u200b", "été"):
        send(client, json.dumps({"summary": "a", "dedup_key": key}))

    assert_everything_opens(client, root)
    assert sorted(Alert.objects.values_list("dedup_key", "count")) == [("Été", 3), ("été", 1)]


def test_bi025_a_huge_group_is_one_page(client, root):
    group = json.loads(alerts())
    group["alerts"] = [group["alerts"][0] | {"fingerprint": str(n)} for n in range(5_000)]

    assert send(client, json.dumps(group), "alertmanager") == 202

    assert_everything_opens(client, root)
    assert (Alert.objects.count(), Page.objects.count()) == (5_000, 1)


def test_hostile_text_is_shown_and_never_obeyed(client, root):
    send(client, json.dumps({"summary": HOSTILE, "links": ["javascript:alert(1)"], "dedup_key": "k"}))
    assert_everything_opens(client, root)
    alert = Alert.objects.get()

    page = client.get(reverse("admin:incidents_alert_change", args=[alert.pk])).text

    assert "<script>alert(1)" not in page
    assert "javascript:" not in page
    assert not set(alert.summary) & set("\u202e\u200b\x07\r\n")
    assert alert.summary.count("\u0301") <= 4
