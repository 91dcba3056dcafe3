"""Times as outsiders write them."""

import django_filters
from django import forms
from django_filters.fields import IsoDateTimeField

FIRST_YEAR, LAST_YEAR = 1900, 9000


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
