"""The quick "who is on call" is the view's, byte for byte; what it cannot know it leaves to the view."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection

from oncall import schedules, tokens
from oncall.api import quick
from oncall.api.schedules import ScheduleViewSet
from oncall.models import ApiToken, OnDuty, Schedule, User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 13, tzinfo=UTC)
PATH = "/api/v1/schedules/pay/on-call/"
LAYER = {
    "name": "primary",
    "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T09:00"},
    "slots": [["bob", "alice"], ["carol"]],
}


@pytest.fixture(autouse=True)
def at_one(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def schedule(alice, bob, carol):
    schedule = Schedule.objects.create(slug="pay", name="Payments", time_zone="America/New_York")
    schedules.replace(schedule, {"layers": [LAYER]}, by=None, at=NOW)
    return schedule


@pytest.fixture
def ask(client, schedule, carol):
    """Ask as carol's program, by default with a token that reads, used before and with a stored answer."""
    carol.user_permissions.set(Permission.objects.filter(codename="view_schedule"))
    token, text = tokens.create(carol, name="bot", scope="read", at=NOW)
    ApiToken.objects.update(last_used_at=NOW)
    schedules.on_call_now([schedule], NOW)

    def send(path=PATH, method="get", **headers):
        headers = {"authorization": f"Bearer {text}", **headers}
        return getattr(client, method)(path, headers={k: v for k, v in headers.items() if v is not None})

    send.token, send.text = token, text
    return send


@pytest.fixture
def passed_on(monkeypatch):
    """The paths that reached the view."""
    paths, initial = [], ScheduleViewSet.initial

    def noting(view, request, *args, **kwargs):
        paths.append(request.path)
        initial(view, request, *args, **kwargs)

    monkeypatch.setattr(ScheduleViewSet, "initial", noting)
    return paths


def by_the_view(monkeypatch, ask, *args, **kwargs):
    with monkeypatch.context() as patched:
        patched.setattr(quick, "_is_plain", lambda request: False)
        return ask(*args, **kwargs)


def same(one, other):
    told = [(a.status_code, a.content, sorted(a.headers.items()), a.cookies.output()) for a in (one, other)]
    assert told[0] == told[1]


# -- what is answered at once ------------------------------------------------------------------------------
def test_the_plain_case_needs_one_statement_and_no_view(ask, passed_on, django_assert_num_queries):
    with django_assert_num_queries(0 if connection.vendor == "postgresql" else 1):  # a cursor of its own
        answer = ask()

    assert answer.json() == {
        "at": "2026-03-11T13:00:00Z",
        "on_call": ["carol"],
        "until": "2026-03-16T13:00:00Z",
    }
    assert passed_on == []


def grant_by_group(carol):
    carol.user_permissions.clear()
    group = Group.objects.create(name="lookers")
    group.permissions.set(Permission.objects.filter(codename="view_schedule"))
    carol.groups.add(group)


def make_superuser(carol):
    carol.user_permissions.clear()
    User.objects.filter(pk=carol.pk).update(is_superuser=True)


@pytest.mark.parametrize("right", [lambda carol: None, grant_by_group, make_superuser])
@pytest.mark.parametrize("scope", ["read", "write", "admin"])
@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_quick_and_view_answer_alike(ask, carol, passed_on, monkeypatch, right, scope, accept):
    right(carol)
    ApiToken.objects.update(scope=scope, expires_at=NOW + timedelta(seconds=1))

    answer = ask(accept=accept)

    assert (answer.status_code, passed_on) == (200, [])
    same(answer, by_the_view(monkeypatch, ask, accept=accept))
    assert passed_on == [PATH]


@pytest.mark.parametrize("slots", [[], [["bob", "alice", "carol"]]])
def test_nobody_and_several_are_told_alike(ask, schedule, passed_on, monkeypatch, slots):
    schedules.replace(schedule, {"layers": [LAYER | {"slots": slots}]}, by=None, at=NOW)
    renewed = by_the_view(monkeypatch, ask)

    same(ask(), renewed)
    assert passed_on == [PATH]


