"""A schedule's pages: what they say, what they cost, and what their forms do to the past."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from oncall import schedules
from oncall.models import Layer, LayerEdit, Schedule, ScheduleException, User
from tests.oncall.console import (
    NOW,
    form_of,
    layer,
    make_schedule,
    page_of,
    queries,
    text_of,
    verb_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


# -- what the page says ------------------------------------------------------------------------------------
def test_the_page_says_who_is_on_call_until_when_in_both_zones(client, staff, schedule):
    text = text_of(client, page_of(schedule))

    assert "<b>Bob Doe</b> is on call until Mon 16 March 09:00 in New York, Mon 14:00 your time." in text
    assert "Then <b>Alice Doe</b>" in text


def test_a_gap_is_announced_with_its_cause_and_a_way_to_close_it(client, staff, people):
    away = {"kind": "remove", "user": "bob", "start": "2026-03-14T10:00", "end": "2026-03-15T10:00"}
    schedule = make_schedule(exceptions=[away])

    text = text_of(client, page_of(schedule))

    assert "Sat 14 March 10:00 to Sun 15 March 10:00. Bob Doe is away and no lower layer covers it." in text
    assert verb_of(schedule, "exception") + "?kind=add&amp;start=2026-03-14T14%3A00" in text


def test_every_stretch_stands_in_the_table_with_its_reason(client, staff, schedule):
    text = text_of(client, page_of(schedule))

    assert (
        '<td>Bob Doe</td><td class="m-quiet">primary, turn 2 <a href="?at=2026-03-09T13%3A00Z#why">' in text
    )


@pytest.mark.parametrize(
    "query", ["from=yesterday", "days=0", "from=9999-12-31", "days=²", "from=&days=7&why=1"]
)
def test_a_mistyped_address_shows_the_present(client, staff, schedule, query):
    assert "Bob Doe" in text_of(client, f"{page_of(schedule)}?{query}")


def test_a_schedule_without_layers_says_what_to_do(client, staff):
    schedule = Schedule.objects.create(slug="new", name="New")

    assert "No layers yet" in text_of(client, page_of(schedule))


def test_who_may_only_look_sees_the_page_without_verbs(client, schedule):
    viewer = User.objects.create(username="vera", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=["view_schedule", "view_layer"]))
    client.force_login(viewer)

    text = text_of(client, page_of(schedule))

    assert "alice; bob" in text
    assert verb_of(schedule, "exception") not in text
    assert client.get(verb_of(schedule, "exception")).status_code == 403


# -- what it costs -----------------------------------------------------------------------------------------
def test_the_page_costs_the_same_for_a_small_schedule_and_a_large_one(client, staff, people):
    hours = {"unit": "hour", "length": 2, "anchor": "2026-03-02T09:00"}
    large = make_schedule(
        "large",
        layers=[
            layer(f"layer {n}", rotation=hours, slots=[["alice"], ["bob"], ["carol"]] * 3) for n in range(8)
        ],
        exceptions=[
            {
                "kind": "add",
                "user": "carol",
                "start": f"2026-03-{12 + n % 15:02}T10:00Z",
                "end": f"2026-04-{1 + n % 15:02}T10:00Z",
                "reason": f"{n}",
            }
            for n in range(40)
        ],
    )
    small = make_schedule(
        "small",
        exceptions=[
            {"kind": "add", "user": "carol", "start": "2026-03-12T10:00Z", "end": "2026-03-13T10:00Z"}
        ],
    )

    assert queries(client, page_of(large)) == queries(client, page_of(small))


def test_the_list_costs_the_same_for_10_schedules_and_for_200(client, staff, people):
    url = reverse("admin:oncall_schedule_changelist")
    for n in range(10):
        make_schedule(f"few-{n}")
    few = queries(client, url)

    for n in range(190):
        Schedule.objects.create(slug=f"many-{n}", name=f"Many {n}")

    assert queries(client, url) == few
    assert "Bob Doe" in text_of(client, url)


# -- verbs -------------------------------------------------------------------------------------------------
def press(client, schedule, name, **fields):
    schedule.refresh_from_db()
    return client.post(verb_of(schedule, name), {"expected": schedule.version, **fields})


def test_a_swap_puts_another_person_on_call(client, staff, schedule, people):
    span = {"start": "2026-03-11T12:00", "end": "2026-03-11T20:00"}

    response = press(client, schedule, "cover", user=people["bob"].pk, cover=people["carol"].pk, **span)

    assert response.status_code == 302
    swap = ScheduleException.objects.get()
    assert (swap.kind, swap.start) == (
        "replace",
        datetime(2026, 3, 11, 11, tzinfo=UTC),
    )  # she typed Berlin time
    assert schedules.on_call(schedule, NOW).users == (people["carol"],)


def test_an_exception_may_say_nobody(client, staff, schedule):
    response = press(
        client, schedule, "exception", kind="set", start="2026-03-11T12:00", end="2026-03-11T20:00"
    )

    assert response.status_code == 302
    assert schedules.on_call(schedule, NOW).users == ()


def test_an_exception_without_its_person_is_asked_for(client, staff, schedule):
    response = press(
        client, schedule, "exception", kind="replace", start="2026-03-11T12:00", end="2026-03-11T20:00"
    )

    assert response.context["form"].errors == {
        "user": ["Choose who it is about."],
        "cover": ["Choose who covers."],
    }


def test_an_exception_that_ends_before_it_starts_is_refused(client, staff, schedule, people):
    span = {"start": "2026-03-11T12:00", "end": "2026-03-10T20:00"}

    response = press(client, schedule, "exception", kind="add", user=people["carol"].pk, **span)

    assert "must be after the start" in response.content.decode()
    assert not ScheduleException.objects.exists()


# -- the form ----------------------------------------------------------------------------------------------
def test_a_weekly_rotation_of_three_takes_one_form(client, staff, people):
    data = form_of(None, **{"layers-0-roster": "alice\nbob, carol\n-"})

    response = client.post(reverse("admin:oncall_schedule_add"), data)

    assert response.status_code == 302
    [made] = schedules.to_form(Schedule.objects.get())["layers"]
    assert made["slots"] == [["alice"], ["bob", "carol"], []]


def test_saving_without_a_change_leaves_the_roster_alone(client, staff, schedule):
    assert client.post(page_of(schedule), form_of(schedule)).status_code == 302

    assert not LayerEdit.objects.exists()
    assert schedules.to_form(schedule)["layers"][0]["slots"] == [["alice"], ["bob"]]


def test_a_new_roster_holds_from_now_on_and_leaves_the_past(client, staff, schedule, people):
    client.post(page_of(schedule), form_of(schedule, **{"layers-0-roster": "carol\nbob"}))

    schedule.refresh_from_db()
    assert schedules.on_call(schedule, NOW).users == (people["bob"],)
    assert schedules.on_call(schedule, NOW - timedelta(days=7)).users == (people["alice"],)
    assert schedules.on_call(schedule, NOW + timedelta(days=7)).users == (people["carol"],)
    assert LayerEdit.objects.get().at == NOW


def test_a_save_makes_the_stored_answer_new(client, staff, schedule, people):
    schedules.on_call_now([schedule], NOW)

    client.post(page_of(schedule), form_of(schedule, **{"layers-0-anchor": "2026-03-09T09:00"}))

    schedule.refresh_from_db()
    assert schedules.on_call_now([schedule], NOW)[schedule.pk].users == (people["alice"],)


def test_an_exception_can_be_taken_back(client, staff, schedule, people):
    span = {"start": NOW, "end": NOW + timedelta(hours=1)}
    schedules.add_exception(schedule, kind="remove", user=people["bob"], **span, by=staff, at=NOW)

    client.post(page_of(schedule), form_of(schedule, **{"exceptions-0-DELETE": "on"}))

    assert not ScheduleException.objects.exists()
    assert schedules.on_call(schedule, NOW).users == (people["bob"],)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("roster", "alice\nzed", "There is nobody called zed."),
        ("roster", "alice,", "There is nobody called nothing (a stray comma?)."),
        ("length", "0", "Must be at least 1."),
        ("length", "99999999999", "Must be at most 1000."),
        ("anchor", "next week", "Must be a date and time like 2026-03-02T09:00, not 'next week'."),
        ("anchor", "9999-12-31T00:00", "Must lie in the years 1970 to 2199."),
        ("end", "2026-03-01T09:00", "Must be after the start."),
        ("restrictions", '[{"type": "yearly"}]', "restrictions[0].type: must be one of daily, weekly"),
        ("restrictions", "7", "Must be a list."),
        ("restrictions", "{", "Enter a valid JSON."),
        ("exclude_dates", '["Christmas"]', "exclude_dates[0]: must be a date like 2026-12-25"),
    ],
)
def test_a_layer_at_fault_is_marked_and_nothing_is_saved(client, staff, schedule, field, value, error):
    response = client.post(page_of(schedule), form_of(schedule, **{f"layers-0-{field}": value}))

    assert response.status_code == 200
    [marked] = response.context["inline_admin_formsets"][0].formset.forms[0].errors[field]
    assert marked.startswith(error)
    assert "<details open>" in response.content.decode()
    assert Layer.objects.get().length == 1
