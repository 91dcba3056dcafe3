"""What a refusal of the REST API looks like."""

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from oncall.edges.api import AlreadyAnswered
from oncall.messaging.errors import DomainError


def refuse(error: Exception, context: dict) -> Response | None:
    """The answer to a refusal: 409 with a code and a sentence for a ``DomainError``, else DRF's shapes."""
    if isinstance(error, AlreadyAnswered):
        return Response(error.body, status=error.status)
    if isinstance(error, DomainError):
        code = status.HTTP_403_FORBIDDEN if error.code == "forbidden" else status.HTTP_409_CONFLICT
        return Response({"code": error.code, "detail": error.detail}, status=code)
    if isinstance(error, ValidationError):
        error = exceptions.ValidationError(
            error.message_dict if hasattr(error, "error_dict") else error.messages
        )
    if isinstance(error, ObjectDoesNotExist):
        error = exceptions.NotFound()
    return exception_handler(error, context)
