"""The story of Northwind Pay: three months behind it, two incidents open, told by the portal's own verbs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from config.demo.past import PAST, Past
from incidents import communication, engagement, lifecycle, roles, tasks, timeline
from incidents.models import Incident, Role, Severity, TimelineEntry
from oncall import paging
from oncall.models import Service, User
from postmortems import actions, drafting, review
from statuspage import maintenance, publishing, subscriptions
from statuspage.models import Component, StatusPage, Subscriber

COMPONENT_OF = {"checkout": "card-payments", "ledger": "bank-transfers", "mobile-api": "api",
                "partner-webhooks": "webhooks", "statements": "statements"}  # fmt: skip
STATUS_OF = {"full": "major_outage", "partial": "partial_outage", "degraded": "degraded_performance"}
Kind = TimelineEntry.Kind


@dataclass(frozen=True)
class Cast:
    """Everybody in the story, and when it is told."""

    now: datetime
    people: dict[str, User]
    services: dict[str, Service]
    severities: dict[str, Severity]

    def ago(self, **length: float) -> datetime:
        """An instant in the past."""
        return self.now - timedelta(**length)


@transaction.atomic
def tell(*, at: datetime) -> None:
    """Fill a freshly provisioned portal with three months of life. Sends nothing for what is over."""
    cast = Cast(
        now=at,
        people={user.username: user for user in User.objects.all()},
        services={service.slug: service for service in Service.objects.all()},
        severities={severity.slug: severity for severity in Severity.objects.all()},
    )
    _status_page(cast)
    told = {past.title: _past(cast, past) for past in PAST}
    _reviews(cast, told)
    _payments(cast)
    _vpn(cast)
    _maintenance(cast)


def _status_page(cast: Cast) -> None:
    page = StatusPage.main()
    page.name = "Northwind Pay"
    page.save()
    for component in Component.objects.all():
        component.start_date = cast.ago(days=200).date()
        component.save()
    for name in ("shop", "bakery", "books", "bikes"):
        asked = cast.ago(days=60)
        subscriber = Subscriber.objects.create(address=f"dev@{name}.example", created_at=asked)
        subscriptions.confirm(subscriber, at=asked)


def _past(cast: Cast, past: Past) -> Incident:
    took = past.minutes
    answered = took["detect"] + took["answer"]
    after = partial(_after, past.start(cast.now))
    reviewed = past.severity != "minor" and past.began["days"] < 30
    incident = lifecycle.declare_past(
        title=past.title,
        severity=cast.severities[past.severity],
        services=[cast.services[past.service]],
        audience=past.audience,
        detection_method=past.found_by,
        hurt=past.hurt,
        root_cause_type=past.cause,
        root_cause_service=cast.services[past.service],
        impact_started_at=after(0),
        detected_at=after(took["detect"]),
        acknowledged_at=after(answered),
        declared_at=after(answered + 1),
        classified_at=after(answered + 2),
        mitigated_at=after(took["mitigate"]),
        resolved_at=after(took["resolve"]),
        closed_at=None if reviewed else after(took["resolve"]) + timedelta(days=2),
        by=cast.people["alice"],
        at=cast.now,
    )
    if past.told:
        _tell_past(cast, past, incident)
    return incident


def _after(start: datetime, minutes: int) -> datetime:
    return start + timedelta(minutes=minutes)


def _tell_past(cast: Cast, past: Past, incident: Incident) -> None:
    component = Component.objects.get(slug=COMPONENT_OF[past.service])
    publishing.publish(
        name=past.title,
        body=f"{past.told}\n\n{past.fixed}",
        status="resolved",
        components={component: STATUS_OF[past.level]},
        started_at=incident.impact_started_at,
        ended_at=incident.mitigated_at,
        backfilled=True,
        incident=incident,
        by=cast.people["lena"],
        at=cast.now,
    )


# -- what was learnt ---------------------------------------------------------------------------------------
REVIEWED = {
    "Ledger read-only for forty minutes": (
        "marcus", "alice", True,
        {
            "summary": "A nightly job took a lock on the ledger's largest table and kept it for forty minutes. "
            "Bookings waited; none was lost.",
            "causes": "- The job was written when the table was a tenth of its size.\n"
            "- Nothing limits how long one statement may hold a lock.\n"
            "- The alert on waiting bookings has a threshold of ten minutes.",
            "went_well": "- The failover runbook was at hand and correct.\n"
            "- The first public update went out after six minutes.",
            "went_badly": "- Two people looked for the cause on the wrong replica for a quarter of an hour.",
            "lucky": "It was noon in Berlin and early morning in New York.",
        },
        [("Limit how long a statement may hold a lock", "dana", "high", -5, "open"),
         ("Alert on queue age, not queue depth", "owen", "medium", 12, "open"),
         ("Move the nightly job to the replica", "ruth", "medium", -9, "done")],
    ),
    "Card payments failing for some issuers": (
        "alice", "marcus", False,
        {
            "summary": "A certificate towards one card network expired. Nine per cent of card payments in Europe "
            "were declined for 29 minutes.",
            "causes": "- Its date stood in a spreadsheet of a team that no longer exists.\n"
            "- The staging network accepts expired certificates.",
            "went_well": "- Paged and answered within five minutes.",
        },
        [("List every certificate with its date in one place", "jonas", "high", 4, "open"),
         ("Warn thirty days before a certificate expires", "tomas", "medium", 20, "open")],
    ),
}  # fmt: skip


def _reviews(cast: Cast, told: dict[str, Incident]) -> None:
    for title, (lead, approver, finished, sections, items) in REVIEWED.items():
        started = told[title].resolved_at + timedelta(days=1)
        postmortem = drafting.draft(told[title], by=None, at=started)
        postmortem.lead = cast.people[lead]
        postmortem.save()
        drafting.write(postmortem, sections=sections, by=None, at=started)
        for name, owner, priority, days, state in items:
            action = actions.add(
                postmortem,
                title=name,
                owner=cast.people[owner],
                priority=priority,
                due_on=(cast.now + timedelta(days=days)).date(),
                by=None,
                at=started,
            )
            if state == "done":
                actions.finish(action, by=None, at=cast.ago(days=10))
        if finished:
            postmortem = review.submit(postmortem, by=None, at=started + timedelta(days=1))
            postmortem = review.approve(postmortem, by=cast.people[approver], at=started + timedelta(days=3))
            review.publish(postmortem, by=cast.people[approver], at=started + timedelta(days=3))


# -- what is open now --------------------------------------------------------------------------------------
def _payments(cast: Cast) -> None:
    """A major incident in its fortieth minute: answered, classified, told to the public, being worked on."""
    alice, jonas, dana, lena = (cast.people[name] for name in ("alice", "jonas", "dana", "lena"))
    at = partial(_before, cast.now)
    incident = lifecycle.detect(
        title="Card payments fail for about a third of EU customers",
        service=cast.services["checkout"],
        source_text="Prometheus: CheckoutErrorRateHigh, 38 % of requests to eu-central fail.",
        by=None,
        at=at(40),
    )
    _answer(incident, by=jonas, at=at(38))
    incident = lifecycle.declare(
        incident, impact_started_at=at(41), hurt="38 % of EU customers", by=jonas, at=at(37)
    )
    _answer(incident, by=alice, at=at(36))
    incident = roles.assign(incident, role=Role.COMMUNICATIONS, user=lena, by=alice, at=at(33))
    incident = lifecycle.classify(incident, severity=cast.severities["major"], by=alice, at=at(31))
    incident = timeline.note(
        incident, text="The dashboard for the connection pool needs a VPN login that is itself failing.",
        kind=Kind.OBSTACLE, by=jonas, at=at(24),
    )  # fmt: skip
    incident = engagement.engage(
        incident, service=cast.services["ledger"], kind="owning", by=alice, at=at(20)
    )
    _answer(incident, by=dana, at=at(18))
    incident = timeline.note(
        incident, text="Fail over to ledger-b now, look for the cause later. Risk: up to 90 s of read-only.",
        kind=Kind.DECISION, by=alice, at=at(11),
    )  # fmt: skip
    incident = lifecycle.identify(incident, text="ledger-a runs out of connections.", by=dana, at=at(10))
    _tell_public(cast, incident)
    incident = communication.send(
        incident,
        audience="staff",
        text="About a third of card payments in the EU fail. Cause found: ledger-a runs out of connections. "
        "Traffic is moving to ledger-b.",
        next_update_in=timedelta(minutes=20),
        by=alice,
        at=at(8),
    )
    timeline.note(
        incident, text="Replica ledger-b is taking reads. Error rate down from 38 % to 31 %, still falling.",
        by=jonas, at=at(4),
    )  # fmt: skip
    tasks.add(incident, title="Fail over reads to ledger-b", owner=jonas, by=alice, at=at(11))
    tasks.add(
        incident, title="Confirm with the acquirer that retries are safe", owner=lena, by=alice, at=at(10)
    )


def _before(now: datetime, minutes: int) -> datetime:
    return now - timedelta(minutes=minutes)


def _answer(incident: Incident, *, by: User, at: datetime) -> None:
    """She answers every page of the incident that waits."""
    for page in engagement.open_pages(incident):
        if page.state == page.State.ACTIVE:
            paging.acknowledge(page, by=by, at=at)


def _tell_public(cast: Cast, incident: Incident) -> None:
    card = Component.objects.get(slug="card-payments")
    hooks = Component.objects.get(slug="webhooks")
    post = publishing.publish(
        name="Card payments failing in Europe",
        body="Card payments are failing for some customers. We are looking into it.",
        status="investigating",
        components={card: "major_outage"},
        started_at=cast.ago(minutes=41),
        incident=incident,
        by=cast.people["lena"],
        at=cast.ago(minutes=30),
    )
    publishing.update(
        post,
        status="identified",
        body="One of our database replicas stopped taking connections. About a third of European card payments "
        "are declined. We are moving all traffic to another replica.\n\nYou can safely retry a declined payment. "
        "No card was charged twice.",
        components={hooks: "degraded_performance"},
        next_update_at=cast.now + timedelta(minutes=20),
        by=cast.people["lena"],
        at=cast.ago(minutes=9),
    )


def _vpn(cast: Cast) -> None:
    """A page that waits for an answer, so that the first page shows what it is for."""
    lifecycle.detect(
        title="VPN login rejected for contractors",
        service=cast.services["vpn"],
        source_text="Scripts: vpn-login-probe, 5 of 5 logins rejected.",
        audience="internal",
        by=None,
        at=cast.ago(minutes=2),
    )


def _maintenance(cast: Cast) -> None:
    """One behind us, one ahead."""
    dashboard = Component.objects.get(slug="dashboard")
    start = (cast.now + timedelta(days=3)).replace(hour=1, minute=0, second=0, microsecond=0)
    maintenance.schedule(
        name="Dashboard upgrade",
        body="Reports and settings are read-only for one hour.",
        components=[dashboard],
        scheduled_for=start,
        scheduled_until=start + timedelta(hours=1),
        notify=False,
        by=cast.people["lena"],
        at=cast.now,
    )
