"""``GET /api/v1/schedules/<slug>/on-call/`` and ``…/final/`` for programs, before anything else is set up.

Paging tools, chat bots and dashboards ask these all day, and the way through sessions, REST framework and its
statements costs ten times the answer. Here one statement finds the token, its person and her right to look, and
with them the stored answer of ``schedules.on_call_now``, or whether the plan that this process remembers holds.

Only the plain case is answered here: a live token whose use was noted lately, of somebody who may look, and an
answer that holds or a plan to compute it from. Everything else goes on to ``ScheduleViewSet``, which alone refuses
and writes; tests/oncall/test_quick_on_call.py and test_quick_final.py have both answer the same requests. The
tables are asked each time, so a token revoked or a right taken away counts at once.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import ValidationError

from oncall import clock, rotation, tokens
from oncall.api import shapes
from oncall.schedules import remembered

PATH = re.compile(r"/api/v1/schedules/([A-Za-z0-9_-]+)/(on-call|final)/")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z")
LONGEST_QUERY = 200
BEARER = "Bearer "
HEADERS = {"Content-Type": "application/json", "Allow": "GET, HEAD, OPTIONS"}

#: As ``tokens.find`` judges who asks, and ``ModelBackend`` who may look.
ADMITTED = """token.prefix = %(prefix)s
  AND token.revoked_at IS NULL AND (token.expires_at IS NULL OR token.expires_at > %(at)s)
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
        WHERE member.user_id = person.id AND shared.permission_id = permission.id))))"""
#: As ``schedules.on_call_now`` judges whether a stored answer holds.
STATEMENT = """
SELECT token.secret_hash, token.last_used_at, duty.usernames, duty.until_at
FROM oncall_apitoken token
JOIN oncall_user person ON person.id = token.user_id AND person.is_active
JOIN oncall_schedule schedule ON schedule.slug = %(slug)s
JOIN oncall_onduty duty ON duty.schedule_id = schedule.id AND duty.version = schedule.version
WHERE {admitted}
  AND duty.from_at <= %(at)s AND (duty.until_at IS NULL OR duty.until_at > %(at)s)
  AND (SELECT count(*) FROM oncall_user named WHERE named.username {in_usernames}) = {length}(duty.usernames)
"""
#: What ``remembered.Known.holds`` is told. People are looked up one by one: joined, all of them would be read.
PLAN_STATEMENT = """
SELECT token.secret_hash, token.last_used_at, schedule.id, schedule.version,
  (SELECT count(*) FROM {each_of_people} known
   WHERE known.value = (SELECT username FROM oncall_user named WHERE named.id = CAST(known.key AS bigint)))
FROM oncall_apitoken token
JOIN oncall_user person ON person.id = token.user_id AND person.is_active
JOIN oncall_schedule schedule ON schedule.slug = %(slug)s
WHERE {admitted}
"""
#: How each database reads JSON. PostgreSQL takes the array's index scan; an IN would read all people.
DIALECTS = {
    "postgresql": {
        "in_usernames": "= ANY(ARRAY(SELECT jsonb_array_elements_text(duty.usernames)))",
        "length": "jsonb_array_length",
        "each_of_people": "jsonb_each_text(%(people)s::jsonb)",
    },
    "sqlite": {
        "in_usernames": "IN (SELECT value FROM json_each(duty.usernames))",
        "length": "json_array_length",
        "each_of_people": "json_each(%(people)s)",
    },
}


class QuickAnswers:
    """The middleware: answers what it can and passes on the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = PATH.fullmatch(request.path_info)
        answer = _answer(*asked.groups(), request) if asked and _is_plain(request) else None
        return answer or self.get_response(request)


def _is_plain(request: HttpRequest) -> bool:
    """Whether nothing is asked for that takes a view to understand."""
    told = request.META
    return (
        request.method == "GET"
        and told.get("HTTP_ACCEPT", "*/*") in ("*/*", "application/json")
        and told.get("HTTP_AUTHORIZATION", "").startswith(BEARER)
        and not told.get("HTTP_COOKIE")
    )


def _answer(slug: str, question: str, request: HttpRequest) -> HttpResponse | None:
    at, key = clock.now(), tokens.read(request.META["HTTP_AUTHORIZATION"].removeprefix(BEARER))
    query = request.META.get("QUERY_STRING", "")
    if key is None:
        return None
    body = _final(slug, query, key, at) if question == "final" else _on_call(slug, query, key, at)
    return body and HttpResponse(body, headers=HEADERS)


def _on_call(slug: str, query: str, key: tokens.Key, at: datetime) -> bytes | None:
    found = None if query else _ask(STATEMENT, key, at, slug=slug)
    if found is None:
        return None
    usernames, until_at = found
    answer = {
        "at": shapes.instant(at),
        "on_call": json.loads(usernames),
        "until": shapes.instant(_utc(until_at)),
    }
    return JSONRenderer().render(answer)


def _final(slug: str, query: str, key: tokens.Key, at: datetime) -> bytes | None:
    asked = _range(query, at)
    known = remembered.recall(slug)
    found = asked and _ask(PLAN_STATEMENT, key, at, slug=slug, people=known.people if known else "{}")
    if found is None:
        return None
    if not (known and known.holds(*found, start=asked["start"])):
        known = _learn(slug, found[0], asked["start"])
    return known and remembered.final(known, **asked, write=_written, keep=asked["start"] != at)


def _learn(slug: str, schedule: int, since: datetime) -> remembered.Known | None:
    try:
        return remembered.learn(slug, schedule, since=since)
    except DatabaseError:
        return None


def _written(segments: list[rotation.Segment]) -> bytes:
    return JSONRenderer().render(shapes.segments(segments))


def _range(query: str, at: datetime) -> dict[str, datetime] | None:
    """What ``?from=&to=`` asks for; None where the view has to read it, or to refuse it."""
    if len(query) > LONGEST_QUERY:
        return None
    told = parse_qsl(query, keep_blank_values=True)
    given = dict(told)
    if len(given) < len(told) or not given.keys() <= {"from", "to"}:
        return None
    if not all(INSTANT.fullmatch(value) for value in given.values()):
        return None
    try:
        return shapes.range_of({key: datetime.fromisoformat(value) for key, value in given.items()}, at)
    except (ValueError, OverflowError, ValidationError):
        return None


def _ask(statement: str, key: tokens.Key, at: datetime, **values: Any) -> tuple | None:
    """What the statement finds beside the token; None without a live token of somebody who may look.

    None also where the database fails, since the view opens a new connection.
    """
    values |= {"prefix": key.prefix, "at": connection.ops.adapt_datetimefield_value(at)}
    try:
        row = _run(statement.format(admitted=ADMITTED, **DIALECTS[connection.vendor]), values)
    except DatabaseError:
        return None
    if not row or not compare_digest(row[0], key.secret_hash):
        return None
    return row[2:] if tokens.use_is_noted(_utc(row[1]), at) else None


def _run(statement: str, values: dict[str, Any]) -> tuple | None:
    """On PostgreSQL planned once for each connection: it takes six times longer to plan these than to run them.

    Django's own cursors never prepare, and ask first whether the connection lives; a dead one is found here by
    the statement that fails.
    """
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            return cursor.execute(statement, values).fetchone()
    connection.ensure_connection()
    link = connection.connection
    link.prepare_threshold = 0
    with connection.wrap_database_errors, connection.Database.Cursor(link) as cursor:
        return cursor.execute(statement, values).fetchone()


def _utc(value: datetime | None) -> datetime | None:
    """SQLite gives instants without their zone, which is UTC."""
    return value and value.replace(tzinfo=value.tzinfo or UTC)
