"""What stands around schedules and policies: imported calendars, services, the last resort, the mail server."""

from collections.abc import Iterable

from django.conf import settings

from oncall import contacts
from oncall.models import CalendarImport, Service, Urgency
from oncall.readiness.findings import AMBER, GREEN, RED, Finding
from oncall.readiness.loading import State


def findings(state: State) -> Iterable[Finding]:
    """Calendars that cannot be read, services without a policy, no catch-all, no mail server."""
    yield from _calendars(state)
    yield from (_without_policy(service) for service in state.services if service.policy is None)
    yield from _catch_all(state)
    if not settings.EMAIL_CONFIGURED:
        by_mail = sum(_by_mail_only(user) for user in state.people.values() if state.is_able(user))
        if by_mail:
            whom = f"{by_mail} {'person is' if by_mail == 1 else 'people are'} reached by mail alone"
            text = f"No mail server is set, so messages stay in the portal; {whom}."
            yield Finding(AMBER, "mail", "Mail", text, "Set EMAIL_URL.")


def _calendars(state: State) -> Iterable[Finding]:
    for row in state.calendars:
        yield from _calendar(row)
    good = sum(not row.error for row in state.calendars)
    if good:
        yield Finding(
            GREEN, "calendars", "Imported calendars", f"{good} of {len(state.calendars)} can be read."
        )


def _calendar(row: CalendarImport) -> Iterable[Finding]:
    about = {
        "about": f"{row}, on {row.schedule}",
        "key": row.schedule.slug,
        "path": f"/admin/oncall/calendarimport/{row.pk}/change/",
    }
    if row.error:
        copy = (
            "The last good copy is in use, and runs out." if row.refreshed_at else "Nothing of it is in use."
        )
        yield Finding(
            RED,
            "calendars",
            text=f"Cannot be read: {row.error} {copy}",
            todo="Mend the calendar or its address.",
            **about,
        )
    elif row.problems:
        events = f"{len(row.problems)} event{'s are' if len(row.problems) > 1 else ' is'}"
        text = f"{events} left out or unclear: {row.problems[0]}"
        yield Finding(AMBER, "calendars", text=text, todo="Mend them in the calendar.", **about)


def _without_policy(service: Service) -> Finding:
    text = "Has no escalation policy, so its incidents page the last resort alone."
    path = f"/admin/oncall/service/{service.pk}/change/"
    return Finding(AMBER, "services", str(service), text, "Give it a policy.", key=service.slug, path=path)


def _catch_all(state: State) -> Iterable[Finding]:
    person = state.by_id.get(state.settings.catch_all_id)
    about = {"about": "Catch-all", "path": "/admin/oncall/portalsettings/1/change/"}
    if person is None:
        text = "There is none: a page that nobody answers ends in silence."
        yield Finding(AMBER, "catch_all", text=text, todo="Choose one in the portal settings.", **about)
    elif not state.is_able(person):
        text = f"{person} is deactivated or cannot be reached."
        yield Finding(RED, "catch_all", text=text, todo="Choose another in the portal settings.", **about)


def _by_mail_only(user) -> bool:
    return all(way.medium == "email" for way in contacts.ways(user, Urgency.HIGH))
