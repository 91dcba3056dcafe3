"""Whatever stands at a place of a schedule's form is refused in one sentence that says where, or is meaningful."""

import json
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from oncall import rotation, schedules
from oncall.messaging.errors import DomainError
from oncall.models import Schedule, User

NOW = datetime(2026, 3, 11, 13, tzinfo=UTC)
FORM = {
    "time_zone": "Europe/Berlin",
    "layers": [
        {
            "name": "primary",
            "priority": 1,
            "rotation": {"unit": "week", "length": 1, "anchor": "2026-03-02T09:00"},
            "slots": [["alice"], ["bob"]],
            "start": "2026-03-02T09:00",
            "end": "2027-03-02T09:00",
            "restrictions": [
                {"type": "daily", "days": ["MO"], "from": "22:00", "to": "06:00"},
                {"type": "weekly", "from_day": "FR", "from": "18:00", "to_day": "MO", "to": "08:00"},
            ],
            "exclude_dates": ["2026-12-25"],
            "advance": "calendar",
            "edits": [{"at": "2026-06-10T12:00Z", "slots": [["alice"]]}],
        }
    ],
    "exceptions": [
        {
            "kind": "replace",
            "user": "bob",
            "by": "carol",
            "start": "2026-05-01T10:00",
            "end": "2026-05-02T10:00",
            "layer": "primary",
            "reason": "dentist",
        },
        {"kind": "set", "users": ["bob"], "start": "2026-05-01T10:00", "end": "2026-05-02T10:00"},
        {"kind": "remove", "user": "bob", "start": "2026-05-01T10:00", "end": "2026-05-02T10:00"},
    ],
}


def nested(depth):
    inside = []
    for _ in range(depth):
        inside = [inside]
    return inside


def endless():
    loop = []
    loop.append(loop)
    return loop


FAR_EAST, FAR_WEST = timezone(timedelta(hours=23, minutes=59)), timezone(timedelta(hours=-23))
#: As JSON and YAML can bring it, and some more.
JUNK = [
    *(None, True, False, 0, -1, 1, 7, 1.5, -0.0, float("nan"), float("inf"), 10**30, -(10**30), 1 << 20_000),
    *("", "  ", "x", "a" * 10_000, "\x00", "\ud800", "a\nb", "💥", b"bytes", "primary", "alice", "bob"),
    *([], [[]], [None], [1], [True], [""], ["x"], [["x"]], [{}], nested(5000), endless(), ["MO"] * 9),
    *({}, {"a": 1}, {1: 2}, {None: 1}, {1 << 20_000: 1}, {"a\nb": 1}, {"x": nested(5000)}, {1, 2}),
    *(date(1, 1, 1), date(9999, 12, 31), date(2026, 5, 1), time(9), timedelta(1)),
    *(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)),  # noqa: DTZ001  as they come
    *(datetime(2026, 5, 1, tzinfo=FAR_EAST), datetime(9999, 12, 31, 23, tzinfo=FAR_WEST)),
    *("0001-01-01T00:00", "10000-01-01T00:00", "9999-12-31T23:59Z", "0001-01-01T00:00+14:00", "0000-00-00"),
    *(
        "1969-12-31T23:59",
        "1970-01-01T00:00",
        "2199-12-31T23:59",
        "2200-01-01T00:00",
        "2199-12-31T23:59-12:00",
    ),
    *("2026-02-30", "2026-03-02T25:00", "2026-W10-1", "20260302", "2026-03-02", "2036-05-01T10:00", "now"),
    *("24:00", "T22:00", "25:61", "22:00+02:00", "22:00:00.999999", "22", "-1:00", "1e3", "NaN", "null"),
    *("../etc/passwd", "Europe", "Europe//Berlin", ".", "right/Europe/Berlin", "localtime", "Mars/Base"),
]


def places(value, path=()):
    """The path of the form itself and of everything in it."""
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inside in steps:
        yield from places(inside, (*path, step))


def put(path, value):
    """FORM with another value at one place."""
    if not path:
        return value
    form = deepcopy(FORM)
    target = form
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return form


PLACES = list(places(FORM))


def where(path):
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


# -- read alone --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PLACES, ids=lambda path: where(path) or "form")
def test_junk_is_refused_at_its_place_in_one_sentence_or_read_and_written_back(path):
    for value in JUNK:
        try:
            plan = rotation.parse(put(path, value))
        except rotation.FormError as fault:
            said = str(fault)
            assert said.isprintable() and len(said) < 300, said
            assert fault.place.startswith((where(path[:1]), "exceptions[0].layer")) and fault.reason, said
        else:
            assert rotation.parse(rotation.dump(plan)) == plan
            answer_everything(plan)


