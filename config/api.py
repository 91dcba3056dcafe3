"""The REST API's door: who is asking, and what a body may hold.

REST framework imports this while it is itself being imported, so nothing here may import its views.
"""

import json
import math

from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from oncall import clock, tokens
from oncall.messaging.render import clean_text

DEEPEST = 32


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer mst_…``."""

    keyword = b"bearer"

    def authenticate(self, request: Request) -> tuple | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != self.keyword:
            return None
        text = words[1].decode("latin-1") if len(words) == 2 else ""
        token = tokens.find(text, at=clock.now())
        if token is None:
            raise exceptions.AuthenticationFailed(
                "This token is unknown, revoked or expired. Make a new one."
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SafeJSONParser(JSONParser):
    """JSON without what breaks a database or a later page: no NaN, no depth, no NUL, no half characters."""

    strict = True

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            raw = stream.read()
        except RequestDataTooBig:
            raise exceptions.ValidationError("The body is too large.") from None
        try:
            value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        except RecursionError:
            raise exceptions.ParseError("The JSON is nested too deeply.") from None
        except (UnicodeDecodeError, ValueError) as error:
            raise exceptions.ParseError(f"This is not JSON: {error}") from None
        if not isinstance(value, dict | list):
            raise exceptions.ParseError("The body must be a JSON object.")
        return _clean(value, DEEPEST)


def _no_constant(name: str):
    raise ValueError(f"{name} is not a JSON number.")


def _clean(value, depth: int):
    if depth == 0:
        raise exceptions.ParseError("The JSON is nested too deeply.")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): _clean(item, depth - 1) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise exceptions.ParseError("A number is too large.")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise exceptions.ParseError("A number is too large.")
    return value
