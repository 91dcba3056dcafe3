"""Which open incident an alert belongs to: that of its group, or of the flood its service is in.

Source: field/integrations.md section 2 (groups), field/oncall.md rules 28 and 29 (storms).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from incidents import moves
from incidents.models import Alert, AlertSource, Incident
from incidents.models.incident import OPEN_STATES
from oncall.models import Service

#: So many incidents that one source opened for one service within ``FLOOD_WINDOW`` are a flood: whatever else the
#: source tells of the service joins the latest of them instead of opening, and paging for, one more.
FLOOD_AFTER = 20
FLOOD_WINDOW = timedelta(minutes=10)
FLOODED = (
    f" It joins this incident because {FLOOD_AFTER} incidents of this service began within "
    f"{FLOOD_WINDOW // timedelta(minutes=1)} minutes; nobody is paged anew."
)


class Homes:
    """The incidents that alerts of one source may join, found in a few statements and locked in one order."""

    def __init__(self, source: AlertSource, group_keys: Iterable[str], *, at: datetime) -> None:
        self._source, self._at = source, at
        self._of_group = _open_incidents(source, group_keys)
        self._recent: dict[int | None, list[int]] = {}
        self._locked: dict[int, Incident] = {}

    def of(self, group_key: str, service: Service | None) -> tuple[Incident | None, bool]:
        """The incident of a group, else that of the service's flood (True), else None: a new one is needed."""
        if group_key in self._of_group:
            return self._of_group[group_key], False
        recent = self._of_service(service)
        if len(recent) < FLOOD_AFTER:
            return None, False
        latest = self._lock(recent[-1])
        return (latest, True) if latest.is_open and not latest.private else (None, False)

    def _lock(self, pk: int) -> Incident:
        if pk not in self._locked:
            self._locked[pk] = moves.lock(Incident(pk=pk))
        return self._locked[pk]

    def add(self, incident: Incident, service: Service | None) -> None:
        """One more incident was opened for a service."""
        self._of_service(service).append(incident.pk)

    def _of_service(self, service: Service | None) -> list[int]:
        """Keys of open incidents that the source opened for the service lately, oldest first."""
        key = service.pk if service else None
        if key not in self._recent:
            rows = Incident.objects.open().filter(private=False, created_at__gt=self._at - FLOOD_WINDOW)
            rows = (
                rows.filter(affected_services__service=service)
                if service
                else rows.filter(affected_services=None)
            )
            ours = Alert.objects.filter(incident=OuterRef("pk"), source=self._source)
            latest = rows.filter(Exists(ours)).order_by("-pk").values_list("pk", flat=True)
            self._recent[key] = list(latest[:FLOOD_AFTER])[::-1]
        return self._recent[key]


def _open_incidents(source: AlertSource, group_keys: Iterable[str]) -> dict[str, Incident]:
    """Group key -> its latest open incident, locked; without those that ended while we waited for the lock."""
    group_keys = list(group_keys)
    if len(group_keys) > 1:  # most groups of a storm of single alerts are new
        there = Alert.objects.filter(
            source=source, group_key__in=group_keys, incident__isnull=False
        ).order_by()
        group_keys = list(there.values_list("group_key", flat=True).distinct())
    latest = {key: _latest_open(source, key) for key in group_keys}
    fresh = {each.pk: each for each in moves.lock_all([Incident(pk=pk) for pk in latest.values() if pk])}
    return {key: fresh[pk] for key, pk in latest.items() if pk in fresh and fresh[pk].is_open}


def _latest_open(source: AlertSource, group_key: str) -> int | None:
    """Step from incident to older incident of the group: reading all its alerts would cost more in each storm."""
    incidents = Alert.objects.filter(source=source, group_key=group_key).exclude(incident=None)
    incidents = incidents.order_by("-incident_id").values_list("incident_id", "incident__state")
    found = incidents.first()
    while found and found[1] not in OPEN_STATES:
        found = incidents.filter(incident_id__lt=found[0]).first()
    return found[0] if found else None
