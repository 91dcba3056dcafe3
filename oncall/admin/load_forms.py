"""What the pages about load and log are asked: a month, a length, a team or a schedule."""

from datetime import date

from django import forms

from oncall import load, rotation
from oncall.models import Schedule, Team

MONTHS = {"1": "1 month", "3": "3 months", "6": "6 months", "12": "12 months"}
TEAM, SCHEDULE = "team:", "schedule:"


class MonthField(forms.CharField):
    """A month such as 2026-03, as its first day."""

    widget = forms.DateInput(attrs={"type": "month"}, format="%Y-%m")

    def clean(self, value: str) -> date | None:
        text = super().clean(value)
        try:
            day = date.fromisoformat(f"{text}-01") if text else None
        except ValueError:
            raise forms.ValidationError("Write a month such as 2026-03.") from None
        if day and not rotation.FIRST_YEAR + 1 < day.year < rotation.LAST_YEAR - 1:
            years = f"{rotation.FIRST_YEAR + 2} to {rotation.LAST_YEAR - 2}"
            raise forms.ValidationError(f"Choose a month of the years {years}.")
        return day


class LoadForm(forms.Form):
    """Whose load, and of which months."""

    of = forms.ChoiceField(
        label="Of", required=False, error_messages={"invalid_choice": "There is no such team or schedule."}
    )
    start = MonthField(label="From")
    months = forms.ChoiceField(
        label="For",
        choices=MONTHS.items(),
        error_messages={"invalid_choice": "Choose 1, 3, 6 or 12 months."},
    )

    def __init__(self, asked: dict[str, str], today: date) -> None:
        """What is left out of ``asked`` is the last three months, this one included, of all schedules."""
        months = asked.get("months") or "3"
        length = int(months) if months in MONTHS else 3
        start = asked.get("start") or f"{later(today, 1 - length):%Y-%m}"
        super().__init__({"of": asked.get("of", ""), "start": start, "months": months})
        self.today = today
        self.teams = {f"{TEAM}{team.slug}": team for team in Team.objects.all()}
        self.schedules = {f"{SCHEDULE}{each.slug}": each for each in Schedule.objects.all()}
        self.fields["of"].choices = [
            ("", "All schedules"),
            ("Teams", [(key, team.name) for key, team in self.teams.items()]),
            ("Schedules", [(key, schedule.name) for key, schedule in self.schedules.items()]),
        ]

    @property
    def scope(self) -> load.Scope:
        key = self.cleaned_data.get("of", "")
        return load.Scope(self.teams.get(key), self.schedules.get(key))

    @property
    def length(self) -> int:
        return int(self.cleaned_data.get("months") or 3)

    @property
    def first(self) -> date:
        """The first month: as asked for; where that is rubbish, so that this one is the last."""
        return self.cleaned_data.get("start") or later(self.today, 1 - self.length)


def later(day: date, months: int) -> date:
    """The first day of the month that comes so many months after that of ``day``."""
    whole = day.year * 12 + day.month - 1 + months
    return date(whole // 12, whole % 12 + 1, 1)
