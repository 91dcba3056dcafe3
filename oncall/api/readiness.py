"""``/api/v1/on-call/readiness/``: whether a page would reach somebody in the next thirty days."""

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock, readiness
from oncall.edges import readiness_words
from oncall.models import Schedule


class ReadinessViewSet(viewsets.GenericViewSet):
    """What stands in the way of a page, as ``manage.py check_ready`` says it."""

    queryset = Schedule.objects.all()
    pagination_class = filterset_class = None

    @extend_schema(operation_id="on_call_readiness", responses={200: dict})
    def list(self, request: Request) -> Response:
        """Counts of red, amber and green, then every finding, the worst first."""
        if not request.user.has_perm("oncall.view_user"):
            self.permission_denied(request)
        return Response(readiness_words.as_json(readiness.check(clock.now())))


ROUTES = [("on-call/readiness", ReadinessViewSet, "on-call-readiness")]
