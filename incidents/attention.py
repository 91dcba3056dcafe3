"""Somebody is at work on an incident: acknowledgements of its pages that run out get their time anew.

Source: field/oncall.md rule 19, "confirming or any update restarts T".
"""

from datetime import datetime

from incidents.models import Incident
from oncall import paging
from oncall.models import Page, User


def given(incident: Incident, *, by: User | None, at: datetime) -> None:
    """A person has done something about the incident. What the machine does is no sign of attention.

    Call it before the incident's own row is locked: pages come first (``moves.lock_all``).
    """
    if by is None:
        return
    running = Page.objects.filter(
        engagement__incident=incident, state=Page.State.ACKNOWLEDGED, unacknowledge_at__isnull=False
    )
    for page in running.order_by("pk"):
        paging.confirm(page, by=by, at=at)
