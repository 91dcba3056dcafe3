"""``/api/v1/on-call/load/`` and ``conflicts/``: fair load, and duties that stand against each other."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock, load
from oncall.api import shapes
from oncall.edges.export import CSVRenderer, lines
from oncall.models import Schedule, Team, User
from oncall.models.fields import check_time_zone

LOOKS_BACK = timedelta(days=90)
MEASURES = {
    "on_call_seconds": "on_call",
    "night_seconds": "night",
    "weekend_seconds": "weekend",
    "holiday_seconds": "holiday",
    "twice_seconds": "twice",
    "ahead_seconds": "ahead",
    "computed_seconds": "computed",
}
COUNTS = {
    "nights": "nights",
    "pages": "pages",
    "pages_at_night": "night_pages",
    "swaps_given": "given",
    "swaps_taken": "taken",
}
PAGES = ("pages", "pages_at_night")
UNTIL_NOW = "90 days before its end, which is by default now"


def parameters(default: str) -> list[OpenApiParameter]:
    return [
        OpenApiParameter("from", str, description=f"an instant; by default {default}"),
        OpenApiParameter("to", str, description="an instant, at most 400 days later"),
        OpenApiParameter("team", str, description="only schedules of the team with this slug"),
        OpenApiParameter("schedule", str, description="only the schedule with this slug"),
        OpenApiParameter("user", str, description="only what is told of this username"),
    ]


class KeyField(serializers.SlugRelatedField):
    """One row by its key. A key with a NUL in it is nobody's; PostgreSQL would fault on the question."""

    def to_internal_value(self, data: str) -> Any:
        return super().to_internal_value(data.replace("\0", "\N{REPLACEMENT CHARACTER}"))


class Asked(shapes.Range):
    """A range and whose: a team's, a schedule's, a person's, each by its key."""

    team = KeyField("slug", queryset=Team.objects.all(), required=False)
    schedule = KeyField("slug", queryset=Schedule.objects.all(), required=False)
    user = KeyField("username", queryset=User.objects.all(), required=False)

    def validate(self, told: dict) -> dict:
        scope = load.Scope(told.get("team"), told.get("schedule"))
        return {**super().validate(told), "scope": scope, "user": told.get("user")}


class LoadAsked(Asked):
    """The last 90 days until now by default, months on the clock of ``time_zone``, by default UTC."""

    time_zone = serializers.CharField(required=False, default="UTC", validators=[check_time_zone])

    def validate(self, told: dict) -> dict:
        return {**super().validate(until_now(told, self.context["now"])), "zone": ZoneInfo(told["time_zone"])}


def until_now(told: dict, now: datetime) -> dict:
    """The same with what was left out: a range that ends now, and begins 90 days before its end."""
    end = shapes.in_calendar(told["to"], "to") if "to" in told else now
    start = told.get("from") or end - LOOKS_BACK
    return {**told, "from": start, "to": end}


def read(kind: type[Asked], request: Request) -> dict[str, Any]:
    """What was asked, with ``at``, the present; a fault is named by its parameter."""
    at = clock.now()
    asked = kind(data=request.query_params, context={"now": at})
    asked.is_valid(raise_exception=True)
    return {**asked.validated_data, "at": at}


class OnCallView(viewsets.GenericViewSet):
    """What needs the right to view schedules and is no list of rows."""

    queryset = Schedule.objects.all()
    serializer_class = Asked
    pagination_class = None
    filter_backends: list = []


