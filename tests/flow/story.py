"""An alert's whole life, told step by step through addresses that outsiders use."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests.flow.portal import ALERTMANAGER, Caller, Portal, Relay, alertmanager, link, press, until

KEY = "am-" + "k" * 40
CASES = Path(__file__).resolve().parents[1] / "cases"

COMPANY = {
    "users": [
        {
            "username": name,
            "name": f"{name.title()} Doe",
            "email": f"{name}@example.com",
            "time_zone": zone,
            "groups": groups,
            "contacts": [{"name": "mail", "medium": "email", "address": f"{name}@example.com"}],
            "rules": {
                "high": [{"after": "0s", "contact": "mail"}],
                "low": [{"after": "0s", "contact": "mail"}],
            },
        }
        for name, zone, groups in [
            ("alice", "Europe/Berlin", ["Responder"]),
            ("bob", "America/New_York", ["Incident Manager", "Communications"]),
            ("root", "UTC", ["Administrator"]),
        ]
    ],
    "teams": [{"slug": "payments", "name": "Payments", "members": ["alice", "bob"], "admins": ["alice"]}],
    "schedules": [
        {
            "slug": "payments-primary",
            "name": "Payments primary",
            "team": "payments",
            "time_zone": "Europe/Berlin",
            "layers": [
                {
                    "name": "primary",
                    "priority": 1,
                    "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T09:00"},
                    "slots": [["alice"]],
                }
            ],
        }
    ],
    "policies": [
        {
            "slug": "payments",
            "name": "Payments",
            "team": "payments",
            "repeat": 0,
            "steps": [
                {"after": "0s", "targets": [{"schedule": "payments-primary"}]},
                {"after": "2s", "targets": [{"user": "bob"}]},
            ],
        },
        {"slug": "manager", "name": "Manager", "steps": [{"after": "0s", "targets": [{"user": "root"}]}]},
    ],
    "services": [
        {
            "slug": "checkout",
            "name": "Checkout",
            "team": "payments",
            "policy": "payments",
            "audience": "external",
            "critical": True,
        }
    ],
    "sources": [
        {"slug": "prom", "name": "Prometheus", "dialect": "alertmanager", "service": "checkout", "key": KEY}
    ],
    "components": [{"slug": "checkout", "name": "Checkout", "group": "Shop", "service": "checkout"}],
    "settings": {"incident_manager_policy": "manager", "catch_all": {"user": "root"}},
}


def found_company(portal: Portal) -> None:
    """Write the company's file and apply it, as an operator does."""
    path = portal.folder / "company.json"
    path.write_text(json.dumps(COMPANY))
    portal.manage("apply", str(path))


