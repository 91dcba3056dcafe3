"""``/api/v1/on-call/`` and ``/api/v1/services/<slug>/on-call/``: who is on call, whom a page would reach."""

from datetime import timedelta

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock, plans, schedules, targets
from oncall.api import shapes
from oncall.models import Schedule, Service


class OnCallViewSet(viewsets.GenericViewSet):
    """Everybody who is on call now, schedule by schedule."""

    queryset = Schedule.objects.select_related("team").order_by("slug")

    @extend_schema(
        parameters=[
            OpenApiParameter("user", str, description="only schedules on which this username is on call"),
            OpenApiParameter("team", str, description="only schedules of the team with this slug"),
            OpenApiParameter("service", str, description="only schedules that the service's policy pages"),
        ],
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """One entry for each schedule; two queries more than finding the schedules."""
        asked, found = request.query_params, self.get_queryset()
        if "team" in asked:
            found = found.filter(team__slug=asked["team"])
        if "service" in asked:
            paged = Schedule.objects.filter(
                pk__in=Service.objects.filter(slug=asked["service"]).values(
                    "policy__steps__targets__schedule"
                )
            )
            found = found.filter(pk__in=paged)
        found, at = list(found), clock.now()
        duties = schedules.on_call_now(found, at)
        entries = [
            {
                "schedule": schedule.slug,
                "team": schedule.team.slug if schedule.team else None,
                "on_call": [user.username for user in duties[schedule.pk].users],
                "until": shapes.instant(duties[schedule.pk].until),
            }
            for schedule in found
        ]
        if "user" in asked:
            entries = [entry for entry in entries if asked["user"] in entry["on_call"]]
        return Response({"at": shapes.instant(at), "next": None, "previous": None, "results": entries})


class ServiceOnCallViewSet(viewsets.GenericViewSet):
    """Whom an incident on a service would page."""

    queryset = Service.objects.select_related("policy", "team")

    @extend_schema(
        operation_id="services_on_call",
        parameters=[
            OpenApiParameter("service", str, OpenApiParameter.PATH, description="the service's slug")
        ],
        responses={200: dict},
    )
    def list(self, request: Request, service: str) -> Response:
        """The steps of the service's policy in order, with whom each would page if it fired now.

        ``after_seconds`` counts from the page's start; ``nobody`` says why a target gives nobody, ``one_in_turn``
        that only one of the users is paged, ``within_hours`` whether the step may page now. For another instant,
        and for the whole course, ask ``rehearse/``.
        """
        found = get_object_or_404(self.get_queryset(), slug=service)
        plan = plans.freeze(found.policy) if found.policy else plans.Plan()
        at, waited, steps = clock.now(), timedelta(), []
        for number, step in enumerate(plan.steps, 1):
            waited += step.after
            reached = targets.look_up(step.targets, at=at)
            steps.append(
                {
                    "step": number,
                    "after_seconds": int(waited.total_seconds()),
                    "users": [{"user": user.username, "why": why} for user, why in reached.people.items()],
                    "webhooks": len(reached.webhooks),
                    "nobody": reached.nobody,
                    "one_in_turn": step.round_robin,
                    "within_hours": step.hours is None or step.hours.are_open(at),
                }
            )
        policy = found.policy.slug if found.policy else None
        return Response({"at": shapes.instant(at), "service": found.slug, "policy": policy, "steps": steps})


ROUTES = [
    ("on-call", OnCallViewSet, "on-call"),
    (r"services/(?P<service>[-\w]+)/on-call", ServiceOnCallViewSet, "service-on-call"),
]
