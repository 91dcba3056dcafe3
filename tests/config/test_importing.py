"""``import``: sample answers of each product's API become a set-up that says what the product would say.

The samples in ``tests/cases/imports`` were written from the products' public documentation; the answers below
were derived from them by hand, each over a clock change.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config import provisioning
from config.importing import PRODUCTS, Document, ImportFault, draft
from incidents.models import AlertSource
from oncall import schedules
from oncall.models import EscalationPolicy, Schedule, Service, Team, User

SAMPLES = Path(__file__).parents[1] / "cases" / "imports"


def sample(product: str) -> Path:
    return SAMPLES / f"{product}.json"


def parse(product: str):
    path = sample(product)
    return PRODUCTS[product]([Document(path.name, json.loads(path.read_text()))])


@pytest.fixture
def take_over(tmp_path):
    def take_over(product: str) -> str:
        out = tmp_path / "out.yaml"
        call_command("import", product, str(sample(product)), "-o", str(out))
        call_command("apply", str(out))
        return (tmp_path / "out.report.txt").read_text()

    return take_over


def final(slug: str, start: str, end: str) -> list[tuple[str, str]]:
    """Who from when on: ``("09T13:00", "bob")`` with day and hour in UTC."""
    span = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    segments = schedules.final(Schedule.objects.get(slug=slug), *span)
    return [(f"{piece.start:%dT%H:%M}", " ".join(piece.people)) for piece in segments]


@pytest.mark.django_db
def test_pagerduty_layers_restrictions_and_overrides(take_over):
    take_over("pagerduty")

    assert final("payments-primary", "2026-03-02T14:00", "2026-03-17T00:00") == [
        ("02T14:00", "alice"),
        ("06T22:00", "carol.poe"),
        ("09T12:00", "alice"),
        ("09T13:00", "bob"),
        ("11T12:00", "carol.poe"),
        ("11T16:00", "bob"),
        ("13T21:00", "carol.poe"),
        ("16T12:00", "bob"),
        ("16T13:00", "alice"),
    ]
    assert final("half-days", "2026-03-07T13:00", "2026-03-08T13:00") == [
        ("07T13:00", "alice"),
        ("08T01:00", "bob"),
        ("08T12:00", "alice"),
    ]


@pytest.mark.django_db
def test_opsgenie_rotations_are_joined_and_none_is_nobody(take_over):
    take_over("opsgenie")

    assert final("ops-schedule", "2026-03-28T08:00", "2026-03-30T12:00") == [
        ("28T08:00", "anna"),
        ("28T21:00", "anna cleo"),
        ("29T04:00", "anna"),
        ("29T20:00", "anna cleo"),
        ("29T21:00", "anna ben"),
        ("29T23:00", "anna cleo"),
        ("30T04:00", "anna"),
        ("30T07:00", ""),
    ]
    assert final("weekends", "2026-03-28T00:00", "2026-03-29T12:00") == [
        ("28T00:00", "anna ben"),
        ("28T05:00", ""),
        ("28T17:00", "anna ben"),
        ("29T04:00", ""),
    ]


@pytest.mark.django_db
def test_grafana_groups_levels_and_recurrences(take_over):
    take_over("grafana-oncall")

    assert final("platform-primary", "2026-03-29T00:00", "2026-04-01T00:00") == [
        ("29T00:00", "cem"),
        ("30T07:00", "ann bert"),
        ("30T10:00", "dora"),
        ("30T11:00", "ann bert"),
        ("31T08:00", "ann"),
        ("31T10:00", "ann bert"),
    ]
    assert final("weekdays", "2026-03-26T09:00", "2026-03-30T17:00") == [
        ("26T09:00", "ann"),
        ("26T17:00", ""),
        ("27T09:00", "bert"),
        ("27T17:00", ""),
        ("30T09:00", "ann"),
    ]
    assert final("every-other-week", "2026-03-22T23:00", "2026-04-08T00:00") == [
        ("22T23:00", "ann"),
        ("23T23:00", ""),
        ("05T22:00", "bert"),
        ("06T22:00", ""),
    ]


@pytest.mark.django_db
def test_linkedin_turns_go_on_from_the_last_event(take_over):
    take_over("linkedin-oncall")

    assert final("infra-primary", "2026-03-09T00:00", "2026-03-18T00:00") == [
        ("09T00:00", "bo"),
        ("10T01:00", "al"),
        ("11T00:00", ""),
        ("12T00:00", "al"),
        ("17T01:00", "bo"),
    ]
    assert [
        start for start, who in final("infra-secondary", "2026-03-08T00:00", "2026-03-12T00:00") if who
    ] == [
        "09T15:00",
        "10T15:00",
    ]


@pytest.mark.django_db
def test_people_teams_policies_and_services_come_along(take_over):
    take_over("pagerduty")

    alice, policy = User.objects.get(username="alice"), EscalationPolicy.objects.get()
    assert (alice.get_full_name(), alice.time_zone) == ("Alice Doe", "America/New_York")
    assert [rule.contact.address for rule in alice.rules.all()] == ["alice@example.com"] * 2
    assert {user.username for user in Team.objects.get().members.all()} == {"alice", "bob"}
    assert (policy.repeat, policy.ack_timeout.total_seconds()) == (2, 1800)
    assert [(step.after.total_seconds(), str(step.targets.get())) for step in policy.steps.all()] == [
        (0, "Payments primary"),
        (300, "Bob Roe"),
    ]
    assert Service.objects.get().policy == policy


@pytest.mark.django_db
def test_opsgenie_delays_count_from_the_alert(take_over):
    take_over("opsgenie")

    steps = EscalationPolicy.objects.get().steps.all()
    assert [(step.after.total_seconds() / 60, str(step.targets.get())) for step in steps] == [
        (0, "ops schedule"),
        (5, "Ben Doe"),
        (10, "ops_team"),
    ]
    assert Service.objects.get().policy.slug == "ops-escalation"


@pytest.mark.django_db
def test_a_grafana_integration_is_a_service_and_a_source(take_over):
    report = take_over("grafana-oncall")

    source = AlertSource.objects.get()
    assert (source.dialect, source.service.policy.name) == ("alertmanager", "Default")
    steps = source.service.policy.steps.all()
    assert [(step.after.total_seconds(), step.targets.count()) for step in steps] == [(0, 1), (300, 2)]
    assert "SECRET" not in report


@pytest.mark.parametrize(
    ("product", "place", "words"),
    [
        ("pagerduty", "pagerduty.json[6]", "left out"),
        ("pagerduty", "pagerduty.json[0]: users[0]", "phones and devices (1)"),
        ("pagerduty", "pagerduty.json[2]: schedule", "'Weekends' wins"),
        ("pagerduty", ".schedule_layers[1]", "5400 seconds"),
        ("pagerduty", ".escalation_rules[1]", "round_robin"),
        ("pagerduty", "services[0]", "alert source"),
        ("pagerduty", "user", "'Carol Poe' is referred to"),
        ("opsgenie", ".participants[0]", "everybody in it today"),
        ("opsgenie", ".participants[1]", "'escalation' has no counterpart"),
        ("opsgenie", ".rules[2]", "if-not-closed"),
        ("opsgenie", ".repeat", "wait between repeats"),
        ("grafana-oncall", "[2]: results[1]", "UTC"),
        ("grafana-oncall", "[2]: results[3]", "iCalendar"),
        ("grafana-oncall", "[3]: results[5]", "left out"),
        ("grafana-oncall", "[5]: results[3]", "trigger_webhook"),
        ("linkedin-oncall", ".schedules[1]", "fixed order"),
        ("linkedin-oncall", "[0]", "Iris plan"),
        ("linkedin-oncall", "[0]", "made by hand"),
    ],
)
def test_what_has_no_counterpart_is_said_with_its_place(product, place, words):
    remarks = parse(product).remarks

    assert [r for r in remarks if place in r.place and words in r.text], "\n".join(map(str, remarks))


@pytest.mark.django_db
@pytest.mark.parametrize("product", PRODUCTS)
def test_taking_over_again_changes_nothing(product, take_over, tmp_path):
    take_over(product)

    assert provisioning.plan(provisioning.read(tmp_path / "out.yaml"), at=datetime.now(UTC)) == []


LAYER = {
    "start": "2026-03-02T09:00:00Z",
    "rotation_virtual_start": "2026-03-02T09:00:00Z",
    "rotation_turn_length_seconds": 0,
    "users": [],
}
SCHEDULE = {"id": "P1", "type": "schedule", "name": "S", "time_zone": "UTC", "schedule_layers": [LAYER]}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("content", [7, "text", [[[[[[[]]]]]]], [1], {}, [], {"data": 3}, {"name": "x"}])
def test_rubbish_is_refused_in_a_sentence(product, content):
    with pytest.raises(ImportFault) as found:
        PRODUCTS[product]([Document("a.json", content)])

    assert str(found.value).endswith(".")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "schedule_layers[0].rotation_turn_length_seconds: must be more than 0"),
        ({"time_zone": "Mars/Olympus"}, "a.json.time_zone: 'Mars/Olympus' is not a time zone"),
        (
            {
                "schedule_layers": [
                    LAYER
                    | {"rotation_virtual_start": "9999-12-31T23:59:59Z", "rotation_turn_length_seconds": 3600}
                ]
            },
            "must lie in the years",
        ),
        ({"schedule_layers": 3}, "a.json.schedule_layers: must be a list"),
        ({"schedule_layers": [LAYER | {"start": "soon"}]}, "must be more than 0"),
        (
            {"schedule_layers": [LAYER | {"rotation_turn_length_seconds": 3600, "start": "soon"}]},
            ".start: must be",
        ),
        (
            {
                "schedule_layers": [
                    LAYER | {"rotation_turn_length_seconds": 3600, "end": "2020-01-01T00:00:00Z"}
                ]
            },
            "end",
        ),
        ({"id": None, "schedule_layers": []}, "a.json.id: is missing"),
    ],
)
def test_a_fault_says_where_and_why(change, words):
    with pytest.raises(ImportFault) as found:
        PRODUCTS["pagerduty"]([Document("a.json", SCHEDULE | change)])

    assert words in str(found.value)


def test_of_two_answers_for_one_thing_the_fuller_is_taken():
    short = {key: value for key, value in SCHEDULE.items() if key != "schedule_layers"}
    layer = LAYER | {"rotation_turn_length_seconds": 86400}
    documents = [
        Document("list.json", {"schedules": [short]}),
        Document("one.json", SCHEDULE | {"schedule_layers": [layer]}),
    ]

    found = PRODUCTS["pagerduty"](documents)

    assert [len(form["layers"]) for form in found.document["schedules"]] == [1]
    assert "one.json: is the same as list.json: schedules[0]; the fuller of the two is taken." in map(
        str, found.remarks
    )


@pytest.mark.parametrize(
    ("restrictions", "windows"),
    [
        ([("daily", 0, "22:00:00", 28800)], [{"type": "daily", "from": "22:00", "to": "06:00"}]),
        ([("daily", 0, "09:00:00", 86400), ("daily", 0, "22:00:00", 60)], None),
        ([("weekly", 7, "20:00:00", 43200)], [("SU", "20:00", "MO", "08:00")]),
        ([("weekly", 1, "00:00:00", 604800)], None),
    ],
)
def test_a_restriction_becomes_a_window_unless_it_is_all_the_time(restrictions, windows):
    listed = [
        {
            "type": f"{kind}_restriction",
            "start_day_of_week": day,
            "start_time_of_day": at,
            "duration_seconds": length,
        }
        for kind, day, at, length in restrictions
    ]
    layer = LAYER | {"rotation_turn_length_seconds": 86400, "restrictions": listed}

    found = PRODUCTS["pagerduty"]([Document("a.json", SCHEDULE | {"schedule_layers": [layer]})])

    got = found.document["schedules"][0]["layers"][0].get("restrictions")
    keys = ("from_day", "from", "to_day", "to")
    assert (got and [w if w["type"] == "daily" else tuple(w[key] for key in keys) for w in got]) == windows


def test_a_file_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("users: []")

    with pytest.raises(CommandError, match="not JSON"):
        call_command("import", "opsgenie", str(tmp_path / "a.json"), "-o", str(tmp_path / "out.yaml"))

    assert not (tmp_path / "out.yaml").exists()


# -- odd parts ---------------------------------------------------------------------------------------------
def shift(**fields) -> dict:
    plain = {
        "id": "O1",
        "name": "Shift",
        "type": "recurrent_event",
        "start": "2026-03-02T09:00:00",
        "duration": 28800,
    }
    return {**plain, "frequency": "daily", "level": 0, "users": ["U1"], "time_zone": None, **fields}


def grafana(*shifts, **fields):
    schedule = {
        "id": "S1",
        "name": "S",
        "type": "calendar",
        "time_zone": "Europe/Berlin",
        "on_call_now": [],
        **fields,
    }
    schedule["shifts"] = [each["id"] for each in shifts]
    users = [{"id": "U1", "username": "ann", "email": "ann@example.com"}]
    return PRODUCTS["grafana-oncall"]([Document("a.json", [*users, schedule, *shifts])])


def test_a_grafana_shift_in_a_zone_of_its_own_keeps_its_hours():
    found = grafana(
        shift(
            time_zone="America/New_York", frequency="weekly", by_day=["MO", "SU"], start="2026-03-02T20:00:00"
        ),
        shift(id="O2"),
    )

    layer = found.document["schedules"][0]["layers"][0]
    assert layer["restrictions"] == [{"type": "daily", "days": ["TU", "MO"], "from": "02:00", "to": "10:00"}]
    assert layer["start"] == "2026-03-03T02:00"
    assert any("America/New_York" in r.text and "Europe/Berlin" in r.text for r in found.remarks)


def test_a_grafana_shift_ends_on_the_clock_of_its_zone():
    found = grafana(shift(time_zone="America/New_York", until="2026-04-01T00:00:00"), shift(id="O2"))

    assert found.document["schedules"][0]["layers"][0]["end"] == "2026-04-01T06:00"


def test_grafanas_calendars_become_imported_calendars():
    found = grafana(
        type="ical",
        time_zone=None,
        ical_url_primary="https://calendar.example.com/a.ics?key=SECRET",
        ical_url_overrides="webcal://calendar.example.com/b.ics",
    )

    assert found.document["schedules"][0]["calendars"] == [
        {"name": "Calendar", "priority": 1, "url": "https://calendar.example.com/a.ics?key=SECRET"},
        {"name": "Overrides", "priority": 1000, "url": "https://calendar.example.com/b.ics"},
    ]
    assert not any("SECRET" in str(remark) for remark in found.remarks)
    assert any("e-mail address" in remark.text for remark in found.remarks)


def test_a_calendar_that_would_not_be_asked_is_left_out_and_said():
    found = grafana(type="ical", ical_url_primary="file:///etc/passwd")

    assert "calendars" not in found.document["schedules"][0]
    assert any("left out" in remark.text for remark in found.remarks)


def test_a_name_of_any_length_can_be_applied(tmp_path):
    users = [{"id": "U1", "username": "x" * 400, "email": "x@example.com"}]
    form = PRODUCTS["grafana-oncall"]([Document("a.json", users)]).document["users"][0]

    assert (len(form["username"]), len(form["name"])) == (140, 150)


@pytest.mark.parametrize(
    ("product", "junk"),
    [
        (
            "opsgenie",
            {"id": "1", "name": "Default", "order": 0, "criteria": {"type": "match-all"}, "notify": {}},
        ),
        ("opsgenie", {"id": "1", "name": "My rule", "actionType": "create-alert", "order": 1}),
        ("opsgenie", {"id": "1", "name": "API", "type": "API"}),
        ("grafana-oncall", {"id": "1", "name": "Hook", "team": None, "url": "https://x.example"}),
        ("pagerduty", {"id": "1", "type": "business_service", "name": "Shop"}),
        ("linkedin-oncall", {"id": 1, "name": "x"}),
    ],
)
def test_what_is_something_else_becomes_nothing_of_ours(product, junk):
    person = {
        "opsgenie": {"id": "u", "username": "a@example.com", "fullName": "A"},
        "grafana-oncall": {"id": "u", "username": "a"},
        "pagerduty": {"id": "u", "type": "user", "email": "a@example.com", "name": "A"},
        "linkedin-oncall": {"name": "a", "contacts": {}},
    }[product]

    found = PRODUCTS[product]([Document("a.json", [person, junk])])

    assert list(found.document) == ["users"]
    assert [r.text for r in found.remarks if r.place == "a.json[1]" and "left out" in r.text]


def test_urgency_that_pagerduty_takes_from_the_service_is_told_of():
    rule = {"type": "use_support_hours", "during_support_hours": {"type": "constant", "urgency": "high"}}
    service = {"id": "1", "type": "service", "name": "Shop", "incident_urgency_rule": rule}

    found = PRODUCTS["pagerduty"]([Document("a.json", service)])

    assert any("urgency" in remark.text for remark in found.remarks)


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_file_of_countless_objects_is_refused_at_once(product):
    with pytest.raises(ImportFault, match="a.json: holds more than 100,000 objects"):
        PRODUCTS[product]([Document("a.json", [{"a": 1}] * 100_001)])


def test_ten_thousand_of_one_name_are_told_apart_in_time_that_grows_with_them(monkeypatch):
    """Each looks at the next number only; looking at all before it would be fifty million looks."""
    looks = 0
    real = draft.numbered

    def counted(*args):
        nonlocal looks
        looks += 1
        return real(*args)

    monkeypatch.setattr(draft, "numbered", counted)
    teams = [{"id": str(n), "name": "x", "members": []} for n in range(10_000)]

    forms = PRODUCTS["opsgenie"]([Document("a.json", teams)]).document["teams"]

    assert len({form["slug"] for form in forms}) == 10_000
    assert looks < 20_000


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_file_over_fifty_megabytes_is_refused_unread(product, tmp_path):
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)

    with pytest.raises(CommandError, match="larger than 50 MB"):
        call_command("import", product, str(large), "-o", str(tmp_path / "out.yaml"))


@pytest.mark.parametrize("content", [b"[" * 1_000_000, b"\xff\xfe", b'{"a": NaN', b"", b'"' + b"x" * 1000])
def test_bytes_that_are_no_json_are_refused_in_a_sentence(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)

    with pytest.raises(CommandError, match="not JSON as an API returns it"):
        call_command("import", "pagerduty", str(tmp_path / "a.json"), "-o", str(tmp_path / "out.yaml"))
