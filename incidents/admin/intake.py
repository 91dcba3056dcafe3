"""Alert sources, the bytes they sent, and the alerts that those became."""

import contextlib
import json

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from incidents import sources
from incidents.intake import ingest
from incidents.intake.dialects import DIALECTS
from incidents.models import Alert, AlertSource, SourceKey, StoredEvent
from oncall import clock
from oncall.edges.admin import HistoryAdmin, Verb, VerbForm, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_text

SHOWN = 64 * 1024


class SourceForm(forms.ModelForm):
    """A source and its dialect, which stays: its keys belong to addresses of that dialect."""

    dialect = forms.ChoiceField(choices=lambda: [(name, told.label) for name, told in DIALECTS.items()])

    class Meta:
        model = AlertSource
        fields = ["name", "slug", "dialect", "service", "active"]


class RevokeForm(VerbForm):
    key = forms.ModelChoiceField(SourceKey.objects.none(), label="Key to revoke", empty_label=None)

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.fields["key"].queryset = self.obj.keys.filter(revoked_at=None)
        self.fields["key"].label_from_instance = lambda key: f"{key.hint}…, made {key.created_at:%-d %B %Y}"


def _revoke(source: AlertSource, *, key: SourceKey, by, at) -> SourceKey:
    return sources.revoke_key(key, by=by, at=at)


def _has_a_key(source: AlertSource, user) -> bool:
    return source.keys.filter(revoked_at=None).exists()


@admin.register(AlertSource)
class AlertSourceAdmin(VerbsAdmin, HistoryAdmin):
    """Keys are made here and shown once. A source is switched off, never deleted: its alerts would go with it."""

    form = SourceForm
    list_display = ["name", "dialect", "service", "active", "keys_in_use"]
    list_filter = ["active", "dialect"]
    list_select_related = ["service"]
    search_fields = ["name", "slug"]
    autocomplete_fields = ["service"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["address", "keys_in_use"]
    verbs = (
        Verb(
            "add-key", "Add a key", sources.add_key, help="The old key goes on working until you revoke it."
        ),
        Verb("revoke-key", "Revoke a key", _revoke, form=RevokeForm, allowed=_has_a_key, tone="bad"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("keys")

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> list[str]:
        return [*self.readonly_fields, "slug", "dialect"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj=None) -> dict:
        return {} if obj else self.prepopulated_fields

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AlertSource, form, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self._show(request, obj, sources.add_key(obj, by=request.user, at=clock.now()))

    def run_verb(self, request: HttpRequest, verb: Verb, obj: AlertSource, fields: dict) -> None:
        if verb.run is not sources.add_key:
            super().run_verb(request, verb, obj, fields)
        else:
            self._show(request, obj, sources.add_key(obj, by=request.user, at=clock.now()))

    def _show(self, request: HttpRequest, source: AlertSource, key: str) -> None:
        text = f"The new key is {key} and is shown only now. Send to {_address(source, key)}"
        messages.warning(request, text)

    @admin.display(description="address")
    def address(self, source: AlertSource) -> str:
        return _address(source, "<key>")

    @admin.display(description="keys")
    def keys_in_use(self, source: AlertSource) -> str:
        return ", ".join(f"{key.hint}…" for key in source.keys.all() if key.revoked_at is None) or "None"


def _address(source: AlertSource, key: str) -> str:
    if source.dialect == "pagerduty":
        return f"{settings.PUBLIC_URL}/v2/enqueue with the key as routing_key"
    return f"{settings.PUBLIC_URL}/in/{source.dialect}/{key}"


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the machine writes."""

    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


@admin.register(StoredEvent)
class StoredEventAdmin(VerbsAdmin, ReadOnlyAdmin):
    """What was answered 202, as it came. What was not understood or failed is taken in again by Replay."""

    list_display = ["received_at", "source", "dialect", "state", "attempts", "error"]
    list_display_links = ["received_at"]
    list_filter = ["state", "source"]
    list_select_related = ["source"]
    fields = [
        "received_at",
        "source",
        "dialect",
        "state",
        "error",
        "attempts",
        "due_at",
        "headers",
        "sha256",
        "content",
    ]
    readonly_fields = ["content"]
    actions = ["replay_selected"]
    verbs = (
        Verb(
            "replay",
            "Replay",
            ingest.replay,
            permission="incidents.change_storedevent",
            allowed=lambda event, user: event.state in _REPLAYABLE,
            done="It will be taken in again within seconds.",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("body")

    @admin.display(description="body")
    def content(self, event: StoredEvent) -> SafeString:
        return format_html("<pre>{}</pre>", _readable(bytes(event.body)))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("incidents.change_storedevent")

    @admin.action(description="Replay the chosen events", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        done, refused = 0, []
        for event in queryset.order_by("pk"):  # in the order of receipt
            try:
                ingest.replay(event, by=request.user, at=clock.now())
                done += 1
            except DomainError as error:
                refused.append(error.detail)
        messages.info(request, f"{done} replayed, {len(refused)} refused. {' '.join(sorted(set(refused)))}")


_REPLAYABLE = (StoredEvent.State.NOT_UNDERSTOOD, StoredEvent.State.FAILED)


def _readable(body: bytes) -> str:
    """JSON set out in lines, anything else as text; cut where a page would get heavy."""
    text = body.decode("utf-8", "replace")
    if len(body) <= SHOWN:
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    text = clean_text(text[:SHOWN])
    return text if len(body) <= SHOWN else f"{text}\n… {len(body):,} bytes in all"


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Alerts follow their tool; people act on the incident."""

    list_display = [
        "summary",
        "state",
        "severity",
        "source",
        "service",
        "incident_link",
        "count",
        "last_seen_at",
    ]
    list_filter = ["state", "severity", "source"]
    list_select_related = ["source", "service", "incident"]
    search_fields = ["summary", "dedup_key"]
    fields = [
        "summary", "description", "state", "severity", "source", "service", "incident_link", "count", "dedup_key",
        "group_key", "started_at", "first_seen_at", "last_seen_at", "ended_at", "where", "words",
    ]  # fmt: skip
    readonly_fields = ["incident_link", "where", "words"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).visible_to(request.user)

    @admin.display(description="incident", ordering="incident")
    def incident_link(self, alert: Alert) -> str:
        if alert.incident is None:
            return "None"
        url = reverse("admin:incidents_incident_change", args=[alert.incident_id])
        return format_html('<a href="{}">{}</a>', url, alert.incident.key)

    @admin.display(description="links")
    def where(self, alert: Alert) -> SafeString:
        pairs = ((link, link) for link in alert.links)
        return format_html_join(" ", '<a href="{}" rel="noopener noreferrer">{}</a>', pairs)

    @admin.display(description="labels")
    def words(self, alert: Alert) -> SafeString:
        return format_html_join("", '<span class="m-tag">{}: {}</span> ', alert.labels.items())
