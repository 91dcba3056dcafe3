"""Who is on call: a pure function of a schedule and time. No ORM, no settings, nobody reads the clock.

    form     the form of contract.md section 4 <-> plain values     (fields: single values and their faults)
    plan     those plain values
    turns    counting turns from an anchor, roster changes
    windows  restriction windows of a week
    duty     layers and exceptions at one moment: who, and why
    answers  an instant, a range, the next change

Instants are aware UTC, intervals half-open. Source: design.md section 5, field/oncall.md section 3.
"""

from oncall.rotation.answers import (
    Handover,
    OnCall,
    Segment,
    Shift,
    active_at,
    changes,
    final,
    gaps,
    handoffs,
    next_change,
    on_call_at,
    seats_at,
    shifts,
    totals,
)
from oncall.rotation.duty import Reason, Seat, with_exceptions
from oncall.rotation.fields import FIRST_YEAR, LAST_YEAR, FormError
from oncall.rotation.form import dump, parse
from oncall.rotation.plan import Edit, Layer, Schedule, ScheduleException
from oncall.rotation.turns import Rotation
from oncall.rotation.windows import Restriction

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "Edit",
    "FormError",
    "Handover",
    "Layer",
    "OnCall",
    "Reason",
    "Restriction",
    "Rotation",
    "Schedule",
    "ScheduleException",
    "Seat",
    "Segment",
    "Shift",
    "active_at",
    "changes",
    "dump",
    "final",
    "gaps",
    "handoffs",
    "next_change",
    "on_call_at",
    "parse",
    "seats_at",
    "shifts",
    "totals",
    "with_exceptions",
]
