"""What a tool said, as alert rows, and through them on incidents.

Rules: field/integrations.md section 2 (episodes, groups, routing). An alert is one episode of one key. While it
is open the same key is counted and nobody is paged again; a recovery ends the alert and never the incident.
Everything is done for a whole notification at once: a group may have thousands of members.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.text import slugify

from incidents import engagement, lifecycle, moves, timeline
from incidents.intake.dialects import Event, Notification, Status
from incidents.models import Alert, AlertSource, Incident, State
from oncall.models import Service, Urgency

NAMED = 5  # alerts that an entry names before it counts the rest
LOUD = {Alert.Severity.CRITICAL, Alert.Severity.ERROR}  # what may wake somebody before a person has judged it
_IN_ONE_QUERY = 500
_SERVICE_LABELS = ("service", "app", "job", "namespace")
_ABOUT_ALERTS = (Status.FIRING, Status.ACKNOWLEDGED, Status.RESOLVED)


@transaction.atomic
def record(source: AlertSource, notification: Notification, *, seen_at: datetime, at: datetime) -> None:
    """Bring alerts and incidents to what the notification says. ``seen_at`` is when it reached us.

    Heartbeats leave nothing behind but the stored event. Acknowledgements and recoveries of an unknown key are
    dropped, as PagerDuty documents it.
    """
    said = {event.dedup_key: event for event in notification.events if event.status in _ABOUT_ALERTS}
    times = Counter(event.dedup_key for event in notification.events)
    services = _services(source, notification.events)
    known = _open_alerts(source, notification, said)

    def those(status: Status) -> list[tuple[Event, Alert | None]]:
        return [(event, known.get(key)) for key, event in said.items() if event.status == status]

    _recover(
        [(alert, event.ended_at) for event, alert in those(Status.RESOLVED) if alert]
        + [(alert, None) for key, alert in known.items() if key not in said],
        seen_at=seen_at,
        at=at,
    )
    _acknowledge([alert for _, alert in those(Status.ACKNOWLEDGED) if alert], at=at)
    _fire(source, those(Status.FIRING), times, services, seen_at=seen_at, at=at)
    for event in notification.events:
        if event.status == Status.CHANGE:
            _tell_change(event, services[event.dedup_key], seen_at=seen_at, at=at)


def _services(source: AlertSource, events: Iterable[Event]) -> dict[str, Service | None]:
    """Key -> service: the first of the event's hints that names one of ours, else the source's own."""
    hints = {event.dedup_key: _hints(event) for event in events}
    wanted = list({slug for slugs in hints.values() for slug in slugs})
    ours: dict[str, Service] = {}
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        found = Service.objects.filter(slug__in=wanted[start : start + _IN_ONE_QUERY])
        ours |= {service.slug: service for service in found}
    return {
        key: next((ours[slug] for slug in slugs if slug in ours), source.service)
        for key, slugs in hints.items()
    }


def _hints(event: Event) -> list[str]:
    """Slugs that the event may mean, the likeliest first: the parser's choice, then the usual labels."""
    words = [event.service_hint, *(event.labels.get(name, "") for name in _SERVICE_LABELS)]
    return [slug for word in dict.fromkeys(words) if word for slug in (word, slugify(word)) if slug]


def _open_alerts(source: AlertSource, notification: Notification, keys: Iterable[str]) -> dict[str, Alert]:
    """The open alerts of these keys, and the rest of their group if what is not listed has recovered.

    Locked, and their incidents before them: a verb that comes from an incident to its alerts must not meet us
    half-way.
    """
    keys = list(keys)
    parts = [
        Q(dedup_key__in=keys[start : start + _IN_ONE_QUERY]) for start in range(0, len(keys), _IN_ONE_QUERY)
    ]
    if notification.closes_unlisted and notification.group_key:
        same_group = Q(group_key=notification.group_key)
        parts = [same_group, *(part & ~same_group for part in parts)]
    rows = Alert.objects.open().filter(source=source)
    incidents = {key for part in parts for key in rows.filter(part).values_list("incident", flat=True)}
    moves.lock_all([Incident(pk=key) for key in incidents if key])
    rows = rows.select_for_update(of=("self",)).order_by("pk")
    rows = rows.select_related("incident", "service", "source")
    return {alert.dedup_key: alert for part in parts for alert in rows.filter(part)}


