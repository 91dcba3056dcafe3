"""Holiday calendars: days as lines, and the layers that do not cover on them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from oncall import clock, holidays
from oncall.edges.admin import HistoryAdmin
from oncall.messaging.errors import DomainError
from oncall.models import HolidayCalendar, Layer


class LayersField(forms.ModelMultipleChoiceField):
    """Layers, each with its schedule."""

    def label_from_instance(self, layer: Layer) -> str:
        return f"{layer.schedule}: {layer}"


class HolidayForm(forms.ModelForm):
    """A day on each line."""

    days = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 12, "cols": 40}),
        help_text="One day on each line with its name: 2026-12-25 Christmas Day.",
    )
    layers = LayersField(
        Layer.objects.select_related("schedule").order_by("schedule__name", "name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="These do not cover on the days above, by the schedule’s clock. Others do.",
    )

    class Meta:
        model = HolidayCalendar
        fields = ["name", "days", "layers"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["days"] = holidays.spell(self.instance.days)

    def clean_days(self) -> dict[str, str]:
        try:
            return holidays.parse(self.cleaned_data["days"])
        except DomainError as error:
            raise forms.ValidationError(error.detail) from None


@admin.register(HolidayCalendar)
class HolidayCalendarAdmin(HistoryAdmin):
    form = HolidayForm
    list_display = ["name", "number"]
    search_fields = ["name"]
    actions = None

    def save_model(self, request: HttpRequest, obj: HolidayCalendar, form: HolidayForm, change: bool) -> None:
        said = {name: form.cleaned_data[name] for name in ("days", "layers")}
        holidays.write(obj, **said, by=request.user, at=clock.now())

    def delete_model(self, request: HttpRequest, obj: HolidayCalendar) -> None:
        holidays.delete(obj, by=request.user, at=clock.now())

    @admin.display(description="Days")
    def number(self, calendar: HolidayCalendar) -> int:
        return len(calendar.days)
