"""Two kinds of column that Django does not have."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.dateparse import parse_datetime

from oncall import clock


def check_time_zone(name: str) -> None:
    """Refuse a name that is no IANA time zone."""
    if name not in clock.zone_names():
        raise ValidationError(f"{name!r} is not a time zone. Use an IANA name such as Europe/Berlin.")


class TimeZoneField(models.CharField):
    """The name of an IANA time zone."""

    def __init__(self, **options) -> None:
        options.setdefault("max_length", 64)
        options.setdefault("default", "UTC")
        super().__init__(**{**options, "validators": [check_time_zone]})

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("validators", None)
        return name, path, args, kwargs


class WallClockField(models.Field):
    """What a clock on the wall shows: a naive date and time, meaningless without the zone beside it.

    Stored without a zone so that no database resolves it; only ``oncall.clock.resolve`` does.
    """

    description = "Local date and time without a zone"

    def db_type(self, connection) -> str:
        return "timestamp without time zone" if connection.vendor == "postgresql" else "datetime"

    def from_db_value(self, value, expression, connection) -> datetime | None:
        return self.to_python(value)

    def to_python(self, value) -> datetime | None:
        if value in (None, ""):
            return None
        if isinstance(value, str):
            try:
                value = parse_datetime(value.strip())
            except ValueError:
                value = None
        if not isinstance(value, datetime) or value.tzinfo is not None:
            raise ValidationError("Enter a local date and time without a zone, such as 2026-03-02 09:00.")
        return value

    def get_prep_value(self, value) -> datetime | None:
        return self.to_python(super().get_prep_value(value))

    def get_db_prep_value(self, value, connection, prepared=False):
        value = value if prepared else self.get_prep_value(value)
        return value if value is None or connection.vendor == "postgresql" else value.isoformat(" ")

    def value_to_string(self, obj) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else value.isoformat()