# -- firing ------------------------------------------------------------------------------------------------
def _fire(
    source: AlertSource,
    told: list[tuple[Event, Alert | None]],
    times: Counter,
    services: dict[str, Service | None],
    *,
    seen_at: datetime,
    at: datetime,
) -> None:
    """Count what is open, open what is new, and find an incident for whatever has none."""
    if not told:
        return
    _end_with_their_incident([alert for _, alert in told if alert and _is_over(alert)], at=at)
    again = [(event, alert) for event, alert in told if alert and not _is_over(alert)]
    _count(again, times, services, seen_at=seen_at)
    for incident in {alert.incident for _, alert in again if alert.incident and alert.severity in LOUD}:
        if incident.urgency == Urgency.LOW:
            engagement.louder(incident, by=None, at=at)
    new = [
        _describe(
            Alert(
                source=source,
                dedup_key=event.dedup_key,
                count=times[event.dedup_key],
                first_seen_at=seen_at,
                last_seen_at=seen_at,
            ),
            event,
            services[event.dedup_key],
        )
        for event, alert in told
        if alert is None or _is_over(alert)
    ]
    Alert.objects.bulk_create(new, batch_size=100)
    homeless = new + [alert for _, alert in again if alert.incident is None]
    groups = defaultdict(list)
    for alert in homeless:
        groups[alert.group_key].append(alert)
    for group_key, members in groups.items():
        _find_incident(source, group_key, members, seen_at=seen_at, at=at)


def _count(
    again: list[tuple[Event, Alert]],
    times: Counter,
    services: dict[str, Service | None],
    *,
    seen_at: datetime,
) -> None:
    """The same alerts once more. Most repetitions say nothing new, and are one statement for hundreds."""
    changed, counted = [], defaultdict(list)
    for event, alert in again:
        before = [getattr(alert, name) for name in _DESCRIBED]
        _describe(alert, event, services[event.dedup_key])
        if before != [getattr(alert, name) for name in _DESCRIBED]:
            changed.append(alert)
        counted[times[event.dedup_key]].append(alert.pk)
    Alert.objects.bulk_update(changed, _DESCRIBED, batch_size=100)
    for more, ids in counted.items():
        for start in range(0, len(ids), _IN_ONE_QUERY):
            Alert.objects.filter(pk__in=ids[start : start + _IN_ONE_QUERY]).update(
                count=F("count") + more, last_seen_at=Greatest("last_seen_at", seen_at)
            )


_DESCRIBED = ["group_key", "severity", "summary", "description", "service", "links", "labels", "started_at"]


def _describe(alert: Alert, event: Event, service: Service | None) -> Alert:
    """What the tool said last is what the alert says. An unknown severity is taken for the worst."""
    alert.group_key = event.group_key or event.dedup_key
    alert.severity = event.severity or Alert.Severity.CRITICAL
    alert.summary, alert.description = event.summary, event.description
    alert.links, alert.labels = list(event.links), dict(event.labels)
    alert.service, alert.started_at = service, event.started_at
    return alert


def _is_over(alert: Alert) -> bool:
    """People have ended its incident: firing again is a new episode and must reach somebody anew."""
    return alert.incident is not None and not alert.incident.is_open


def _end_with_their_incident(alerts: list[Alert], *, at: datetime) -> None:
    ids = [alert.pk for alert in alerts]
    Alert.objects.filter(pk__in=ids).update(state=Alert.State.RESOLVED, ended_at=at)


