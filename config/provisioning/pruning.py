"""Removing what a file does not name."""

from django.db import models
from django.db.models import ProtectedError, RestrictedError

from config.provisioning.reading import ProvisioningError
from config.provisioning.run import Run
from incidents import heartbeats
from incidents.models import AlertSource, Heartbeat, Severity
from oncall import absences, holidays
from oncall.models import Absence, EscalationPolicy, HolidayCalendar, Schedule, Service, Team, User
from statuspage import pages
from statuspage.models import MAIN, Component, StatusPage, Template

# The reverse of the order in which they are made, so that nothing is removed while another refers to it.
PRUNED: list[tuple[str, type[models.Model], str]] = [
    ("templates", Template, "slug"),
    ("heartbeats", Heartbeat, "slug"),
    ("sources", AlertSource, "slug"),
    ("services", Service, "slug"),
    ("severities", Severity, "slug"),
    ("policies", EscalationPolicy, "slug"),
    ("schedules", Schedule, "slug"),
    ("teams", Team, "slug"),
    ("users", User, "username"),
]


def prune(run: Run, sections: set[str]) -> None:
    """Remove the rows of each section that the file has but does not name them in; people are only deactivated.

    Raises ProvisioningError when history still needs a row.
    """
    _prune_calendars(run, sections)
    _prune_pages(run, sections)
    for section, model, name in PRUNED:
        if section not in sections:
            continue
        for row in model._default_manager.exclude(**{f"{name}__in": run.named.get(model, set())}):
            if not (model is AlertSource and row.dialect == heartbeats.OURS):  # the portal's own
                _remove(run, row, f"{section} {getattr(row, name)}")


def _prune_calendars(run: Run, sections: set[str]) -> None:
    """Holidays and absences go by their own verbs, so that schedules are computed anew."""
    if "holidays" in sections:
        for row in HolidayCalendar.objects.exclude(name__in=run.named.get(HolidayCalendar, set())):
            run.note("remove", f"holiday calendar {row}")
            holidays.delete(row, by=run.by, at=run.at)
    if "absences" in sections:
        rows = Absence.objects.exclude(pk__in=run.named.get(Absence, set())).select_related("user")
        for row in rows:
            run.note("remove", f"absence of {row.user.username} from {row.start:%Y-%m-%d}")
            absences.forget(row, by=run.by, at=run.at)


def _prune_pages(run: Run, sections: set[str]) -> None:
    """Components that the file does not name on their page, what a group holds before the group; then pages."""
    if "components" in sections:
        rows = Component.objects.select_related("page").order_by("pk")
        lost = [row for row in rows if (row.page_id, row.slug) not in run.kept_components]
        for row in sorted(lost, key=_depth, reverse=True):
            _remove(run, row, f"components {row.slug}")
    if "pages" in sections:
        for page in StatusPage.objects.exclude(slug__in={MAIN, *run.named.get(StatusPage, set())}):
            run.note("remove", f"pages {page.slug}")
            pages.remove(page, by=run.by, at=run.at)


def _depth(component: Component) -> int:
    depth = 0
    while component.parent is not None:
        component, depth = component.parent, depth + 1
    return depth


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
    except (ProtectedError, RestrictedError):
        raise ProvisioningError(
            f"{what} cannot be removed: incidents or other parts still refer to it. Name it in the file."
        ) from None
    run.note("remove", what)
