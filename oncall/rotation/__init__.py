"""Who is on call: a pure function of a schedule and time. No ORM, no settings, nobody reads the clock.

    form     the form of contract.md section 4 <-> plain values     (fields: single values and their faults)
    plan     those plain values
    turns    counting turns from an anchor, roster changes
    windows  restriction windows of a week
    duty     layers and exceptions at one moment: who, and why
    sweep    a range from left to right: shifts of layers, what holds between two borders
    answers  an instant, a range, the next change
    explain  every layer at one instant, also those that lost

Instants are aware UTC, intervals half-open. Source: design.md section 5, field/oncall.md section 3.
"""

from oncall.rotation.answers import (
    Handover,
    OnCall,
    Segment,
    changes,
    final,
    gaps,
    handoffs,
    joined,
    next_change,
    on_call_at,
    totals,
)
from oncall.rotation.duty import Reason, Seat
from oncall.rotation.explain import Explanation, LayerAnswer, explain
from oncall.rotation.fields import FIRST_YEAR, LAST_YEAR, FormError
from oncall.rotation.form import (
    dump,
    dump_exception,
    dump_layer,
    dump_restriction,
    exception,
    layer,
    parse,
    people_named,
    restriction,
)
from oncall.rotation.plan import (
    ADD,
    REMOVE,
    REPLACE,
    SET,
    Edit,
    FixedLayer,
    Layer,
    Schedule,
    ScheduleException,
    Stretch,
)
from oncall.rotation.sweep import Shift, shifts
from oncall.rotation.turns import Rotation
from oncall.rotation.windows import Restriction

__all__ = [
    "ADD",
    "FIRST_YEAR",
    "LAST_YEAR",
    "Edit",
    "Explanation",
    "FixedLayer",
    "FormError",
    "Handover",
    "Layer",
    "LayerAnswer",
    "OnCall",
    "REMOVE",
    "REPLACE",
    "Reason",
    "Restriction",
    "Rotation",
    "SET",
    "Schedule",
    "ScheduleException",
    "Seat",
    "Segment",
    "Shift",
    "Stretch",
    "changes",
    "dump",
    "dump_exception",
    "dump_layer",
    "dump_restriction",
    "exception",
    "explain",
    "final",
    "gaps",
    "handoffs",
    "joined",
    "layer",
    "next_change",
    "on_call_at",
    "parse",
    "people_named",
    "restriction",
    "shifts",
    "totals",
]
