"""The forms of a schedule's page: layers with their roster as lines, and the exceptions' verbs."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from oncall import rotation, schedules
from oncall.edges.admin import MomentField, VerbForm
from oncall.models import Layer, Schedule, ScheduleException, User
from oncall.rotation import FormError

NOBODY = "-"
NINE = time(9)
LONGEST_ROSTER = 200
ANY_ZONE = ZoneInfo("UTC")  # a layer's own fields are local times, whatever the zone


class WallClockInput(forms.DateTimeInput):
    """The browser's picker for a local date and time."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str:
        return value.strftime("%Y-%m-%dT%H:%M") if isinstance(value, datetime) else value or ""


class RosterField(forms.CharField):
    """A turn on each line, people by username with commas between them, ``-`` for a turn with nobody."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.Textarea(attrs={"rows": 5, "cols": 40}),
            help_text="One turn on each line, in order. Several people together: alice, bob. "
            "A turn with nobody: a dash. A change holds from now on; who is on turn keeps it.",
            **options,
        )

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else roster_text(value or ())

    def to_python(self, value: Any) -> list[list[str]]:
        lines = [line.strip() for line in (value or "").splitlines() if line.strip()]
        if len(lines) > LONGEST_ROSTER:
            raise ValidationError(f"A roster has at most {LONGEST_ROSTER} turns.")
        turns = [[] if line == NOBODY else [name.strip() for name in line.split(",")] for line in lines]
        named = {name for turn in turns for name in turn}
        known = set(User.objects.filter(username__in=named).values_list("username", flat=True))
        if unknown := sorted(named - known):
            raise ValidationError(f"There is nobody called {unknown[0] or 'nothing (a stray comma?)'}.")
        return [list(dict.fromkeys(turn)) for turn in turns]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return roster_text(initial or ()) != "\n".join((data or "").split("\r\n")).strip()


def roster_text(slots: Any) -> str:
    """Turns as the lines that a person edits."""
    return "\n".join(", ".join(slot) or NOBODY for slot in slots)


class LayerForm(forms.ModelForm):
    """A layer; ``roster`` is who takes turns now, after the last change."""

    roster = RosterField()

    class Meta:
        model = Layer
        fields = [
            "name",
            "priority",
            "unit",
            "length",
            "anchor",
            "roster",
            "start",
            "end",
            "restrictions",
            "exclude_dates",
            "advance",
        ]
        widgets = dict.fromkeys(("anchor", "start", "end"), WallClockInput) | {
            name: forms.Textarea(attrs={"rows": 2, "cols": 40}) for name in ("restrictions", "exclude_dates")
        }
        labels = {"length": "Turn length", "anchor": "A turn begins"}
        help_texts = {
            "anchor": "In the schedule's zone; the first turn of the roster begins then.",
            "exclude_dates": 'Local dates without cover, such as ["2026-12-25"].',
            "priority": "Higher hides lower; layers of one priority share the duty.",
            "restrictions": "Empty: always. Else a list such as "
            '[{"type": "daily", "days": ["MO", "FR"], "from": "22:00", "to": "06:00"}] or '
            '[{"type": "weekly", "from_day": "FR", "from": "18:00", "to_day": "MO", "to": "08:00"}].',
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["roster"] = schedules.roster(self.instance)
        else:
            today = timezone.localdate()
            monday = datetime.combine(today + timedelta(days=-today.weekday() % 7), NINE)
            self.initial = {"name": "Primary", "anchor": monday, **self.initial}

    def clean(self) -> dict[str, Any]:
        """Hold the layer against the rules of the schedule form, which also the file and the API go through."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        try:
            layer = rotation.layer(_layer_form(cleaned), "layer", zone=ANY_ZONE)
        except FormError as fault:
            self.add_error(*_marked(fault))
            return cleaned
        written = rotation.dump_layer(layer)
        return cleaned | {key: written[key] for key in ("restrictions", "exclude_dates")}


class ExceptionForm(VerbForm):
    """An absence, a stand-in, somebody more, or exactly these."""

    kind = forms.ChoiceField(
        label="What",
        choices=ScheduleException.Kind,
        widget=forms.RadioSelect,
        help_text="Absent: the person is away. Covered by: another takes over. Exactly these: nobody else "
        "is on call, with no people nobody at all. In addition: one person more.",
    )
    user = forms.ModelChoiceField(User.objects.none(), required=False, label="Person")
    cover = forms.ModelChoiceField(User.objects.none(), required=False, label="Covered by")
    users = forms.ModelMultipleChoiceField(User.objects.none(), required=False, label="Exactly these")
    start = MomentField(label="From")
    end = MomentField(label="To")
    layer = forms.ModelChoiceField(
        Layer.objects.none(), required=False, empty_label="All layers", help_text="Only in one layer."
    )
    reason = forms.CharField(required=False, max_length=200)
    kind.choices_as_rows = True

    def __init__(self, *args: Any, obj: Schedule, user: User, **options: Any) -> None:
        super().__init__(*args, obj=obj, user=user, **options)
        people = User.objects.filter(is_active=True).order_by("first_name", "last_name", "username")
        for name in ("user", "cover", "users"):
            if name in self.fields:
                self.fields[name].queryset = people
        if "layer" in self.fields:
            self.fields["layer"].queryset = obj.layers.all()

    def clean(self) -> dict[str, Any]:
        """Keep only the people that the kind is about."""
        cleaned = super().clean()
        kind = cleaned.get("kind")
        if kind == rotation.SET:
            return cleaned | {"user": None, "cover": None, "users": tuple(cleaned.get("users") or ())}
        for name, label in (("user", "who it is about"), ("cover", "who covers")):
            needed = name == "user" or kind == rotation.REPLACE
            if needed and not cleaned.get(name) and name not in self.errors:
                self.add_error(name, f"Choose {label}.")
        cover = cleaned.get("cover") if kind == rotation.REPLACE else None
        return cleaned | {"users": (), "cover": cover}


class CoverForm(ExceptionForm):
    """One person takes the place of another."""

    kind = users = layer = None

    def clean(self) -> dict[str, Any]:
        self.cleaned_data["kind"] = rotation.REPLACE
        return super().clean()


def _layer_form(cleaned: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": cleaned["name"],
        "priority": cleaned["priority"],
        "rotation": {key: cleaned[key] for key in ("unit", "length", "anchor")},
        "slots": cleaned["roster"],
        **{key: cleaned[key] or None for key in ("start", "end", "restrictions", "exclude_dates", "advance")},
    }


def _marked(fault: FormError) -> tuple[str, str]:
    """The field that a fault such as ``layer.restrictions[0].to`` belongs to, and what to say there."""
    place = fault.place.removeprefix("layer.").removeprefix("rotation.")
    field = place.split(".")[0].split("[")[0]
    said = fault.reason[:1].upper() + fault.reason[1:] if place == field else f"{place}: {fault.reason}"
    return {"slots": "roster"}.get(field, field), f"{said}."
