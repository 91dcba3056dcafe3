"""What the API's views on every floor share: pages, rights, and verbs as endpoints."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from oncall import clock
from oncall.edges.rights import Rights
from oncall.messaging.errors import DomainError
from oncall.models import RememberedAnswer

__all__ = ["CursorPages", "DurationSecondsField", "NoFields", "Rights", "VerbsMixin", "refuse_unknown"]

ABANDONED_AFTER = timedelta(minutes=1)


class CursorPages(CursorPagination):
    """Pages that stay stable while rows are added: ``{"next", "previous", "results"}``.

    A view lists in ``ordering_fields`` by what ``?ordering=`` may sort; its ``ordering`` is the default.
    """

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_cursor_message = "That page is gone. Start again without ?cursor=."

    def get_ordering(self, request: Request, queryset, view) -> list[str]:
        wanted = request.query_params.get("ordering", "")
        allowed = getattr(view, "ordering_fields", ())
        default = list(getattr(view, "ordering", [self.ordering]))
        if not wanted:
            return default
        if wanted.lstrip("-") not in allowed or wanted.startswith("--"):
            raise serializers.ValidationError(
                {"ordering": [f"Sort by one of: {', '.join(allowed) or 'nothing'}."]}
            )
        return [wanted, "-id"]


class AlreadyAnswered(Exception):
    """This request was answered before; here is the same answer again."""

    def __init__(self, body: Any, status: int) -> None:
        super().__init__("answered before")
        self.body = body
        self.status = status


class Idempotent:
    """A POST with an ``Idempotency-Key`` is worked once; the same request again gets the first answer.

    The key is claimed by a row before the work. A second request meanwhile is told so, one with another body is
    refused, an answer of 5xx is forgotten so that a retry works, and a claim whose worker died is free after a
    minute.
    """

    _claim: RememberedAnswer | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        key = request.headers.get("Idempotency-Key", "")
        if key and request.method == "POST" and request.user.is_authenticated:
            self._claim = _claim_key(request, key)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self._claim is not None and response.status_code < 500:
            self._claim.status = response.status_code
            self._claim.body = json.loads(JSONRenderer().render(response.data) or b"null")
            self._claim.save(update_fields=["status", "body"])
        elif self._claim is not None:
            self._claim.delete()
        return response


def _claim_key(request: Request, key: str) -> RememberedAnswer:
    if len(key) > 200:
        raise serializers.ValidationError({"Idempotency-Key": ["At most 200 characters."]})
    content = json.dumps([request.path, request.data], sort_keys=True, default=str)
    digest = hashlib.sha256(content.encode()).hexdigest()
    now = clock.now()
    abandoned = RememberedAnswer.objects.filter(user=request.user, key=key, status__isnull=True)
    abandoned.filter(at__lt=now - ABANDONED_AFTER).delete()
    claim, fresh = RememberedAnswer.objects.get_or_create(
        user=request.user, key=key, defaults={"request_hash": digest, "at": now}
    )
    if fresh:
        return claim
    if claim.request_hash != digest:
        raise DomainError("key_reused", "This Idempotency-Key was used for another request. Use a new one.")
    if claim.status is None:
        raise DomainError(
            "in_progress", "The first request with this key is still being worked on. Try again."
        )
    raise AlreadyAnswered(claim.body, claim.status)


class NoFields(serializers.Serializer):
    """The body of a verb that needs none."""


class VerbsMixin(Idempotent):
    """Each entry of ``verbs`` becomes ``POST …/<verb>/``, answered with the object as it is afterwards.

    ``verbs`` maps the path to a verb ``(obj, *, by, at, **fields)``; ``verb_fields`` maps it to the serializer of
    its body, whose validated values become the keyword arguments.
    """

    verbs: dict[str, Callable[..., Any]] = {}
    verb_fields: dict[str, type[serializers.Serializer]] = {}
    actions_with_own_rights: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for path, verb in cls.__dict__.get("verbs", {}).items():
            name = "verb_" + path.replace("-", "_")
            setattr(cls, name, _endpoint(name, path, verb, cls.verb_fields.get(path, NoFields)))
            cls.actions_with_own_rights = (*cls.actions_with_own_rights, name)


def _endpoint(
    name: str, path: str, verb: Callable[..., Any], fields: type[serializers.Serializer]
) -> Callable:
    def endpoint(self, request: Request, **kwargs: Any) -> Response:
        obj = self.get_object()
        body = fields(data=request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        done = verb(obj, by=request.user, at=clock.now(), **body.validated_data)
        return Response(self.get_serializer(done if done is not None else obj).data)

    endpoint.__name__ = name
    endpoint.__doc__ = (verb.__doc__ or "").strip().splitlines()[0] if verb.__doc__ else ""
    described = extend_schema(request=None if fields is NoFields else fields)(endpoint)
    return action(detail=True, methods=["post"], url_path=path, url_name=path)(described)


class DurationSecondsField(serializers.IntegerField):
    """A length of time as whole seconds in the API, a ``timedelta`` inside."""

    def to_representation(self, value) -> int | None:
        return None if value is None else int(value.total_seconds())


def refuse_unknown(fields: dict[str, Any], known: set[str]) -> None:
    """Refuse a body with a key nobody reads, so that a typing error does not pass in silence."""
    unknown = sorted(set(fields) - known)
    if unknown:
        raise DomainError(
            "unknown_field", f"Unknown field {unknown[0]!r}. Known: {', '.join(sorted(known))}."
        )
