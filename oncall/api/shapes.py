"""How the API writes schedules: instants in UTC with a Z, people by username."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rest_framework import serializers

from oncall import clock, rotation

LONGEST_RANGE = timedelta(days=400)
DEFAULT_RANGE = timedelta(days=28)


class Range(serializers.Serializer):
    """``?from=&to=``: from now by default, four weeks long by default, at most 400 days."""

    to = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict:
        return {"from": serializers.DateTimeField(required=False), **super().get_fields()}

    def validate(self, told: dict) -> dict:
        return range_of(told, self.context["now"])


class Moment(serializers.Serializer):
    """``?at=``: an instant, now by default."""

    at = serializers.DateTimeField(required=False)

    def validate(self, told: dict) -> dict:
        return {"at": in_calendar(told["at"], "at")} if "at" in told else {}


def range_of(told: dict[str, datetime], now: datetime) -> dict[str, datetime]:
    """``from`` and ``to``, as far as given, as start and end in UTC; ValidationError names what is at fault."""
    start = in_calendar(told.get("from") or now, "from")
    end = in_calendar(told.get("to") or start + DEFAULT_RANGE, "to")
    if not timedelta(0) < end - start <= LONGEST_RANGE:
        raise serializers.ValidationError({"to": ["End after the start, at most 400 days later."]})
    return {"start": start, "end": end}


def in_calendar(at: datetime, name: str) -> datetime:
    """The instant in UTC; refused where no calendar of ours reaches."""
    if not rotation.FIRST_YEAR < at.year < rotation.LAST_YEAR:
        years = f"{rotation.FIRST_YEAR + 1} to {rotation.LAST_YEAR - 1}"
        raise serializers.ValidationError({name: [f"Choose an instant in the years {years}."]})
    return at.astimezone(UTC)


def instant(at: datetime | None) -> str | None:
    """``2026-03-09T13:00:00Z``."""
    return at and (clock.NAIVE_EPOCH + (at - clock.EPOCH)).isoformat() + "Z"  # twice as fast as astimezone


def reason(reason: rotation.Reason) -> dict[str, Any]:
    """Why somebody is on call, or with ``user`` null why somebody is not."""
    return {
        "user": reason.user,
        "layer": reason.layer,
        "turn": reason.turn,
        "last_turn": reason.last_turn,
        "exceptions": list(reason.exceptions),
    }


def segments(found: list[rotation.Segment]) -> dict[str, Any]:
    """``{"segments": […], "gaps": […]}``, maximal runs."""
    return {
        "segments": [
            {
                "start": instant(segment.start),
                "end": instant(segment.end),
                "on_call": list(segment.people),
                "reasons": [reason(each) for each in segment.reasons],
            }
            for segment in found
        ],
        "gaps": [
            {"start": instant(segment.start), "end": instant(segment.end)}
            for segment in found
            if not segment.people
        ],
    }


def changes(found: list[rotation.Handover]) -> list[dict[str, Any]]:
    """The stretches that change hands."""
    return [
        {
            "start": instant(each.start),
            "end": instant(each.end),
            "before": list(each.before),
            "after": list(each.after),
        }
        for each in found
    ]
