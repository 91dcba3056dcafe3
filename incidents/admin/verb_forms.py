"""The incident's verbs as the console offers them: one form for each row of ``incidents.transitions``.

The table says which verbs there are, what each is told and in which states it is legal; the domain's functions do
the work and check everything again. Nothing about the process is decided here.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple

from incidents import communication, engagement, lifecycle, rights, roles, tasks, timeline, transitions
from incidents.models import AffectedService, Engagement, Incident, Role, Severity, TimelineEntry, Update
from oncall.edges.admin import MomentField, Verb, VerbForm
from oncall.models import Service, Team, User

ICONS = {
    "detect": "eye",
    "declare": "flag",
    "acknowledge": "check",
    "classify": "flag",
    "troubleshoot": "st-troubleshooting",
    "identify": "search",
    "mitigate": "st-mitigated",
    "recur": "repeat",
    "resolve": "st-closed",
    "review": "book",
    "skip": "next",
    "approve": "check",
    "close": "st-closed",
    "reopen": "repeat",
    "cancel": "cross",
    "merge": "merge",
    "unmerge": "decision",
    "restore": "repeat",
    "private": "lock",
    "note": "pencil",
    "update": "megaphone",
    "page": "bell",
    "role": "swap",
    "clear": "check",
    "task": "plus",
    "edit": "pencil",
    "swap": "swap",
}
DANGEROUS = {"cancel"}
ACTS: dict[str, Callable[..., Any]] = {
    "note": timeline.note,
    "send_update": communication.send,
    "engage": engagement.engage,
    "move_service": engagement.move_service,
    "assign_role": roles.assign,
    "all_clear": engagement.all_clear,
    "add_task": tasks.add,
}
CHOICES = {
    ("note", "kind"): [(kind.value, kind.label) for kind in TimelineEntry.WRITTEN],
    ("engage", "kind"): [("", "As it is known"), *Engagement.Kind.choices],
}
PROMISES = [
    ("", "No promise"),
    (15, "15 min"),
    (20, "20 min"),
    (30, "30 min"),
    (45, "45 min"),
    (60, "1 h"),
    (120, "2 h"),
]
#: What a link to a form may choose beforehand.
CHOOSABLE = {"role", "service", "user", "team", "kind", "audience"}
#: The field that a refusal is about, by its code.
FAULT_FIELDS = {
    "title_missing": "title",
    "text_missing": "text",
    "text_too_long": "text",
    "kind_unknown": "kind",
    "reason_missing": "reason",
    "lowered_without_reason": "reason",
    "differs_from_rule": "reason",
    "mitigation_active": "reason",
    "severity_missing": "severity",
    "service_missing": "services",
    "audience_unknown": "audience",
    "promise_out_of_range": "next_update_in",
    "person_inactive": "user",
    "cannot_merge_there": "into",
    "not_affected": "service",
    "same_service": "to",
    "times_out_of_order": "effective_at",
}


class SeverityChoice(forms.ModelChoiceField):
    """The levels as radio buttons, each with what it means beside it."""

    choices_as_rows = True

    def __init__(self, **options) -> None:
        super().__init__(
            Severity.objects.order_by("rank"), widget=forms.RadioSelect, empty_label=None, **options
        )

    def label_from_instance(self, severity: Severity) -> str:
        return f"{severity.name}: {severity.description}" if severity.description else severity.name


class MinutesField(forms.TypedChoiceField):
    """When the next update is promised, as a length of time; None for no promise."""

    def __init__(self, **options) -> None:
        super().__init__(choices=PROMISES, coerce=_minutes, empty_value=None, **options)


def _minutes(value: str) -> timedelta:
    return timedelta(minutes=int(value))


class IncidentVerbForm(VerbForm):
    """Narrows what can be chosen to what this person may see and this incident has."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        settled = []
        for name, field in self.fields.items():
            if getattr(field, "only_affected", False):
                field.queryset = Service.objects.filter(
                    affected_by__incident=self.obj, affected_by__all_clear_at=None
                )
            if name == "severity" and not field.required and self.obj and self.obj.severity_id:
                settled.append(name)
            if name == "into":
                others = Incident.objects.visible_to(self.user).exclude(pk=self.obj.pk)
                field.queryset = others.exclude(state="merged").order_by("-pk")
        for name in settled:
            del self.fields[name]


