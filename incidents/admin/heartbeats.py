"""Heartbeats of others: which live, which are silent, which are muted and why."""

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest

from incidents import heartbeats
from incidents.models import Heartbeat
from oncall import clock
from oncall.edges import times
from oncall.edges.admin import HistoryAdmin, Verb, VerbForm, VerbsAdmin

SET_UP = ["name", "slug", "service", "interval", "grace", "severity"]


class MuteForm(VerbForm):
    reason = forms.CharField(max_length=200, help_text="Everybody sees it in the list.")


def _is_muted(heartbeat: Heartbeat, user) -> bool:
    return bool(heartbeat.muted_because)


def _is_watched(heartbeat: Heartbeat, user) -> bool:
    return not heartbeat.muted_because


@admin.register(Heartbeat)
class HeartbeatAdmin(VerbsAdmin, HistoryAdmin):
    """The key is made here and shown once. What the machine writes (its beats) is no field of the form."""

    list_display = ["name", "stage", "last_beat", "every", "service", "muted_because"]
    list_filter = ["severity", "service"]
    list_select_related = ["service"]
    search_fields = ["name", "slug"]
    autocomplete_fields = ["service"]
    prepopulated_fields = {"slug": ["name"]}
    fields = [*SET_UP, "stage", "last_beat", "muted_because", "address"]
    readonly_fields = ["stage", "last_beat", "muted_because", "address"]
    verbs = (
        Verb("mute", "Mute", heartbeats.mute, form=MuteForm, allowed=_is_watched),
        Verb("unmute", "Unmute", heartbeats.unmute, allowed=_is_muted, done="It is watched again."),
        Verb(
            "new-key",
            "Give a new key",
            heartbeats.give_key,
            help="The old key ends with it.",
            tone="bad",
        ),
    )

    def save_model(self, request: HttpRequest, obj: Heartbeat, form, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            self._show(request, obj)
            return
        # Not the whole row: a beat may have come while the form was open.
        obj._history_user = request.user
        obj.save(update_fields=SET_UP)
        if {"interval", "grace"} & set(form.changed_data):
            heartbeats.reschedule(obj, at=clock.now())

    def run_verb(self, request: HttpRequest, verb: Verb, obj: Heartbeat, fields: dict) -> None:
        if verb.run is heartbeats.give_key:
            self._show(request, obj)
        else:
            super().run_verb(request, verb, obj, fields)

    def _show(self, request: HttpRequest, heartbeat: Heartbeat) -> None:
        key = heartbeats.give_key(heartbeat, by=request.user, at=clock.now())
        messages.warning(request, f"The key is shown only now. Fetch {settings.PUBLIC_URL}/heartbeats/{key}")

    @admin.display(description="address")
    def address(self, heartbeat: Heartbeat) -> str:
        return f"{settings.PUBLIC_URL}/heartbeats/{heartbeat.key_hint or '<key>'}…"

    @admin.display(description="state", ordering="missed_at")
    def stage(self, heartbeat: Heartbeat) -> str:
        if heartbeat.state == "silent":
            return f"silent for {times.span(clock.now() - heartbeat.last_beat_at)}"
        return {"new": "waits for its first beat"}.get(heartbeat.state, heartbeat.state)

    @admin.display(description="every", ordering="interval")
    def every(self, heartbeat: Heartbeat) -> str:
        return f"{times.span(heartbeat.interval)}, give or take {times.span(heartbeat.grace)}"

    @admin.display(description="last beat", ordering="last_beat_at")
    def last_beat(self, heartbeat: Heartbeat) -> str:
        return times.ago(heartbeat.last_beat_at, clock.now()) if heartbeat.last_beat_at else "never"