# -- fair load ---------------------------------------------------------------------------------------------
class LoadViewSet(OnCallView):
    """Who carried how much."""

    renderer_classes = [JSONRenderer, CSVRenderer]

    @extend_schema(
        parameters=[
            *parameters(UNTIL_NOW),
            OpenApiParameter("time_zone", str, description="on whose clock months begin; by default UTC"),
        ],
        responses={200: dict},
    )
    def list(self, request: Request) -> Response | StreamingHttpResponse:
        """Hours, nights, weekends, holidays, pages and swaps of each person, in all and by month.

        The past is as recorded, what is ahead as planned (``ahead_seconds``). Two schedules at once count once
        in ``on_call_seconds``; ``difference_seconds`` is that less the mean of everybody in the answer.
        ``?format=csv`` has a line for each person and month.
        """
        told = read(LoadAsked, request)
        user = told.pop("user")
        found = load.report(
            told["scope"], told["start"], told["end"], zone=told["zone"], reader=request.user, at=told["at"]
        )
        rows = [row for row in found.rows if user is None or row.person.pk == user.pk]
        if request.accepted_renderer.format == "csv":
            return as_csv(found, rows)
        return Response(
            {
                "from": shapes.instant(told["start"]),
                "to": shapes.instant(told["end"]),
                "time_zone": told["zone"].key,
                "months": [month.key for month in found.months],
                "mean_seconds": seconds(found.mean),
                "people": [shown(found, row) for row in rows],
            }
        )


def shown(found: load.Report, row: load.Row) -> dict[str, Any]:
    """One person as JSON."""
    return {
        "user": row.person.username,
        "name": row.person.name,
        "time_zone": row.person.time_zone,
        **figures(row.total, found.tells_pages),
        "difference_seconds": seconds(row.difference),
        "schedules": [
            {"schedule": named.slug, "on_call_seconds": seconds(length)} for named, length in row.schedules
        ],
        "months": [
            {
                "month": month.key,
                **figures(each, found.tells_pages),
                "difference_seconds": seconds(difference),
            }
            for month, each, difference in zip(found.months, row.months, row.differences, strict=True)
        ],
    }


def figures(each: load.Figures, tells_pages: bool) -> dict[str, int | None]:
    """Figures by their names in the API; pages are null for who may not see them."""
    told = {name: seconds(getattr(each, field)) for name, field in MEASURES.items()}
    told |= {name: getattr(each, field) for name, field in COUNTS.items()}
    return told if tells_pages else told | dict.fromkeys(PAGES)


def as_csv(found: load.Report, rows: Iterable[load.Row]) -> StreamingHttpResponse:
    """A line for each person and month."""
    columns = ["user", "name", "month", *MEASURES, *COUNTS, "difference_seconds"]
    people = (shown(found, row) for row in rows)
    flat = (
        {"user": each["user"], "name": each["name"], **month} for each in people for month in each["months"]
    )
    response = StreamingHttpResponse(lines(columns, flat), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="on-call-load.csv"'
    return response


def seconds(length: timedelta) -> int:
    return round(length.total_seconds())


# -- conflicts ---------------------------------------------------------------------------------------------
class ConflictsViewSet(OnCallView):
    """Who is on call twice at once, and who though away."""

    @extend_schema(parameters=parameters("now"), responses={200: dict})
    def list(self, request: Request) -> Response:
        """By person: the times on two schedules or more, and from now on the shifts in her absences.

        With a team or a schedule: where one of its schedules is concerned.
        """
        told = read(Asked, request)
        found = load.conflicts(told["scope"], told["start"], told["end"], at=told["at"])
        user = told["user"]
        told_of = [each for each in found if user is None or each.person.pk == user.pk]
        return Response(
            {
                "from": shapes.instant(told["start"]),
                "to": shapes.instant(told["end"]),
                "people": [clashing(each) for each in told_of],
            }
        )


def clashing(found: load.Conflicts) -> dict[str, Any]:
    """One person's conflicts as JSON."""
    return {
        "user": found.person.username,
        "name": found.person.name,
        "double_bookings": [
            {
                "start": shapes.instant(each.start),
                "end": shapes.instant(each.end),
                "schedules": [named.slug for named in each.schedules],
            }
            for each in found.double
        ],
        "absences": [
            {
                "absence": each.absence.pk,
                "schedule": each.conflict.schedule.slug,
                "start": shapes.instant(each.conflict.start),
                "end": shapes.instant(each.conflict.end),
                "instead": list(each.conflict.instead),
                "uncovered": each.conflict.uncovered,
            }
            for each in found.missed
        ],
    }


ROUTES = [
    ("on-call/load", LoadViewSet, "on-call-load"),
    ("on-call/conflicts", ConflictsViewSet, "on-call-conflicts"),
]
