"""What a tool said, as alert rows, and through them on incidents.

Rules: field/integrations.md section 2 (episodes, groups, routing). An alert is one episode of one key. While it
is open the same key is counted and nobody is paged again; a recovery ends the alert and never the incident.
Everything is done for a whole notification at once: a group may have thousands of members.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.text import slugify

from incidents import engagement, lifecycle, moves, timeline
from incidents.intake import homes
from incidents.intake.dialects import Event, Notification, Status
from incidents.intake.runs import Run
from incidents.models import Alert, AlertSource, Incident, State
from oncall.models import Service, Urgency

NAMED = 5  # alerts that an entry names before it counts the rest
LOUD = {Alert.Severity.CRITICAL, Alert.Severity.ERROR}  # what may wake somebody before a person has judged it
_IN_ONE_QUERY = 500
_SERVICE_LABELS = ("service", "app", "job", "namespace")


def record(source: AlertSource, notification: Notification, *, seen_at: datetime, at: datetime) -> None:
    """Bring alerts and incidents to what the notification says. ``seen_at`` is when it reached us."""
    run = Run()
    run.add(notification, seen_at)
    record_run(source, run, at=at)


@transaction.atomic
def record_run(source: AlertSource, run: Run, *, at: datetime) -> None:
    """The same for many notifications at once.

    Heartbeats leave nothing behind but the stored event. Acknowledgements and recoveries of an unknown key are
    dropped, as PagerDuty documents it. Raises ``Entangled`` where only one after the other will do.
    """
    services = _services(source, [*run.said.values(), *(event for event, _ in run.changes)])
    known = _open_alerts(source, run)
    run.refuse_wanderers({key: alert.group_key for key, alert in known.items()})

    def those(status: Status) -> list[tuple[Event, Alert | None]]:
        return [(event, known.get(key)) for key, event in run.said.items() if event.status == status]

    _recover(
        [
            (alert, event.ended_at, run.last_seen[event.dedup_key])
            for event, alert in those(Status.RESOLVED)
            if alert
        ]
        + [(alert, None, run.closed[alert.group_key]) for key, alert in known.items() if key not in run.said],
        at=at,
    )
    _acknowledge([alert for _, alert in those(Status.ACKNOWLEDGED) if alert], at=at)
    _fire(source, those(Status.FIRING), run, services, at=at)
    for event, seen_at in run.changes:
        _tell_change(event, services[event.dedup_key], seen_at=seen_at, at=at)


def _services(source: AlertSource, events: Iterable[Event]) -> dict[str, Service | None]:
    """Key -> service: the first of the event's hints that names one of ours, else the source's own."""
    hints = {event.dedup_key: _hints(event) for event in events}
    wanted = list({slug for slugs in hints.values() for slug in slugs})
    ours: dict[str, Service] = {}
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        found = Service.objects.filter(slug__in=wanted[start : start + _IN_ONE_QUERY])
        ours |= {service.slug: service for service in found.select_related("policy", "team")}
    return {
        key: next((ours[slug] for slug in slugs if slug in ours), source.service)
        for key, slugs in hints.items()
    }


def _hints(event: Event) -> list[str]:
    """Slugs that the event may mean, the likeliest first: the parser's choice, then the usual labels."""
    words = [event.service_hint, *(event.labels.get(name, "") for name in _SERVICE_LABELS)]
    return [slug for word in dict.fromkeys(words) if word for slug in (word, slugify(word)) if slug]


def _open_alerts(source: AlertSource, run: Run) -> dict[str, Alert]:
    """The open alerts of the run's keys, and the rest of each group of which what is not listed has recovered.

    Locked, and their incidents before them: a verb that comes from an incident to its alerts must not meet us
    half-way.
    """
    closed = Q(group_key__in=list(run.closed)) if run.closed else None
    parts = [
        Q(dedup_key__in=some) & ~closed if closed else Q(dedup_key__in=some) for some in _portions(run.said)
    ]
    parts += [closed] if closed else []
    rows = Alert.objects.open().filter(source=source)
    there = [key for part in parts for key in rows.filter(part).values_list("incident", flat=True)]
    if not there:  # this source is in our hands: none comes up meanwhile
        return {}
    moves.lock_all([Incident(pk=key) for key in set(there) if key])
    rows = rows.select_for_update(of=("self",)).order_by("pk")
    rows = rows.select_related("incident", "service", "source")
    return {alert.dedup_key: alert for part in parts for alert in rows.filter(part)}


def _portions(keys: Iterable) -> list[list]:
    keys = list(keys)
    return [keys[start : start + _IN_ONE_QUERY] for start in range(0, len(keys), _IN_ONE_QUERY)]


# -- firing ------------------------------------------------------------------------------------------------
def _fire(
    source: AlertSource,
    told: list[tuple[Event, Alert | None]],
    run: Run,
    services: dict[str, Service | None],
    *,
    at: datetime,
) -> None:
    """Count what is open, open what is new, and find an incident for whatever has none."""
    if not told:
        return
    _end_with_their_incident([alert for _, alert in told if alert and _is_over(alert)], at=at)
    again = [(event, alert) for event, alert in told if alert and not _is_over(alert)]
    _count(again, run, services)
    for incident in {alert.incident for _, alert in again if alert.incident and alert.severity in LOUD}:
        if incident.urgency == Urgency.LOW:
            engagement.louder(incident, by=None, at=at)
    new = [
        _describe(
            Alert(
                source=source,
                dedup_key=event.dedup_key,
                count=run.times[event.dedup_key],
                first_seen_at=run.first_seen[event.dedup_key],
                last_seen_at=run.last_seen[event.dedup_key],
            ),
            event,
            services[event.dedup_key],
        )
        for event, alert in told
        if alert is None or _is_over(alert)
    ]
    Alert.objects.bulk_create(new, batch_size=100)
    _find_incidents(source, new + [alert for _, alert in again if alert.incident is None], run, at=at)