def form_for(row: transitions.Verb) -> type[IncidentVerbForm] | None:
    """The form of a row's fields; None for a verb that is told nothing."""
    if not row.fields:
        return None
    fields = {field.name: _field(row, field) for field in row.fields}
    return type(f"{row.name.title().replace('_', '')}Form", (IncidentVerbForm,), fields)


def _field(row: transitions.Verb, field: transitions.Field) -> forms.Field:
    common = {"label": field.label, "required": field.required, "help_text": field.help}
    return FIELDS[field.kind](row, field, common)


def _choice(row: transitions.Verb, field: transitions.Field, common: dict) -> forms.Field:
    choices = CHOICES.get((row.name, field.name))
    if choices is None:
        column = Incident._meta.get_field(field.name)
        choices = [("", "As it is"), *column.choices] if not field.required else column.choices
    return forms.ChoiceField(choices=choices, **common)


def _service(row: transitions.Verb, field: transitions.Field, common: dict) -> forms.Field:
    if row.name == "all_clear":
        made = forms.ModelChoiceField(Service.objects.none(), empty_label=None, **common)
        made.only_affected = True
        return made
    return _pick(AffectedService, "service", Service.objects.all(), common)


def _pick(model, column: str, queryset, common: dict) -> forms.Field:
    """One of many, found by typing."""
    widget = AutocompleteSelect(model._meta.get_field(column), admin.site)
    return forms.ModelChoiceField(queryset, widget=widget, **common)


def _services(row: transitions.Verb, field: transitions.Field, common: dict) -> forms.Field:
    widget = AutocompleteSelectMultiple(Incident._meta.get_field("services"), admin.site)
    return forms.ModelMultipleChoiceField(Service.objects.all(), widget=widget, **common)


FIELDS: dict[str, Callable[[transitions.Verb, transitions.Field, dict], forms.Field]] = {
    "text": lambda row, field, common: forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}), **common
    ),
    "line": lambda row, field, common: forms.CharField(
        max_length=300, widget=forms.TextInput(attrs={"class": "vTextField"}), **common
    ),
    "flag": lambda row, field, common: forms.BooleanField(**common),
    "instant": lambda row, field, common: MomentField(**common),
    "share": lambda row, field, common: forms.DecimalField(min_value=0, max_value=1, **common),
    "minutes": lambda row, field, common: MinutesField(**common),
    "severity": lambda row, field, common: SeverityChoice(**common),
    "service": _service,
    "services": _services,
    "user": lambda row, field, common: _pick(Engagement, "user", User.objects.filter(is_active=True), common),
    "team": lambda row, field, common: _pick(Engagement, "team", Team.objects.all(), common),
    "role": lambda row, field, common: forms.ChoiceField(choices=Role.choices, **common),
    "incident": lambda row, field, common: forms.ModelChoiceField(Incident.objects.none(), **common),
    "audience": lambda row, field, common: forms.ChoiceField(
        choices=[(value, label) for value, label in Update.Audience.choices if value != "customers"], **common
    ),
    "choice": _choice,
}


def _runs(row: transitions.Verb) -> Callable[..., Any]:
    return ACTS.get(row.name) or getattr(lifecycle, row.name)


def _verb(row: transitions.Verb) -> Verb:
    return Verb(
        name=row.name.replace("_", "-"),
        label=row.label,
        run=_runs(row),
        icon=ICONS.get(row.icon, ""),
        form=form_for(row),
        allowed=lambda incident, user: incident.state in row.origins,
        tone="bad" if row.name in DANGEROUS else "",
    )


#: The table's row of each verb of the console, and the verb itself, by its name in addresses.
ROWS = {row.name.replace("_", "-"): row for row in (*transitions.VERBS, *transitions.ACTS)}
VERBS = tuple(_verb(row) for name, row in ROWS.items() if name not in {"detect", "edit"})


def may(user: User, verb: Verb, incident: Incident) -> bool:
    """Whether this person may use the verb here, by right or by her part in the incident."""
    return rights.may(user, ROWS[verb.name], incident)


def fields_of(verb: Verb, cleaned: dict) -> dict:
    """What the domain is told: an empty answer to an optional question is not an answer."""
    optional = {field.name for field in ROWS[verb.name].fields if not field.required}
    return {
        name: list(value) if hasattr(value, "model") and hasattr(value, "all") else value
        for name, value in cleaned.items()
        if not (name in optional and _is_empty(value))
    }


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (hasattr(value, "exists") and not value.exists())


def is_move(verb: Verb) -> bool:
    """Whether it moves the incident, so that a form which shows an older one has lost."""
    return ROWS[verb.name] in transitions.VERBS
