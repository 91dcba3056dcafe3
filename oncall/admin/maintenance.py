"""Maintenance of services in the console: plan it, end it early; nothing of it is edited afterwards."""

from datetime import datetime, timedelta

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from oncall import clock, maintenance
from oncall.edges import times
from oncall.edges.admin import HistoryAdmin, MomentField, Verb, VerbsAdmin
from oncall.models import Page, ServiceMaintenance, User
from oncall.templatetags import muster


class MaintenanceForm(forms.ModelForm):
    """Which service, from when until when, and why."""

    start = MomentField(label="From", required=False, help_text="In your time. Empty: now.")
    end = MomentField(label="Until")

    class Meta:
        model = ServiceMaintenance
        fields = ["service", "start", "end", "reason"]

    def clean(self) -> dict:
        """Refuse beside the field what the verb would refuse."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        cleaned["start"] = cleaned["start"] or clock.now()
        if not max(cleaned["start"], clock.now()) < cleaned["end"] <= cleaned["start"] + maintenance.LONGEST:
            self.add_error("end", "It ends after it begins, in the future, within 60 days.")
        return cleaned


def is_not_over(row: ServiceMaintenance, user: User) -> bool:
    return row.end > clock.now()


@admin.register(ServiceMaintenance)
class ServiceMaintenanceAdmin(VerbsAdmin, HistoryAdmin):
    """While it lasts nobody new is paged for the service; afterwards held pages begin at the first step."""

    form = MaintenanceForm
    verbs = (
        Verb("end", "End it now", maintenance.finish, icon="check", allowed=is_not_over,
             permission="oncall.change_servicemaintenance",
             done="It is over. What it held is being paged from the first step."),
    )  # fmt: skip
    list_display = ["service", "reason", "lasts", "holds", "created_by"]
    list_filter = ["service"]
    list_select_related = ["service", "created_by"]
    search_fields = ["service__name", "reason"]
    autocomplete_fields = ["service"]
    ordering = ["-end"]
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: ServiceMaintenance | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ServiceMaintenance | None = None) -> bool:
        """It is ended, not edited: what it holds must hear of it."""
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict:
        return {"end": clock.now() + timedelta(hours=1), **super().get_changeform_initial_data(request)}

    def save_model(
        self, request: HttpRequest, obj: ServiceMaintenance, form: forms.ModelForm, change: bool
    ) -> None:
        told = {name: form.cleaned_data[name] for name in ("start", "end", "reason")}
        made = maintenance.begin(obj.service, **told, by=request.user, at=clock.now())
        obj.pk = made.pk

    @admin.display(description="Lasts", ordering="end")
    def lasts(self, row: ServiceMaintenance) -> str:
        now, zone = clock.now(), timezone.get_current_timezone()
        words = f"{times.clock(row.start, now, zone)} to {times.clock(row.end, now, zone)}"
        return format_html('{}<span class="m-small m-below">{}</span>', words, _standing(row, now))

    @admin.display(description="Holds")
    def holds(self, row: ServiceMaintenance) -> str:
        if not row.start <= clock.now() < row.end:
            return ""
        held = Page.objects.filter(service=row.service_id, held_for=Page.Hold.MAINTENANCE).count()
        text = f"{held} page{'s' * (held != 1)}"
        return (
            format_html('<span class="m-outcome">{}{}</span>', muster.icon("bell-off"), text) if held else ""
        )


def _standing(row: ServiceMaintenance, now: datetime) -> str:
    if row.end <= now:
        return "Over"
    return f"Ends {times.ago(row.end, now)}" if row.start <= now else f"Begins {times.ago(row.start, now)}"
