"""The verbs of an incident's life, and the only writers of ``Incident.state``.

One function per row of ``incidents.transitions``. Each takes the incident, then keyword-only ``by`` (a User, or
None for the machine) and ``at`` (aware UTC, the present); most also ``expected_version``, the version that a form
showed. Each runs in one transaction, locks, checks right, state and guards, writes one Transition and one timeline
entry, returns the fresh incident, changes nothing when repeated, and refuses with a ``DomainError``.
"""

from incidents.lifecycle.edits import edit, make_private, track_actions
from incidents.lifecycle.endings import cancel, merge, restore, unmerge
from incidents.lifecycle.opening import acknowledge, acknowledged, declare, detect
from incidents.lifecycle.past import declare_past
from incidents.lifecycle.response import (
    classify,
    identify,
    mitigate,
    reclassify,
    recur,
    resolve,
    set_severity,
    troubleshoot,
)
from incidents.lifecycle.review import approve_review, close, reopen, skip_review, start_review

__all__ = [
    "acknowledge",
    "acknowledged",
    "approve_review",
    "cancel",
    "classify",
    "close",
    "declare",
    "declare_past",
    "detect",
    "edit",
    "identify",
    "make_private",
    "merge",
    "mitigate",
    "reclassify",
    "recur",
    "reopen",
    "resolve",
    "restore",
    "set_severity",
    "skip_review",
    "start_review",
    "track_actions",
    "troubleshoot",
    "unmerge",
]
