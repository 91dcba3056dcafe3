"""``/api/v1/on-call/log/`` and ``schedules/<slug>/log/``: who really was on call."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import duty_log, load
from oncall.api import shapes
from oncall.api.load import UNTIL_NOW, Asked, OnCallView, parameters, read, until_now
from oncall.edges.api import CursorPages
from oncall.models import DutyLog


class LogAsked(Asked):
    """The last 90 days until now by default."""

    def validate(self, told: dict) -> dict:
        return super().validate(until_now(told, self.context["now"]))


class LogViewSet(OnCallView):
    """Who really was on call, as it was written down when it happened."""

    pagination_class = CursorPages
    ordering = ["from_at", "id"]

    @extend_schema(parameters=parameters(UNTIL_NOW), responses={200: dict})
    def list(self, request: Request) -> Response:
        """The entries that reach into the range, whole and in order of time; ``end`` is null while one runs.

        No later edit changes them. ``computed``: nobody wrote it down when it happened, it was filled in
        afterwards. People and schedules stand there by the names of that time.
        """
        told = read(LogAsked, request)
        entries = told["scope"].log(duty_log.entries(told["start"], told["end"], user=told["user"]))
        return self.get_paginated_response([shown(entry) for entry in self.paginate_queryset(entries)])


class ScheduleLogViewSet(OnCallView):
    """Who really was on call on one schedule."""

    @extend_schema(
        operation_id="schedules_log",
        parameters=[
            OpenApiParameter("schedule", str, OpenApiParameter.PATH, description="the schedule's slug"),
            *parameters(UNTIL_NOW)[:2],
        ],
        responses={200: dict},
    )
    def list(self, request: Request, schedule: str) -> Response:
        """The entries of one schedule as in ``on-call/log/``; ``recorded_from`` is where its log begins, or null.

        ``final`` computes the past from the schedule as it stands now, so after an edit the two may differ. This
        is what was.
        """
        found = get_object_or_404(self.get_queryset(), slug=schedule)
        told = read(LogAsked, request)
        entries = load.Scope(schedule=found).log(duty_log.entries(told["start"], told["end"]))
        begins = found.duty_log.values_list("from_at", flat=True).order_by("from_at").first()
        return Response(
            {
                "from": shapes.instant(told["start"]),
                "to": shapes.instant(told["end"]),
                "recorded_from": shapes.instant(begins),
                "entries": [shown(entry) for entry in entries],
            }
        )


def shown(entry: DutyLog) -> dict[str, Any]:
    """An entry as JSON."""
    return {
        "schedule": entry.schedule_slug,
        "start": shapes.instant(entry.from_at),
        "end": shapes.instant(entry.until_at),
        "on_call": [person.username for person in entry.people.all()],
        "reason": entry.reason,
        "version": entry.version,
        "computed": entry.computed,
    }


ROUTES = [
    ("on-call/log", LogViewSet, "on-call-log"),
    (r"schedules/(?P<schedule>[-a-zA-Z0-9_]+)/log", ScheduleLogViewSet, "schedule-log"),
]
