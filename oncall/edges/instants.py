"""Times as outsiders write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.utils.dateparse import parse_datetime
from django_filters.fields import IsoDateTimeField

from oncall import clock

FIRST_YEAR, LAST_YEAR = 1900, 9000


def read(text: str, zone: ZoneInfo) -> datetime | None:
    """An ISO date and time, on the clock of ``zone`` where it names none of its own; None for anything else.

    Of an hour that a clock shows twice it is the first, of one that it skips the end (``clock.resolve``).
    """
    try:
        found = parse_datetime(text.strip())
        if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            return None
        return clock.resolve(found, zone) if found.tzinfo is None else found.astimezone(UTC)
    except ValueError:
        return None


class InstantField(IsoDateTimeField):
    """ISO 8601 within the years in which every zone's clock has a reading."""

    def clean(self, value):
        instant = super().clean(value)
        if instant is not None and not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise forms.ValidationError("Enter a date and time such as 2026-03-09T13:00:00Z.")
        return instant


class InstantFilter(django_filters.IsoDateTimeFilter):
    """A filter by an instant."""

    field_class = InstantField
