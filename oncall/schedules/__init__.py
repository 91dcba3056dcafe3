"""Schedules as rows: asked who is on call, and written from the form of contract.md section 4.

loading  rows -> plain values of ``oncall.rotation``; load, load_many, naming
answers  on_call, on_call_now, final, gaps, explain, preview, to_form
saving   replace (a whole form), add_exception, make_exception, end_exception, change_roster, touch
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
from oncall.schedules.saving import (
    add_exception,
    change_roster,
    end_exception,
    make_exception,
    replace,
    roster,
    touch,
)

__all__ = [
    "OnCall",
    "Preview",
    "add_exception",
    "change_roster",
    "end_exception",
    "explain",
    "final",
    "gaps",
    "load",
    "load_many",
    "make_exception",
    "naming",
    "on_call",
    "on_call_now",
    "preview",
    "replace",
    "roster",
    "to_form",
    "to_forms",
    "touch",
]