# -- what is left to the view ------------------------------------------------------------------------------
FAULTS = {
    "no token": {"authorization": None},
    "basic": {"authorization": "Basic YTpi"},
    "not a token": {"authorization": "Bearer nonsense"},
    "typing error": {"authorization": lambda text: f"Bearer {text[:-1]}!"},
    "another secret": {"authorization": lambda text: f"Bearer {forged(text)}"},
    "html wanted": {"accept": "text/html"},
    "indented": {"accept": "application/json; indent=4"},
    "odd spacing": {"authorization": lambda text: f"bearer   {text}"},
    "a cookie": {"cookie": "sessionid=abc"},
    "unknown slug": {"path": "/api/v1/schedules/none/on-call/"},
    "an instant": {"path": f"{PATH}?at=2026-03-20T00:00Z"},
    "bad instant": {"path": f"{PATH}?at=soon"},
    "head": {"method": "head"},
    "post": {"method": "post"},
    "options": {"method": "options"},
}


def forged(text):
    """A well-formed token with another secret."""
    prefix, secret = text.split("_")[1], "x" * 43
    return f"mst_{prefix}_{secret}_{tokens._checksum(prefix, secret)}"


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_plain_is_answered_by_the_view(ask, monkeypatch, fault):
    asked = {k: v(ask.text) if callable(v) else v for k, v in FAULTS[fault].items()}

    same(ask(**asked), by_the_view(monkeypatch, ask, **asked))


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (401, lambda ask, carol: tokens.revoke(ask.token, at=NOW)),
        (401, lambda ask, carol: ApiToken.objects.update(expires_at=NOW)),
        (401, lambda ask, carol: User.objects.filter(pk=carol.pk).update(is_active=False)),
        (403, lambda ask, carol: carol.user_permissions.clear()),
        (404, lambda ask, carol: Schedule.objects.all().delete()),
    ],
)
def test_what_is_taken_away_counts_at_once(ask, carol, monkeypatch, status, change):
    assert ask().status_code == 200

    change(ask, carol)

    assert ask().status_code == status
    same(ask(), by_the_view(monkeypatch, ask))


@pytest.mark.parametrize(
    "change",
    [
        lambda schedule: schedules.touch(schedule, by=None, at=NOW),
        lambda schedule: OnDuty.objects.update(until_at=NOW),
        lambda schedule: OnDuty.objects.all().delete(),
        lambda schedule: User.objects.filter(username="carol").update(username="caroline"),
    ],
)
def test_an_answer_that_no_longer_holds_is_renewed(ask, schedule, passed_on, change):
    change(schedule)

    renewed, again = ask(), ask()

    assert passed_on == [PATH]
    assert renewed.json() == again.json()
    assert renewed.json()["on_call"] == [User.objects.get(email="carol@example.com").username]


def test_a_use_is_noted_every_ten_minutes(ask, passed_on, time_machine):
    time_machine.move_to(NOW + timedelta(minutes=11), tick=False)

    ask(), ask()

    ask.token.refresh_from_db()
    assert ask.token.last_used_at == NOW + timedelta(minutes=11)
    assert passed_on == [PATH]


@pytest.mark.django_db(transaction=True)
def test_where_the_statement_fails_the_view_answers(ask, passed_on, monkeypatch):
    broken = "SELECT secret_hash FROM oncall_apitoken WHERE {length} = %(slug)s"
    monkeypatch.setattr(quick, "STATEMENT", broken)

    answer = ask()

    assert (answer.status_code, passed_on) == (200, [PATH])


@pytest.mark.parametrize("statement", ["STATEMENT", "PLAN_STATEMENT"])
def test_no_statement_reads_a_table_from_end_to_end(ask, statement):
    """So ten years of overrides and five hundred teams make no difference."""
    sql = getattr(quick, statement).format(admitted=quick.ADMITTED, **quick.DIALECTS[connection.vendor])
    values = {"slug": "pay", "prefix": ask.token.prefix, "at": NOW.replace(tzinfo=None), "people": "{}"}

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # in a test's small tables it would be cheaper
        cursor.execute(f"{EXPLAIN[connection.vendor]} {sql}", values)
        plan = [row[-1] for row in cursor.fetchall()]

    assert len(plan) > 5
    assert not [step for step in plan if re.search("Seq Scan|SCAN (?!.*VIRTUAL)", step)], plan


EXPLAIN = {"postgresql": "EXPLAIN", "sqlite": "EXPLAIN QUERY PLAN"}