def _count(again: list[tuple[Event, Alert]], run: Run, services: dict[str, Service | None]) -> None:
    """The same alerts once more. Most repetitions say nothing new, and are one statement for hundreds."""
    changed, counted = [], defaultdict(list)
    for event, alert in again:
        before = [getattr(alert, name) for name in _DESCRIBED]
        _describe(alert, event, services[event.dedup_key])
        if before != [getattr(alert, name) for name in _DESCRIBED]:
            changed.append(alert)
        counted[run.times[event.dedup_key], run.last_seen[event.dedup_key]].append(alert.pk)
    Alert.objects.bulk_update(changed, _DESCRIBED, batch_size=100)
    for (more, seen_at), ids in counted.items():
        for some in _portions(ids):
            Alert.objects.filter(pk__in=some).update(
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
    if not alerts:
        return
    ids = [alert.pk for alert in alerts]
    Alert.objects.filter(pk__in=ids).update(state=Alert.State.RESOLVED, ended_at=at)


def _find_incidents(source: AlertSource, homeless: list[Alert], run: Run, *, at: datetime) -> None:
    """The open incident of the same group for each alert, or a new one, unless its service is flooded by them."""
    if not homeless:
        return
    groups = defaultdict(list)
    for alert in homeless:
        groups[alert.group_key].append(alert)
    found = homes.Homes(source, groups, at=at)
    joining = defaultdict(list)
    for group_key, members in groups.items():
        first = min(members, key=_rank)
        incident, flooded = found.of(group_key, first.service)
        if incident is None:
            seen_at = min(run.first_seen[alert.dedup_key] for alert in members)
            incident = _open_incident(source, first, members, seen_at=seen_at, at=at)
            found.add(incident, first.service)
            _settle(incident, members, begun_with=first.service, at=at)
        else:
            joining[incident, flooded] += members
    for (incident, flooded), members in joining.items():
        _join(incident, members, run, because=homes.FLOODED if flooded else "", at=at)


def _rank(alert: Alert) -> int:
    """The worst first."""
    return list(Alert.Severity).index(alert.severity)


def _open_incident(
    source: AlertSource, first: Alert, members: list[Alert], *, seen_at: datetime, at: datetime
) -> Incident:
    return lifecycle.detect(
        title=first.summary,
        service=first.service,
        description=first.description,
        source_text=f"{source.name}: {_named(members)}.",
        detected_at=seen_at,
        urgency=Urgency.HIGH if first.severity in LOUD else Urgency.LOW,
        by=None,
        at=at,
    )


def _join(incident: Incident, members: list[Alert], run: Run, *, because: str, at: datetime) -> None:
    """More alerts for an incident that is open: nobody is paged again unless they are worse or concern others."""
    first = min(members, key=_rank)
    if first.severity in LOUD and incident.urgency == Urgency.LOW:
        engagement.louder(incident, by=None, at=at)
    if incident.state == State.MITIGATED:
        reason = f"An alert fires again: {first.summary}"
        incident = lifecycle.recur(incident, reason=reason, by=None, at=at)
    seen_at = min(run.first_seen[alert.dedup_key] for alert in members)
    _tell(incident, f"Firing: {_named(members)}.{because}", members, seen_at=seen_at, at=at)
    _settle(incident, members, at=at)


def _settle(
    incident: Incident, members: list[Alert], *, begun_with: Service | None = None, at: datetime
) -> None:
    """Alerts belong to the incident from now on, and every service concerned has its on-call paged.

    ``begun_with``: the service whose on-call is being paged since the incident has just been made for it.
    """
    for some in _portions(alert.pk for alert in members):
        Alert.objects.filter(pk__in=some).update(incident=incident)
    services = {alert.service for alert in members if alert.service}
    if begun_with is not None and services <= {begun_with}:
        return
    affected = set(incident.affected_services.values_list("service", flat=True))
    for service in services:
        if service.pk not in affected:
            engagement.engage(incident, service=service, by=None, at=at)


# -- recovery, acknowledgement, change ---------------------------------------------------------------------
def _recover(ended: list[tuple[Alert, datetime | None, datetime]], *, at: datetime) -> None:
    """End alerts: (alert, when it ended as its tool says, when we heard). The incident stays: people end it."""
    if not ended:
        return
    by_incident = defaultdict(list)
    for alert, ended_at, seen_at in ended:
        alert.state = Alert.State.RESOLVED
        alert.ended_at = ended_at or seen_at
        alert.last_seen_at = max(alert.last_seen_at, seen_at)
        if alert.incident and alert.incident.is_open:
            by_incident[alert.incident].append(alert)
    alike = defaultdict(list)
    for alert, _, _ in ended:
        alike[alert.ended_at, alert.last_seen_at].append(alert.pk)
    for (ended_at, seen_at), ids in alike.items():
        for some in _portions(ids):
            Alert.objects.filter(pk__in=some).update(
                state=Alert.State.RESOLVED, ended_at=ended_at, last_seen_at=seen_at
            )
    still = set(Alert.objects.open().filter(incident__in=by_incident).values_list("incident", flat=True))
    for incident, recovered in by_incident.items():
        rest = "" if incident.pk in still else " All alerts recovered."
        heard_at = max(alert.last_seen_at for alert in recovered)
        _tell(incident, f"Recovered: {_named(recovered)}.{rest}", recovered, seen_at=heard_at, at=at)


def _acknowledge(alerts: list[Alert], *, at: datetime) -> None:
    """Somebody answered in the tool: that is an answer to our page as well."""
    if not alerts:
        return
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
