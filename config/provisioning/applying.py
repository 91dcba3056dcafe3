"""Making the database say what the file says, one section after the other, in one transaction."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from config.provisioning import (
    calendars,
    directory,
    escalation,
    heartbeats,
    pruning,
    public,
    severities,
    sources,
)
from config.provisioning.reading import Item, Mapping, refuse_twice
from config.provisioning.run import Change, Run
from oncall import schedules
from oncall.models import User

# In the order in which names can refer to what stands above them.
# Each with the key that tells two entries apart; an absence has none.
SECTIONS: list[tuple[str, str, str, Callable[[Run, Item], None]]] = [
    ("users", "A user", "username", directory.user),
    ("teams", "A team", "slug", directory.team),
    ("schedules", "A schedule", "slug", escalation.schedule),
    ("holidays", "A holiday calendar", "name", calendars.holiday),
    ("absences", "An absence", "", calendars.absence),
    ("policies", "A policy", "slug", escalation.policy),
    ("severities", "A severity", "slug", severities.severity),
    ("services", "A service", "slug", directory.service),
    ("sources", "A source", "slug", sources.source),
    ("heartbeats", "A heartbeat", "slug", heartbeats.heartbeat),
    ("pages", "A status page", "slug", public.page),
    ("components", "A component", "slug", public.component),
    ("templates", "A template", "slug", public.template),
]


class _Undo(Exception):
    """Takes a plan's changes back."""


def apply(
    document: Mapping, *, by: User | None, at: datetime, prune: bool = False, lint: bool = False
) -> Run:
    """Make every difference between the file and the database. Raises ProvisioningError; then nothing changed.

    ``lint``: also look for what is weak in the policies of the file; it refuses nothing.
    """
    with transaction.atomic():
        return _run(document, Run(by=by, at=at), prune=prune, lint=lint)


def plan(document: Mapping, *, at: datetime, prune: bool = False) -> list[Change]:
    """The differences that ``apply`` would make."""
    return rehearse(document, at=at, prune=prune).changes


def rehearse(document: Mapping, *, at: datetime, prune: bool = False, lint: bool = False) -> Run:
    """What ``apply`` would do, found by doing it and taking it back."""
    run = Run(by=None, at=at)
    try:
        with transaction.atomic():
            _run(document, run, prune=prune, lint=lint)
            raise _Undo
    except _Undo:
        return run


def _run(document: Mapping, run: Run, *, prune: bool, lint: bool) -> Run:
    whole = Item(document, 1, "The file")
    schedules.hold_all()
    for section, what, key, write in SECTIONS:
        items = whole.items(section, what)
        within = "page" if section == "components" else ""
        refuse_twice(items, key, what=what.removeprefix("A "), within=within)
        for item in items:
            write(run, item)
    if "settings" in document:
        line = document.lines["settings"]
        settings = Item(whole.get("settings"), line, "settings")
        escalation.settings(run, settings)
    whole.done()
    if prune:
        pruning.prune(run, set(document))
    if lint:
        escalation.lint(run)
    return run