def answer_everything(plan):
    for at in (datetime(1971, 1, 1, tzinfo=UTC), NOW, datetime(2198, 1, 1, tzinfo=UTC)):
        rotation.final(plan, at, at + timedelta(days=9))
        rotation.explain(plan, at)
        rotation.next_change(plan, at)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("layers", 0, "start"), False),
        (("layers", 0, "end"), 0),
        (("layers", 0, "advance"), []),
        (("exceptions", 0, "layer"), {}),
        (("exceptions", 0, "reason"), False),
        (("exceptions", 1, "user"), 0),
        (("layers", 0, "restrictions", 0, "from"), "20260302"),
        (("time_zone",), "right/Europe/Berlin"),
        (("time_zone",), "localtime"),
    ],
    ids=repr,
)
def test_what_means_nothing_is_not_taken_for_left_out(path, value):
    with pytest.raises(rotation.FormError) as fault:
        rotation.parse(put(path, value))

    assert fault.value.place == where(path)


def test_an_exception_cannot_name_a_layer_where_there_is_none():
    with pytest.raises(rotation.FormError, match=r"exceptions\[0\].layer: there is no layer at all"):
        rotation.parse(FORM | {"layers": []})


def test_of_many_layers_a_message_names_some():
    layers = [FORM["layers"][0] | {"name": f"layer {n}"} for n in range(40)]

    with pytest.raises(rotation.FormError, match="must be one of layer 0, layer 1, .*, …, not 'primary'"):
        rotation.parse(FORM | {"layers": layers})


def test_more_exceptions_at_one_time_than_people_could_mean_are_refused():
    many = [FORM["exceptions"][1]] * 201

    assert len(rotation.parse(FORM | {"exceptions": many[1:]}).exceptions) == 200
    with pytest.raises(rotation.FormError, match="exceptions: 201 of them hold at one time; at most 200 can"):
        rotation.parse(FORM | {"exceptions": many})


def test_many_new_rosters_without_a_survivor_are_no_work():
    rosters = [[[f"{who}{n}"] for n in range(200)] for who in "ab"]
    edits = [{"at": f"2020-01-{n // 24 + 1:02}T{n % 24:02}:00Z", "slots": rosters[n % 2]} for n in range(700)]
    layer = FORM["layers"][0] | {"slots": rosters[0], "edits": edits, "start": None, "restrictions": []}

    plan = rotation.parse(FORM | {"layers": [layer], "exceptions": []})

    assert rotation.on_call_at(plan, NOW).people == ("b1",)


# -- kept --------------------------------------------------------------------------------------------------
@pytest.fixture
def schedule(alice, bob, carol):
    return Schedule.objects.create(slug="pay", name="Payments", time_zone="Europe/Berlin")


@pytest.mark.parametrize("path", PLACES, ids=lambda path: where(path) or "form")
def test_what_a_form_brings_is_refused_or_comes_back_as_it_was_meant(schedule, path):
    number = PLACES.index(path)

    for value in JUNK[number % 9 :: 9]:
        form = put(path, value)
        try:
            schedules.replace(schedule, form, by=None, at=NOW)
        except DomainError as refusal:
            assert refusal.code == "bad_schedule" and refusal.detail.endswith(".")
        else:
            told = {"time_zone": schedule.time_zone, **{k: v for k, v in form.items() if v is not None}}
            assert schedules.to_form(schedule) == rotation.dump(rotation.parse(told))


@pytest.mark.django_db
@pytest.mark.parametrize("path", PLACES[1:], ids=where)
def test_the_api_refuses_junk_or_takes_it_and_never_breaks(client, schedule, path):
    client.force_login(User.objects.create_superuser("root"))
    number = PLACES.index(path)
    send, address = [(client.patch, "pay/"), (client.post, "pay/preview/")][number % 2]

    for body in filter(None, (as_json(put(path, value)) for value in JUNK[number % 16 :: 16])):
        answer = send(f"/api/v1/schedules/{address}", body, content_type="application/json")
        assert answer.status_code in (200, 400), (body, answer.content)
    assert client.get("/api/v1/schedules/pay/final/").status_code == 200


def as_json(form):
    try:
        return json.dumps(form)
    except (TypeError, ValueError, RecursionError):
        return None


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["[]", '["layers"]', "null", "7", '"layers"', "{", "[[[]]]"])
@pytest.mark.parametrize(("method", "address"), [("post", ""), ("patch", "pay/"), ("post", "pay/preview/")])
def test_what_is_no_form_at_all_is_refused(client, schedule, method, address, body):
    client.force_login(User.objects.create_superuser("root"))

    answer = getattr(client, method)(f"/api/v1/schedules/{address}", body, content_type="application/json")

    assert answer.status_code == 400, answer.content


def test_a_preview_refuses_a_key_that_nobody_reads(client, schedule):
    client.force_login(User.objects.create_superuser("root"))
    address = "/api/v1/schedules/pay/preview/"

    answer = client.post(address, '{"layer": []}', content_type="application/json")
    whole = client.post(
        address, client.get("/api/v1/schedules/pay/").content, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"], whole.status_code) == (409, "unknown_field", 200)
