"""A step of a policy as people think of it: its place, its wait, whom it pages, how, and in which hours."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils import timezone

from oncall import policies
from oncall.messaging.errors import DomainError
from oncall.models import Schedule, Step, Team, User
from oncall.models.fields import check_time_zone
from oncall.policies import StepForm
from oncall.rotation.fields import WEEKDAYS

KINDS = {"users": "user", "schedules": "schedule", "teams": "team"}
LONGEST_WAIT_MIN = 30 * 24 * 60
DAILY = re.compile(
    r"(?:(?P<days>[A-Za-z ,-]+)\s+)?(?P<start>\d{1,2}:\d{2})\s*(?:-|–|to)\s*(?P<end>\d{1,2}:\d{2})"
)
WEEKLY = re.compile(
    r"(?P<from_day>[A-Za-z]{2})\s+(?P<start>\d{1,2}:\d{2})\s*(?:-|–|to)\s*"
    r"(?P<to_day>[A-Za-z]{2})\s+(?P<end>\d{1,2}:\d{2})"
)  # fmt: skip
MODES = [
    ("all", "All of them"),
    ("turn", "One of them, in turn"),
    ("everyone", "All, and each must acknowledge"),
]


class HoursField(forms.CharField):
    """Windows of the week, one on each line: ``MO-FR 09:00-17:00``, ``FR 18:00 - MO 08:00``, ``22:00-06:00``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.Textarea(attrs={"rows": 2, "cols": 40}),
            help_text="Empty: always. One window on each line: MO-FR 09:00-17:00, or FR 18:00 - MO 08:00.",
            **options,
        )

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else hours_text(value or ())

    def to_python(self, value: Any) -> list[dict[str, Any]]:
        rows = [_window(line.strip()) for line in (value or "").splitlines() if line.strip()]
        try:
            return policies.checked_hours(rows, where="Window")
        except DomainError as fault:
            raise ValidationError(fault.detail) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return hours_text(initial or ()) != "\n".join((data or "").split("\r\n")).strip()


def hours_text(hours: Iterable[Mapping[str, Any]]) -> str:
    """Windows as the lines that a person edits."""
    return "\n".join(_line(window) for window in hours)


def _line(window: Mapping[str, Any]) -> str:
    if window["type"] == "weekly":
        return f"{window['from_day']} {window['from']} - {window['to_day']} {window['to']}"
    days = _runs([WEEKDAYS.index(day) for day in window["days"]])
    return f"{days} {window['from']}-{window['to']}".strip()


def _runs(days: list[int]) -> str:
    """``MO-WE, SA``; nothing for the whole week."""
    if len(days) == len(WEEKDAYS):
        return ""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        WEEKDAYS[run[0]] if len(run) == 1 else f"{WEEKDAYS[run[0]]}-{WEEKDAYS[run[-1]]}" for run in runs
    )


def _window(line: str) -> dict[str, Any]:
    weekly, daily = WEEKLY.fullmatch(line), DAILY.fullmatch(line)
    if weekly:
        start, end = weekly["start"].zfill(5), weekly["end"].zfill(5)
        days = {"from_day": weekly["from_day"].upper(), "to_day": weekly["to_day"].upper()}
        return {"type": "weekly", **days, "from": start, "to": end}
    if daily:
        days = _days(daily["days"] or "")
        times = {"from": daily["start"].zfill(5), "to": daily["end"].zfill(5)}
        return {"type": "daily", **times, **({"days": days} if days else {})}
    raise ValidationError(
        f"“{line[:60]}” is no window. Write it like MO-FR 09:00-17:00 or FR 18:00 - MO 08:00."
    )


def _days(text: str) -> list[str]:
    """``MO-WE, SA`` as days; a run may go over the week's end."""
    found: list[str] = []
    for part in re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", text.strip().upper())):
        first, _, last = part.partition("-")
        if not part:
            continue
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValidationError(f"“{part[:20]}” is no day. Days are {', '.join(WEEKDAYS)}.")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found += [WEEKDAYS[place % 7] for place in range(start, end + 1 + 7 * (end < start))]
    return found


class StepRow(forms.ModelForm):
    """One step: its place, its wait in minutes, its targets by kind, how it pages them and when."""

    number = forms.IntegerField(label="Place", min_value=1, max_value=999, required=False)
    minutes = forms.DecimalField(
        label="Wait (min)", min_value=0, max_value=LONGEST_WAIT_MIN, decimal_places=2, required=False
    )
    schedules = forms.ModelMultipleChoiceField(Schedule.objects.all(), required=False)
    users = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True), required=False, label="People"
    )
    teams = forms.ModelMultipleChoiceField(Team.objects.all(), required=False)
    webhook = forms.URLField(max_length=1000, required=False, assume_scheme="https")
    mode = forms.ChoiceField(label="Pages", choices=MODES, required=False)
    hours = HoursField(label="Only in these hours")
    time_zone = forms.CharField(
        label="On the clock of",
        max_length=64,
        required=False,
        validators=[check_time_zone],
        help_text="A time zone such as Europe/Berlin. Empty: yours.",
    )
    outside_hours = forms.ChoiceField(label="Outside them", choices=Step.Outside.choices, required=False)

    class Meta:
        model = Step
        fields: list[str] = []

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial |= self._stored()

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.errors and not self.cleaned_data.get("DELETE") and not list(self.targets()):
            raise forms.ValidationError("This step pages nobody: choose a schedule, a person or a team.")
        webhook = cleaned.get("webhook")
        if webhook and policies.is_our_own(webhook):
            self.add_error(
                "webhook", "This is the portal itself: a page would raise the next alert for ever."
            )
        return cleaned

    def targets(self) -> Iterable[dict]:
        """The chosen targets in the form that ``policies.set_steps`` takes."""
        for field, kind in KINDS.items():
            yield from ({kind: chosen} for chosen in self.cleaned_data.get(field) or [])
        if self.cleaned_data.get("webhook"):
            yield {"webhook": self.cleaned_data["webhook"]}

    def step(self) -> StepForm:
        """The step that the row asks for."""
        cleaned = self.cleaned_data
        return StepForm(
            after=timedelta(minutes=float(cleaned.get("minutes") or 0)),
            targets=list(self.targets()),
            round_robin=cleaned.get("mode") == "turn",
            everyone=cleaned.get("mode") == "everyone",
            hours=cleaned.get("hours") or [],
            time_zone=cleaned.get("time_zone") or timezone.get_current_timezone_name(),
            outside_hours=cleaned.get("outside_hours") or Step.Outside.SKIP,
        )

    def _stored(self) -> dict:
        step = self.instance
        targets = list(step.targets.all())
        chosen = {
            field: [getattr(target, f"{kind}_id") for target in targets if getattr(target, f"{kind}_id")]
            for field, kind in KINDS.items()
        }
        return {
            "number": step.position + 1,
            "minutes": f"{step.after.total_seconds() / 60:g}",
            "webhook": next((target.webhook for target in targets if target.webhook), ""),
            "mode": "turn" if step.round_robin else "everyone" if step.everyone else "all",
            "hours": step.hours,
            "time_zone": step.time_zone if step.hours else "",
            "outside_hours": step.outside_hours,
            **chosen,
        }


class StepFormSet(BaseInlineFormSet):
    """All steps of one policy, written together."""

    def steps(self) -> list[StepForm]:
        """In order of their numbers; a row without one comes last."""
        filled = [
            form
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE") and list(form.targets())
        ]
        filled.sort(key=lambda form: form.cleaned_data.get("number") or 1000)
        return [form.step() for form in filled]
