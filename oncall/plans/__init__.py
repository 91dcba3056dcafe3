"""The policy that a page follows, as it was when the page began.

values    the plan itself: plain values, and its JSON in ``Page.plan``
freezing  from rows to a plan
"""

from oncall.plans.freezing import begin, direct, freeze
from oncall.plans.values import (
    ACK_GRACE,
    HOLD,
    LAST_WAIT,
    SKIP,
    Hours,
    Plan,
    PlanStep,
    Target,
    read,
    same_course,
)

__all__ = [
    "ACK_GRACE",
    "HOLD",
    "LAST_WAIT",
    "SKIP",
    "Hours",
    "Plan",
    "PlanStep",
    "Target",
    "begin",
    "direct",
    "freeze",
    "read",
    "same_course",
]
