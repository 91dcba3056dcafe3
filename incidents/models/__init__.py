from incidents.models.alerts import Alert, AlertSource, SourceKey, StoredEvent
from incidents.models.communication import Update
from incidents.models.heartbeats import Heartbeat
from incidents.models.incident import OPEN_STATES, AffectedService, Impact, Incident, State
from incidents.models.people import Engagement, Role, RoleAssignment, Task
from incidents.models.policy import Severity
from incidents.models.timeline import TimelineEntry, Transition

__all__ = [
    "OPEN_STATES",
    "AffectedService",
    "Alert",
    "AlertSource",
    "Engagement",
    "Heartbeat",
    "Impact",
    "Incident",
    "Role",
    "RoleAssignment",
    "Severity",
    "SourceKey",
    "State",
    "StoredEvent",
    "Task",
    "TimelineEntry",
    "Transition",
    "Update",
]
