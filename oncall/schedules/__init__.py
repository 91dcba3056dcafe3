"""Schedules as rows: asked who is on call, and written from the form of contract.md section 4.

loading     rows -> plain values of ``oncall.rotation``; load, load_many, naming
answers     on_call, on_call_now, final, gaps, explain, preview, to_form
recording   renew: the stored answers and the log of what was
making      make, a new schedule with one rotation
saving      replace (a whole form), add_exception, make_exception, end_exception, change_roster
versions    touch, touch_naming: stored and remembered answers no longer hold; in which order rows are locked
remembered  plans and answers kept between questions, for ``oncall.api.quick``
"""

from oncall.schedules.answers import (
    OnCall,
    Preview,
    explain,
    final,
    gaps,
    on_call,
    on_call_now,
    preview,
    to_form,
    to_forms,
)
from oncall.schedules.loading import load, load_many, naming
from oncall.schedules.making import NewRotation, make
from oncall.schedules.recording import renew
from oncall.schedules.saving import (
    add_exception,
    change_roster,
    end_exception,
    make_exception,
    replace,
    roster,
)
from oncall.schedules.versions import hold_all, hold_naming, touch, touch_naming

__all__ = [
    "NewRotation",
    "OnCall",
    "Preview",
    "add_exception",
    "change_roster",
    "end_exception",
    "explain",
    "final",
    "gaps",
    "hold_all",
    "hold_naming",
    "load",
    "load_many",
    "make",
    "make_exception",
    "naming",
    "on_call",
    "on_call_now",
    "preview",
    "renew",
    "replace",
    "roster",
    "to_form",
    "to_forms",
    "touch",
    "touch_naming",
]
