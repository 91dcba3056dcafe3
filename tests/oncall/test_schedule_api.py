"""``/api/v1/schedules/``, ``/on-call/`` and ``/services/<slug>/on-call/`` keep contract.md sections 3 and 4."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oncall import rotation, schedules, tokens
from oncall.models import EscalationPolicy, Schedule, Service, Step, StepTarget, Team, User
from tests.oncall.conftest import weekly_schedules

pytestmark = pytest.mark.django_db

CASES = json.loads((Path(__file__).parents[1] / "cases" / "oncall.json").read_text())
LIST = "/api/v1/schedules/"
NOW = datetime(2026, 3, 11, 13, tzinfo=UTC)
LAYER = {
    "name": "primary",
    "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T09:00"},
    "slots": [["alice"], ["bob"]],
}
FORM = {"slug": "pay", "name": "Payments", "time_zone": "America/New_York", "layers": [LAYER]}


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def people():
    return {name: User.objects.create(username=name) for name in ("alice", "bob", "carol")}


@pytest.fixture
def root(client):
    user = User.objects.create_superuser("root", time_zone="Europe/Berlin")
    client.force_login(user)
    return user


@pytest.fixture
def schedule(people):
    schedule = Schedule.objects.create(slug="pay", name="Payments", time_zone="America/New_York")
    schedules.replace(schedule, {"layers": [LAYER]}, by=None, at=NOW)
    return schedule


def send(client, method, path, body):
    return getattr(client, method)(path, json.dumps(body), content_type="application/json")


# -- the form ----------------------------------------------------------------------------------------------
def test_a_schedule_is_made_from_its_form_and_comes_back_whole(client, root, people):
    Team.objects.create(slug="payments", name="Payments")

    answer = send(client, "post", LIST, FORM | {"team": "payments"})

    assert answer.status_code == 201
    expected = {**FORM, **rotation.dump(rotation.parse(FORM)), "team": "payments", "version": 2}
    assert answer.json() == expected
    assert client.get(f"{LIST}pay/").json() == expected
    assert client.get(LIST).json()["results"] == [expected]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_worked_case_is_answered_over_the_api(client, root, case):
    form, query = case["schedule"], case["query"]
    User.objects.bulk_create(User(username=name) for name in rotation.people_named(rotation.parse(form)))
    assert send(client, "post", LIST, form | {"slug": "case", "name": "Case"}).status_code == 201

    if query["type"] == "at":
        answer = client.get(f"{LIST}case/on-call/", {"at": query["at"]}).json()
        assert answer["on_call"] == case["expected"]["on_call"]
    elif query["type"] == "next_change":
        answer = client.get(f"{LIST}case/on-call/", {"at": query["at"]}).json()
        assert answer["until"] == case["expected"]["at"].replace("Z", ":00Z")
    elif query["type"] in ("range", "gaps"):
        key = {"range": "segments", "gaps": "gaps"}[query["type"]]
        found = client.get(f"{LIST}case/final/", {"from": query["from"], "to": query["to"]}).json()[key]
        plain = [{name: value for name, value in each.items() if name != "reasons"} for each in found]
        assert plain == json.loads(json.dumps(case["expected"][key]).replace('Z"', ':00Z"'))


def test_what_a_patch_leaves_out_stays(client, root, schedule):
    answer = send(client, "patch", f"{LIST}pay/", {"name": "Pay", "exceptions": []})

    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["layers"][0]["slots"]) == ("Pay", [["alice"], ["bob"]])


def test_a_change_of_the_zone_moves_the_turns(client, root, schedule):
    before = schedules.on_call(schedule, NOW).until

    send(client, "patch", f"{LIST}pay/", {"time_zone": "UTC"})

    schedule.refresh_from_db()
    assert schedules.on_call(schedule, NOW).until == before - timedelta(hours=4)


@pytest.mark.parametrize(
    ("parts", "field", "said"),
    [
        ({"time_zone": "Mars/Base"}, "time_zone", "'Mars/Base' is not a time zone"),
        ({"layers": 7}, "layers", "Expected a list of items"),
        ({"layers": [7]}, "layers", "layers[0]: must be an object"),
        ({"layers": [LAYER, LAYER]}, "layers", "layers[1].name: there is another layer 'primary'"),
        (
            {"layers": [LAYER | {"slots": [["zed"]]}]},
            "layers",
            "layers[0].slots[0][0]: there is nobody called 'zed'",
        ),
        ({"slug": "no slug"}, "slug", "Enter a valid"),
        ({"team": "none"}, "team", "does not exist"),
    ],
)
def test_a_form_at_fault_is_refused_and_nothing_is_kept(client, root, people, parts, field, said):
    answer = send(client, "post", LIST, FORM | parts)

    assert answer.status_code == 400
    assert said in str(answer.json()[field])
    assert not Schedule.objects.exists()


def test_an_unknown_key_is_refused(client, root, people):
    assert send(client, "post", LIST, FORM | {"layer": []}).status_code in (400, 409)
    assert not Schedule.objects.exists()


def test_a_schedule_that_a_policy_pages_is_not_deleted(client, root, schedule):
    policy = EscalationPolicy.objects.create(slug="p", name="P")
    step = Step.objects.create(policy=policy, position=0, after=timedelta())
    StepTarget.objects.create(step=step, schedule=schedule)

    answer = client.delete(f"{LIST}pay/")

    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")


# -- answers -----------------------------------------------------------------------------------------------
def test_who_is_on_call_now(client, root, schedule):
    answer = client.get(f"{LIST}pay/on-call/")

    assert answer.json() == {
        "at": "2026-03-11T13:00:00Z",
        "on_call": ["bob"],
        "until": "2026-03-16T13:00:00Z",
    }


def test_the_final_schedule_tells_why(client, root, schedule):
    answer = client.get(f"{LIST}pay/final/?from=2026-03-11T13:00Z&to=2026-03-17T13:00Z").json()

    assert answer["gaps"] == []
    assert answer["segments"][0] == {
        "start": "2026-03-11T13:00:00Z",
        "end": "2026-03-16T13:00:00Z",
        "on_call": ["bob"],
        "reasons": [{"user": "bob", "layer": "primary", "turn": 1, "last_turn": 1, "exceptions": []}],
    }


@pytest.mark.parametrize(
    "query",
    [
        "from=soon",
        "from=2026-03-12T00:00Z&to=2026-03-11T00:00Z",
        "from=2026-03-12T00:00Z&to=2027-05-12T00:00Z",
        "from=9999-12-01T00:00Z",
        "to=0001-01-01T00:00Z",
    ],
)
def test_a_range_at_fault_is_refused(client, root, schedule, query):
    assert client.get(f"{LIST}pay/final/?{query}").status_code == 400


@pytest.mark.parametrize("at", ["soon", "9999-12-31T23:59Z", "0001-01-01T00:00+14:00"])
def test_an_instant_at_fault_is_refused(client, root, schedule, at):
    assert client.get(f"{LIST}pay/on-call/", {"at": at}).status_code == 400


def test_a_preview_shows_what_changes_hands_and_writes_nothing(client, root, schedule):
    body = {"layers": [LAYER | {"slots": [["alice"], ["carol"]]}]}

    answer = send(client, "post", f"{LIST}pay/preview/?to=2026-03-18T13:00Z", body)

    assert answer.status_code == 200
    assert answer.json()["changes"] == [
        {
            "start": "2026-03-11T13:00:00Z",
            "end": "2026-03-16T13:00:00Z",
            "before": ["bob"],
            "after": ["carol"],
        }
    ]
    assert schedules.on_call(schedule, NOW).users[0].username == "bob"


def test_everybody_on_call_can_be_asked_by_person_team_and_service(client, root, schedule, people):
    other = Schedule.objects.create(
        slug="other", name="Other", team=Team.objects.create(slug="ops", name="Ops")
    )
    schedules.replace(other, {"layers": [LAYER | {"slots": [["alice"]]}]}, by=None, at=NOW)
    policy = EscalationPolicy.objects.create(slug="p", name="P")
    step = Step.objects.create(policy=policy, position=0, after=timedelta())
    StepTarget.objects.create(step=step, schedule=schedule)
    Service.objects.create(slug="checkout", name="Checkout", policy=policy)

    def asked(query):
        return [entry["schedule"] for entry in client.get(f"/api/v1/on-call/{query}").json()["results"]]

    assert asked("") == ["other", "pay"]
    assert asked("?user=bob") == ["pay"]
    assert asked("?team=ops") == ["other"]
    assert asked("?service=checkout") == ["pay"]


def test_a_service_says_step_by_step_whom_it_would_page(client, root, schedule, people):
    policy = EscalationPolicy.objects.create(slug="p", name="P")
    first = Step.objects.create(policy=policy, position=0, after=timedelta())
    second = Step.objects.create(policy=policy, position=1, after=timedelta(minutes=5))
    StepTarget.objects.create(step=first, schedule=schedule)
    StepTarget.objects.create(step=second, user=people["carol"])
    Service.objects.create(slug="checkout", name="Checkout", policy=policy)

    steps = client.get("/api/v1/services/checkout/on-call/").json()["steps"]

    assert [(step["after_seconds"], [u["user"] for u in step["users"]]) for step in steps] == [
        (0, ["bob"]),
        (300, ["carol"]),
    ]
    assert client.get("/api/v1/services/none/on-call/").status_code == 404


# -- rights and cost ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", [LIST, f"{LIST}pay/", f"{LIST}pay/final/", f"{LIST}pay/on-call/", "/api/v1/on-call/"]
)
def test_without_the_right_to_look_nothing_is_shown(client, schedule, people, path):
    client.force_login(people["carol"])

    assert client.get(path).status_code == 403


def test_who_may_look_may_preview_but_not_write(client, schedule, people):
    people["carol"].user_permissions.set(Permission.objects.filter(codename="view_schedule"))
    token, text = tokens.create(people["carol"], name="t", scope="write", at=NOW)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {text}", "content_type": "application/json"}
    body = json.dumps({"layers": []})

    assert client.post(f"{LIST}pay/preview/", body, **headers).status_code == 200
    assert client.patch(f"{LIST}pay/", body, **headers).status_code == 403


def test_the_lists_cost_the_same_for_ten_schedules_and_for_two_hundred(client, root, people):
    def queries(path):
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert len(client.get(f"{path}?page_size=200").json()["results"]) == Schedule.objects.count()
        return len(captured)

    weekly_schedules(10, people["alice"], people["bob"])
    few = queries(LIST), queries("/api/v1/on-call/")
    Schedule.objects.all().delete()
    weekly_schedules(200, people["alice"], people["bob"])

    assert (queries(LIST), queries("/api/v1/on-call/")) == few