def _find_incident(
    source: AlertSource, group_key: str, members: list[Alert], *, seen_at: datetime, at: datetime
) -> None:
    """The open incident of the same group, or a new one; and every service concerned has its on-call paged."""
    incident = _open_incident(source, group_key)
    first = min(members, key=lambda alert: list(Alert.Severity).index(alert.severity))
    loud = first.severity in LOUD
    if incident is None:
        incident = lifecycle.detect(
            title=first.summary,
            service=first.service,
            description=first.description,
            source_text=f"{source.name}: {_named(members)}.",
            detected_at=seen_at,
            urgency=Urgency.HIGH if loud else Urgency.LOW,
            by=None,
            at=at,
        )
    else:
        if loud and incident.urgency == Urgency.LOW:
            engagement.louder(incident, by=None, at=at)
        if incident.state == State.MITIGATED:
            reason = f"An alert fires again: {first.summary}"
            incident = lifecycle.recur(incident, reason=reason, by=None, at=at)
        _tell(incident, f"Firing: {_named(members)}.", members, seen_at=seen_at, at=at)
    Alert.objects.filter(pk__in=[alert.pk for alert in members]).update(incident=incident)
    affected = set(incident.affected_services.values_list("service", flat=True))
    for service in {alert.service for alert in members if alert.service and alert.service.pk not in affected}:
        engagement.engage(incident, service=service, by=None, at=at)


def _open_incident(source: AlertSource, group_key: str) -> Incident | None:
    """The latest open incident of a group, locked; ``None`` also if it was ended while we waited for the lock."""
    open_ones = Incident.objects.open().filter(alerts__source=source, alerts__group_key=group_key)
    found = open_ones.order_by("-pk").first()
    incident = moves.lock(found) if found else None
    return incident if incident and incident.is_open else None


# -- recovery, acknowledgement, change ---------------------------------------------------------------------
def _recover(ended: list[tuple[Alert, datetime | None]], *, seen_at: datetime, at: datetime) -> None:
    """End alerts. The incident stays: people decide when it is over."""
    by_incident = defaultdict(list)
    for alert, ended_at in ended:
        alert.state = Alert.State.RESOLVED
        alert.ended_at = ended_at or seen_at
        alert.last_seen_at = max(alert.last_seen_at, seen_at)
        if alert.incident and alert.incident.is_open:
            by_incident[alert.incident].append(alert)
    Alert.objects.bulk_update(
        [alert for alert, _ in ended], ["state", "ended_at", "last_seen_at"], batch_size=200
    )
    still = set(Alert.objects.open().filter(incident__in=by_incident).values_list("incident", flat=True))
    for incident, recovered in by_incident.items():
        rest = "" if incident.pk in still else " All alerts recovered."
        _tell(incident, f"Recovered: {_named(recovered)}.{rest}", recovered, seen_at=seen_at, at=at)


def _acknowledge(alerts: list[Alert], *, at: datetime) -> None:
    """Somebody answered in the tool: that is an answer to our page as well."""
    ids = [alert.pk for alert in alerts if alert.state == Alert.State.FIRING]
    Alert.objects.filter(pk__in=ids).update(state=Alert.State.ACKNOWLEDGED)
    for incident in {alert.incident for alert in alerts if alert.incident and alert.incident.is_open}:
        lifecycle.acknowledge(incident, by=None, at=at)


def _tell_change(event: Event, service: Service | None, *, seen_at: datetime, at: datetime) -> None:
    """A deployment or a switch, on the timeline of every open incident of its service."""
    if service is None:
        return
    text = " ".join([event.summary, *event.links])
    for incident in Incident.objects.open().filter(affected_services__service=service):
        timeline.add(
            incident,
            kind=timeline.Kind.CHANGE,
            text=text,
            by=None,
            at=at,
            happened_at=min(event.started_at or seen_at, at),
            data={"service": service.slug, "links": list(event.links)},
        )


def _tell(incident: Incident, text: str, alerts: list[Alert], *, seen_at: datetime, at: datetime) -> None:
    """One entry for many alerts of one incident."""
    timeline.add(
        incident,
        kind=timeline.Kind.ALERT,
        text=text,
        by=None,
        at=at,
        happened_at=min(seen_at, at),
        data={"alerts": [alert.pk for alert in alerts][:100], "source": alerts[0].source.slug},
    )


def _named(alerts: list[Alert]) -> str:
    """The first few summaries, each once, and how many alerts there are."""
    summaries = list(dict.fromkeys(alert.summary for alert in alerts))
    more = f" and {len(summaries) - NAMED} more" if len(summaries) > NAMED else ""
    count = f" ({len(alerts)} alerts)" if len(alerts) > 1 else ""
    return f"{'; '.join(summaries[:NAMED])}{more}{count}"
