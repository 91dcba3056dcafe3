"""The columns of the incident list."""

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html

from incidents.models import Incident
from oncall import clock
from oncall.edges import times
from oncall.templatetags import muster


class Columns:
    """Cells for ``IncidentAdmin.list_display``; the rows hold their manager in ``managers_now``."""

    list_display = (
        "key_word",
        "severity_chip",
        "headline",
        "state_word",
        "manager",
        "started",
        "time_to_resolve",
    )
    list_display_links = ("headline",)

    @admin.display(description="Key", ordering="pk")
    def key_word(self, incident: Incident) -> str:
        lock = muster.icon("lock") if incident.private else ""
        return format_html('<span class="m-key">{} {}</span>', incident.key, lock)

    @admin.display(description="Severity", ordering="severity__rank")
    def severity_chip(self, incident: Incident) -> str:
        return muster.severity(incident.severity)

    @admin.display(description="Incident", ordering="title")
    def headline(self, incident: Incident) -> str:
        names = ", ".join(affected.service.name for affected in incident.affected_services.all())
        return format_html('{}<span class="m-small m-below">{}</span>', incident.title, names)

    @admin.display(description="State", ordering="state")
    def state_word(self, incident: Incident) -> str:
        return muster.state(incident.state, incident.get_state_display())

    @admin.display(description="Manager")
    def manager(self, incident: Incident) -> str:
        if incident.managers_now:
            return format_html('<span class="m-nowrap">{}</span>', incident.managers_now[0].user)
        return format_html('<b class="m-bad m-nowrap">{}</b>', "No manager") if incident.is_open else ""

    @admin.display(description="Started", ordering="impact_started_at")
    def started(self, incident: Incident) -> str:
        began = incident.impact_started_at or incident.detected_at or incident.created_at
        now, zone = clock.now(), timezone.get_current_timezone()
        return format_html(
            '<span class="m-nowrap">{}</span><span class="m-small m-below">{}</span>',
            times.date_and_time(began, now, zone),
            times.span(now - began),
        )

    @admin.display(description="Time to resolve")
    def time_to_resolve(self, incident: Incident) -> str:
        if incident.is_open:
            return format_html('<span class="m-quiet">{}</span>', "open")
        if not (incident.resolved_at and incident.impact_started_at):
            return ""
        return times.span(incident.resolved_at - incident.impact_started_at)