class Story:
    """One telling. Each method is one step and leaves what the next one needs."""

    def __init__(self, portal: Portal, relay: Relay) -> None:
        self.portal, self.relay = portal, relay
        self.bob: Caller = portal.sign_in("bob")
        self.key = ""

    def tell(self, half_way: Callable[[], object] = lambda: None) -> None:
        """From the alert to the reminder; something may happen to the portal in between."""
        self.somebody_subscribes()
        self.an_alert_becomes_an_incident()
        half_way()
        self.nobody_answers_so_the_next_is_paged()
        self.she_acknowledges_from_the_mail()
        self.the_incident_is_declared_and_classified()
        self.customers_are_told()
        self.it_is_mitigated_and_resolved()
        self.the_post_mortem_holds_the_timeline()
        self.an_action_reminds_its_owner()

    def somebody_subscribes(self) -> None:
        http = httpx.Client(timeout=20)
        typed = {"email": "customer@example.org"}
        # A form that comes back within two seconds was filled in by no person.
        press(http, f"{self.portal.url}/subscribe/", "send the confirmation", reading_s=2.5, **typed)
        confirmation = self.relay.first("customer@example.org")
        press(http, link(confirmation, "/confirm/"), "confirm")

    def an_alert_becomes_an_incident(self) -> None:
        labels = {"alertname": "CheckoutErrors", "severity": "critical"}
        about = {"summary": "Checkout answers 1 in 3 requests with an error"}
        fire(self.portal, labels, about)
        incidents = until(lambda: self.bob.list("incidents/", state="detected"), what="an incident")
        self.key = incidents[0]["key"]
        assert len(incidents) == 1

    def nobody_answers_so_the_next_is_paged(self) -> None:
        self.relay.first("alice@example.com")
        assert not self.relay.to("bob@example.com")
        self.relay.first("bob@example.com")

    def she_acknowledges_from_the_mail(self) -> None:
        http = httpx.Client(timeout=20)
        press(http, link(self.relay.first("bob@example.com"), "/a/"), "acknowledge")
        incident = self.bob.get(f"incidents/{self.key}/")
        assert incident["acknowledged_at"]
        assert self.bob.list("pages/", incident=self.key)[0]["state"] == "acknowledged"

    def the_incident_is_declared_and_classified(self) -> None:
        verb = f"incidents/{self.key}"
        if self.bob.get(f"{verb}/")["state"] == "detected":
            self.bob.post(f"{verb}/declare/")
        self.bob.post(f"{verb}/classify/", severity="major")
        assert self.bob.get(f"{verb}/")["severity"] == "major"

    def customers_are_told(self) -> None:
        post = self.bob.post(
            "posts/",
            name="Checkout fails for some customers",
            status="investigating",
            body="Some payments fail. We are looking into it.",
            components={"checkout": "partial_outage"},
            deliver_notifications=True,
            incident=self.key,
        )
        self.post = post["id"]
        self.relay.first("customer@example.org", "Checkout fails")
        page = until(
            lambda: "Checkout fails for some" in self.public("/") and self.public("/"), what="the page"
        )
        assert "Checkout" in page
        summary = self.portal.http.get("/api/v2/summary.json").json()
        assert [incident["name"] for incident in summary["incidents"]] == [
            "Checkout fails for some customers"
        ]
        assert summary["status"]["indicator"] != "none"

    def it_is_mitigated_and_resolved(self) -> None:
        verb = f"incidents/{self.key}"
        self.bob.post(f"{verb}/mitigate/", text="The faulty release is rolled back.")
        self.bob.post(f"{verb}/all-clear/", service="checkout")
        self.bob.post(f"{verb}/resolve/", text="All payments go through again.")
        self.bob.post(
            f"posts/{self.post}/update/",
            status="resolved",
            body="Payments work again.",
            components={"checkout": "operational"},
            deliver_notifications=True,
        )
        self.relay.first("customer@example.org", "Payments work again.")
        incident = self.bob.get(f"{verb}/")
        assert incident["state"] in {"resolved", "in_review"}
        assert incident["metrics"]["ttr_seconds"] is not None
        until(lambda: self.status() == "none", what="a calm status page")

    def the_post_mortem_holds_the_timeline(self) -> None:
        self.portal.manage("engine", "--once")
        drafts = until(lambda: self.bob.list("postmortems/", incident=self.key), what="a draft")
        self.postmortem = drafts[0]
        text = json.dumps(self.bob.get(f"postmortems/{self.postmortem['id']}/"))
        assert "The faulty release is rolled back." in text

    def an_action_reminds_its_owner(self) -> None:
        self.bob.post(
            "actions/",
            postmortem=self.postmortem["id"],
            title="Alert on the error rate of canaries",
            owner="alice",
            priority="high",
            due_on=(datetime.now(UTC) - timedelta(days=1)).date().isoformat(),  # its morning is over everywhere
        )
        self.portal.manage("engine", "--once")
        self.relay.first("alice@example.com", "canaries")

    def public(self, path: str) -> str:
        return self.portal.http.get(path).text

    def status(self) -> str:
        return self.portal.http.get("/api/v2/status.json").json()["status"]["indicator"]


def fire(portal: Portal, labels: dict[str, str], annotations: dict[str, str]) -> None:
    """Have Alertmanager send an alert, or send its recorded request where it is not installed."""
    if ALERTMANAGER:
        with alertmanager(portal.folder, f"{portal.url}/in/alertmanager/{KEY}") as url:
            alerts = [{"labels": labels, "annotations": annotations}]
            httpx.post(f"{url}/api/v2/alerts", json=alerts).raise_for_status()
            until(lambda: "muster" in sent(url), what="Alertmanager's webhook")
        return
    recorded = json.loads((CASES / "payloads" / "alertmanager-firing.json").read_text())
    answer = portal.alert(KEY, recorded["body"])
    assert answer.status_code == 202, answer.text


def sent(url: str) -> str:
    """The word muster once Alertmanager has had a 2xx from us."""
    for line in httpx.get(f"{url}/metrics").text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith("alertmanager_notifications_total{") and 'integration="webhook"' in name:
            return "muster" if float(value) >= 1 else ""
    return ""
