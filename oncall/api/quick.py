"""``GET /api/v1/schedules/<slug>/on-call/`` for programs, answered before anything else is set up.

Paging tools, chat bots and dashboards ask this all day, and the way through sessions, REST framework and its six
statements costs ten times the answer. Here one statement finds the token, its person, her right to look and the
stored answer of ``schedules.on_call_now``.

Only the plain case is answered here: a live token whose use was noted lately, of somebody who may look, and an
answer that holds. Everything else goes on to ``ScheduleViewSet.on_call``, which alone refuses, computes and
writes; tests/oncall/test_quick_on_call.py has both answer the same requests. The tables are asked each time, so
a token revoked or a right taken away counts at once.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from rest_framework.renderers import JSONRenderer

from oncall import clock, tokens
from oncall.api import shapes

PATH = re.compile(r"/api/v1/schedules/([A-Za-z0-9_-]+)/on-call/")
BEARER = "Bearer "
HEADERS = {"Content-Type": "application/json", "Allow": "GET, HEAD, OPTIONS"}

#: As ``schedules.on_call_now`` judges whether a stored answer holds, and ``ModelBackend`` who may look.
STATEMENT = """
SELECT token.secret_hash, token.last_used_at, duty.usernames, duty.until_at
FROM oncall_apitoken token
JOIN oncall_user person ON person.id = token.user_id AND person.is_active
JOIN oncall_schedule schedule ON schedule.slug = %(slug)s
JOIN oncall_onduty duty ON duty.schedule_id = schedule.id AND duty.version = schedule.version
WHERE token.prefix = %(prefix)s
  AND token.revoked_at IS NULL AND (token.expires_at IS NULL OR token.expires_at > %(at)s)
  AND duty.from_at <= %(at)s AND (duty.until_at IS NULL OR duty.until_at > %(at)s)
  AND (SELECT count(*) FROM oncall_user named WHERE named.username {in_usernames}) = {length}(duty.usernames)
  AND (person.is_superuser OR EXISTS (
    SELECT 1 FROM auth_permission permission
    JOIN django_content_type model ON model.id = permission.content_type_id
    WHERE model.app_label = 'oncall' AND permission.codename = 'view_schedule'
      AND (EXISTS (
        SELECT 1 FROM oncall_user_user_permissions own
        WHERE own.user_id = person.id AND own.permission_id = permission.id)
      OR EXISTS (
        SELECT 1 FROM oncall_user_groups member
        JOIN auth_group_permissions shared ON shared.group_id = member.group_id
        WHERE member.user_id = person.id AND shared.permission_id = permission.id))))
"""
#: How each database reads a list in JSON. PostgreSQL takes the array's index scan; an IN would read all people.
DIALECTS = {
    "postgresql": {
        "in_usernames": "= ANY(ARRAY(SELECT jsonb_array_elements_text(duty.usernames)))",
        "length": "jsonb_array_length",
    },
    "sqlite": {
        "in_usernames": "IN (SELECT value FROM json_each(duty.usernames))",
        "length": "json_array_length",
    },
}


class QuickOnCall:
    """The middleware: answers what it can and passes on the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = PATH.fullmatch(request.path_info)
        answer = _answer(asked[1], request) if asked and _is_plain(request) else None
        return answer or self.get_response(request)


def _is_plain(request: HttpRequest) -> bool:
    """Whether nothing is asked for that takes a view to understand."""
    told = request.META
    return (
        request.method == "GET"
        and not told.get("QUERY_STRING")
        and told.get("HTTP_ACCEPT", "*/*") in ("*/*", "application/json")
        and told.get("HTTP_AUTHORIZATION", "").startswith(BEARER)
        and not told.get("HTTP_COOKIE")
    )


def _answer(slug: str, request: HttpRequest) -> HttpResponse | None:
    at, key = clock.now(), tokens.read(request.META["HTTP_AUTHORIZATION"].removeprefix(BEARER))
    found = _ask(slug, key.prefix, at) if key else None
    if not found:
        return None
    secret_hash, last_used_at, usernames, until_at = found
    if not compare_digest(secret_hash, key.secret_hash) or not tokens.use_is_noted(_utc(last_used_at), at):
        return None
    answer = {
        "at": shapes.instant(at),
        "on_call": json.loads(usernames),
        "until": shapes.instant(_utc(until_at)),
    }
    return HttpResponse(JSONRenderer().render(answer), headers=HEADERS)


def _ask(slug: str, prefix: str, at: datetime) -> tuple | None:
    """The statement's row; None also where the database fails, since the view opens a new connection."""
    statement = STATEMENT.format(**DIALECTS[connection.vendor])
    values = {"slug": slug, "prefix": prefix, "at": connection.ops.adapt_datetimefield_value(at)}
    try:
        if connection.vendor == "postgresql":
            return _ask_prepared(statement, values)
        with connection.cursor() as cursor:
            return cursor.execute(statement, values).fetchone()
    except DatabaseError:
        return None


def _ask_prepared(statement: str, values: dict[str, Any]) -> tuple | None:
    """Planned once for each connection: PostgreSQL takes six times longer to plan this than to run it.

    Django's own cursors never prepare, and ask first whether the connection lives; a dead one is found here by
    the statement that fails.
    """
    connection.ensure_connection()
    link = connection.connection
    link.prepare_threshold = 0
    with connection.wrap_database_errors, connection.Database.Cursor(link) as cursor:
        return cursor.execute(statement, values).fetchone()


def _utc(value: datetime | None) -> datetime | None:
    """SQLite gives instants without their zone, which is UTC."""
    return value and value.replace(tzinfo=value.tzinfo or UTC)
