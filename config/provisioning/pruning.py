"""Removing what a file does not name."""

from django.db import models
from django.db.models import ProtectedError

from config.provisioning.reading import ProvisioningError
from config.provisioning.run import Run
from incidents import heartbeats
from incidents.models import AlertSource, Heartbeat
from oncall.models import EscalationPolicy, Schedule, Service, Team, User
from statuspage.models import Component

# The reverse of the order in which they are made, so that nothing is removed while another refers to it.
PRUNED: list[tuple[str, type[models.Model], str]] = [
    ("components", Component, "slug"),
    ("heartbeats", Heartbeat, "slug"),
    ("sources", AlertSource, "slug"),
    ("services", Service, "slug"),
    ("policies", EscalationPolicy, "slug"),
    ("schedules", Schedule, "slug"),
    ("teams", Team, "slug"),
    ("users", User, "username"),
]


def prune(run: Run, sections: set[str]) -> None:
    """Remove the rows of each section that the file has but does not name them in; people are only deactivated.

    Raises ProvisioningError when history still needs a row.
    """
    for section, model, name in PRUNED:
        if section not in sections:
            continue
        for row in model._default_manager.exclude(**{f"{name}__in": run.named.get(model, set())}):
            if not (model is AlertSource and row.dialect == heartbeats.OURS):  # the portal's own
                _remove(run, row, f"{section} {getattr(row, name)}")


def _remove(run: Run, row: models.Model, what: str) -> None:
    row._history_user = run.by
    row._change_reason = "Not in the provisioning file"
    if isinstance(row, User):
        if row.is_superuser or not row.is_active:
            return
        row.is_active = False
        row.save()
        run.note("remove", what)
        return
    try:
        row.delete()
    except ProtectedError:
        raise ProvisioningError(
            f"{what} cannot be removed: incidents or other parts still refer to it. Name it in the file."
        ) from None
    run.note("remove", what)
