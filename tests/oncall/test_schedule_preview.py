"""What an edit does is shown before it is saved, is exactly what saving does, and writes nothing."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall import rotation, schedules
from oncall.models import (
    Absence,
    DutyLog,
    DutyLogPerson,
    HolidayCalendar,
    Layer,
    NoticePreference,
    OnDuty,
    Schedule,
    ScheduleException,
    User,
)
from tests.oncall.console import NOW, form_of, make_schedule, page_of, verb_of, words

pytestmark = pytest.mark.django_db
WEEKS = timedelta(weeks=8)
CAROL = {"layers-0-roster": "carol\r\nbob"}


def preview(client, schedule, **changes):
    return client.post(page_of(schedule), form_of(schedule, _preview="Preview", **changes))


def seal_of(response):
    return re.search(r'name="seal" value="([^"]+)"', response.content.decode())[1]


def rows():
    """How many rows there are of every kind, history too; of answers that any page may store none."""
    stored = {OnDuty, DutyLog, DutyLogPerson}
    return {model: model.objects.count() for model in apps.get_models() if model not in stored}


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


# -- what is shown -----------------------------------------------------------------------------------------
def test_a_preview_says_which_shifts_change_hands(client, staff, schedule):
    response = preview(client, schedule, **CAROL)

    said = words(response)
    assert "4 shifts change hands in the next 8 weeks" in said
    assert "Mon 16 March 09:00 to Mon 23 March 09:00 Yours: Mon 16 March 14:00 to Mon 23 March 14:00" in said
    assert "Carol Doe instead of Alice Doe" in said


def test_the_same_form_stands_beside_the_preview(client, staff, schedule):
    response = preview(client, schedule, name="Renamed", **CAROL)

    assert response.context["adminform"].form["name"].value() == "Renamed"
    [layer] = response.context["inline_admin_formsets"][0].formset.forms
    assert layer["roster"].value() == "carol\r\nbob"
    assert not response.context["errors"]
    assert [row.look for row in response.context["effect"].timeline.rows] == ["layer", "was", "final"]


def test_a_preview_writes_nothing(client, staff, schedule):
    before, version = rows(), Schedule.objects.get().version

    preview(client, schedule, name="Renamed", **CAROL)
    client.post(reverse("admin:oncall_schedule_add"), form_of(None, slug="new", _preview="Preview"))

    assert rows() == before
    assert (Schedule.objects.get().name, Schedule.objects.get().version) == ("Primary", version)


def test_those_are_named_who_have_a_mail_about_it(client, staff, schedule, people):
    NoticePreference.objects.create(user=people["alice"], changed=False)

    said = words(preview(client, schedule, **CAROL))

    assert "On saving, Carol Doe is told by mail." in said
    assert "Told by mail: Carol Doe" in said


def test_nobody_is_told_by_mail_of_shifts_that_are_far_ahead(client, staff, schedule):
    anchor = {"layers-0-anchor": "2026-03-02T09:00", "layers-0-end": "2026-04-20T09:00"}

    response = preview(client, schedule, **anchor)

    assert {row.told for row in response.context["effect"].rows} == {""}
    assert "told by mail." not in words(response)


def test_new_gaps_stand_out_and_old_ones_do_not(client, staff, people):
    away = {"kind": "remove", "user": "alice", "start": "2026-03-17T09:00", "end": "2026-03-18T09:00"}
    schedule = make_schedule(exceptions=[away])

    said = words(preview(client, schedule, **{"layers-0-end": "2026-05-04T09:00"}))

    assert "1 new gap: From Mon 4 May 09:00 on." in said


def test_who_is_then_on_call_twice_is_named(client, staff, schedule, people):
    other = make_schedule("other", layers=[])
    span = {"start": NOW + timedelta(days=6), "end": NOW + timedelta(days=6, hours=2)}
    schedules.add_exception(other, kind="add", user=people["carol"], **span, by=None, at=NOW)

    said = words(preview(client, schedule, **CAROL))

    assert "On call twice at a time: Carol Doe, Tue 17 March 09:00 to 11:00, also on Other" in said


def test_an_edit_without_effect_says_so(client, staff, schedule):
    assert "No shift changes hands in the next 8 weeks" in words(preview(client, schedule, name="Renamed"))


def test_a_form_at_fault_is_marked_instead(client, staff, schedule):
    response = preview(client, schedule, **{"layers-0-roster": "zed"})

    assert "There is nobody called zed." in response.content.decode()
    assert "effect" not in response.context


# -- what is shown is what saving does ---------------------------------------------------------------------
EDITS = {
    "roster": {"layers-0-roster": "carol\r\nalice\r\n-"},
    "anchor": {"layers-0-anchor": "2026-03-03T09:00"},
    "zone": {"time_zone": "Asia/Kolkata"},
    "window": {"layers-0-restrictions": '[{"type": "daily", "from": "09:00", "to": "17:00"}]'},
    "name": {"layers-0-name": "renamed"},
    "end": {"layers-0-end": "2026-03-20T09:00"},
    "exception taken back": {"exceptions-0-DELETE": "on"},
    "layer deleted": {"layers-0-DELETE": "on"},
    "layer added": {
        "layers-TOTAL_FORMS": 2,
        "layers-1-name": "nights",
        "layers-1-priority": 5,
        "layers-1-unit": "day",
        "layers-1-length": 2,
        "layers-1-anchor": "2026-03-05T20:00",
        "layers-1-roster": "carol",
        "layers-1-restrictions": '[{"type": "daily", "from": "20:00", "to": "08:00"}]',
        "layers-1-exclude_dates": "[]",
        "layers-1-advance": "calendar",
    },
}


@pytest.fixture
def eventful(people):
    """A schedule with an exception, an absence and a holiday: everything that is derived takes part."""
    add = {"kind": "add", "user": "carol", "start": "2026-03-11T08:00", "end": "2026-03-12T08:00"}
    schedule = make_schedule(exceptions=[add])
    Absence.objects.create(user=people["alice"], start=NOW + timedelta(days=7), end=NOW + timedelta(days=9))
    calendar = HolidayCalendar.objects.create(name="Feasts", days=["2026-03-24"])
    calendar.layers.set(schedule.layers.all())
    return schedule


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_is_previewed_is_what_is_saved(client, staff, eventful, edit):
    before = schedules.load(eventful)
    shown = preview(client, eventful, **edit)

    saved = client.post(page_of(eventful), form_of(eventful, seal=seal_of(shown), **edit))

    eventful.refresh_from_db()
    assert saved.status_code == 302
    changes = rotation.changes(before, schedules.load(eventful), NOW, NOW + WEEKS)
    assert [(c.start, c.end, c.after) for c in shown.context["effect"].effect.changes] == [
        (c.start, c.end, c.after) for c in changes
    ]


def test_saving_another_form_than_was_previewed_shows_it_first(client, staff, schedule):
    shown = preview(client, schedule, **CAROL)

    again = client.post(
        page_of(schedule), form_of(schedule, seal=seal_of(shown), **{"layers-0-roster": "bob"})
    )

    assert "This is not what you previewed" in words(again)
    assert "Bob Doe instead of Alice Doe" in words(again)
    assert schedules.to_form(schedule)["layers"][0]["edits"] == []


def test_a_hand_over_between_preview_and_save_is_noticed(client, staff, schedule, time_machine):
    shown = preview(client, schedule, **{"layers-0-roster": "carol\r\nbob\r\nalice"})

    time_machine.move_to(NOW + timedelta(days=5), tick=False)
    again = client.post(
        page_of(schedule),
        form_of(schedule, seal=seal_of(shown), **{"layers-0-roster": "carol\r\nbob\r\nalice"}),
    )

    assert "a hand-over has passed" in words(again)


@pytest.mark.parametrize("seal", ["x", "99999999999999-a", "²-a", "-", "1773234000-" + "0" * 32])
def test_a_seal_that_is_none_of_ours_shows_the_preview(client, staff, schedule, seal):
    assert "This is not what you previewed" in words(
        client.post(page_of(schedule), form_of(schedule, seal=seal, **CAROL))
    )


def test_a_new_schedule_is_previewed_too(client, staff, people):
    form = form_of(None, **{"layers-0-roster": "alice\r\nbob"})

    shown = client.post(reverse("admin:oncall_schedule_add"), form | {"_preview": "Preview"})
    saved = client.post(reverse("admin:oncall_schedule_add"), form | {"seal": seal_of(shown)})

    assert "The first turns" in words(shown)
    assert "From now to Mon 16 March 09:00" in words(shown)
    assert saved.url == page_of(Schedule.objects.get())


# -- who comes second --------------------------------------------------------------------------------------
@pytest.mark.parametrize("button", ["_save", "_preview"])
def test_a_stale_form_overwrites_nothing_and_keeps_what_was_typed(client, staff, schedule, people, button):
    form = form_of(schedule, **CAROL, **{button: "x"})
    schedules.add_exception(
        schedule, kind="remove", user=people["bob"], start=NOW, end=NOW + WEEKS, by=people["alice"], at=NOW
    )
    version = Schedule.objects.get().version

    response = client.post(page_of(schedule), form)

    said = words(response)
    assert "Alice Doe changed Primary at 14:00, after you had opened it. Nothing of yours was saved." in said
    assert "carol bob" in said
    assert 'name="_save"' not in response.content.decode()
    assert Schedule.objects.get().version == version
    assert schedules.to_form(schedule)["layers"][0]["edits"] == []


def test_a_form_of_a_layer_that_is_gone_is_stale_and_no_fault(client, staff, schedule):
    form = form_of(schedule, **CAROL)
    schedules.replace(schedule, {"layers": []}, by=None, at=NOW)

    said = words(client.post(page_of(schedule), form))

    assert "The portal changed Primary" in said
    assert not Layer.objects.exists()


def test_pressing_again_on_a_stale_page_is_refused_again(client, staff, schedule):
    form = form_of(schedule, **CAROL)
    schedules.touch(schedule, by=None, at=NOW)

    first = client.post(page_of(schedule), form)
    expected = re.search(r'name="expected" value="(\d*)"', first.content.decode())[1]

    assert expected == str(form["expected"])


@pytest.mark.parametrize("expected", ["", "x", "0"])
def test_a_form_without_a_version_is_stale(client, staff, schedule, expected):
    response = client.post(page_of(schedule), form_of(schedule, **CAROL) | {"expected": expected})

    assert "Nothing of yours was saved" in words(response)


# -- the past stays ----------------------------------------------------------------------------------------
def test_an_exception_under_way_that_is_taken_back_ends_now(client, staff, schedule, people):
    span = {"start": NOW - timedelta(hours=2), "end": NOW + timedelta(hours=2)}
    schedules.add_exception(schedule, kind="add", user=people["carol"], **span, by=staff, at=NOW)

    client.post(page_of(schedule), form_of(schedule, **{"exceptions-0-DELETE": "on"}))

    assert ScheduleException.objects.get().end == NOW


def test_an_exception_that_ends_while_the_form_is_open_does_not_stop_the_save(
    client, staff, schedule, people, time_machine
):
    span = {"start": NOW, "end": NOW + timedelta(minutes=5)}
    schedules.add_exception(schedule, kind="add", user=people["carol"], **span, by=staff, at=NOW)
    form = form_of(schedule, name="Renamed")

    time_machine.move_to(NOW + timedelta(minutes=10), tick=False)

    assert client.post(page_of(schedule), form).status_code == 302
    assert Schedule.objects.get().name == "Renamed"


@pytest.mark.parametrize("key", ["x", "9" * 30, "²", "-1", ""])
def test_an_exceptions_id_that_is_none_is_marked(client, staff, schedule, people, key):
    span = {"start": NOW, "end": NOW + timedelta(hours=5)}
    schedules.add_exception(schedule, kind="add", user=people["carol"], **span, by=staff, at=NOW)

    response = client.post(page_of(schedule), form_of(schedule, **{"exceptions-0-id": key}))

    assert response.status_code == 200
    assert response.context["errors"]


# -- exceptions --------------------------------------------------------------------------------------------
def exception(schedule, people, **more):
    schedule.refresh_from_db()
    span = {"start": "2026-03-11T18:00", "end": "2026-03-11T20:00"}
    who = {"kind": "replace", "user": people["bob"].pk, "cover": people["carol"].pk}
    return {"expected": schedule.version, **who, **span, **more}


def test_an_exception_is_previewed_and_writes_nothing(client, staff, schedule, people):
    before = rows()

    shown = client.post(verb_of(schedule, "exception"), exception(schedule, people, _preview="1"))

    assert "Wed 11 March 13:00 to 15:00" in words(shown)
    assert "Carol Doe instead of Bob Doe" in words(shown)
    assert rows() == before


def test_one_press_adds_the_exception_that_was_previewed(client, staff, schedule, people):
    shown = client.post(verb_of(schedule, "exception"), exception(schedule, people, _preview="1"))

    saved = client.post(verb_of(schedule, "exception"), exception(schedule, people, seal=seal_of(shown)))

    assert saved.status_code == 302
    assert ScheduleException.objects.get().by == people["carol"]


def test_another_exception_than_the_previewed_one_is_shown_first(client, staff, schedule, people):
    shown = client.post(verb_of(schedule, "exception"), exception(schedule, people, _preview="1"))

    again = client.post(
        verb_of(schedule, "exception"),
        exception(schedule, people, seal=seal_of(shown), end="2026-03-11T23:00"),
    )

    assert "This is not what you previewed" in words(again)
    assert not ScheduleException.objects.exists()


def test_a_preview_of_an_exception_at_fault_says_so(client, staff, schedule, people):
    faulty = exception(schedule, people, end="2026-03-01T20:00", _preview="1")

    assert "must be after the start" in client.post(verb_of(schedule, "exception"), faulty).content.decode()


# -- finding cover -----------------------------------------------------------------------------------------
def test_a_gap_leads_to_who_is_free(client, staff, people):
    away = {"kind": "remove", "user": "bob", "start": "2026-03-14T10:00", "end": "2026-03-15T10:00"}
    schedule = make_schedule(exceptions=[away])
    Absence.objects.create(user=people["carol"], start=NOW, end=NOW + WEEKS)
    link = re.search(r'href="([^"]+)">Find cover', client.get(page_of(schedule)).content.decode())[1]

    page = client.get(link.replace("&amp;", "&"))

    assert page.context["cover"]["free"] == [people["alice"]]
    assert "Sat 14 March 10:00 to Sun 15 March 10:00 in New York" in words(page)


def test_one_press_puts_who_is_free_on_call(client, staff, people):
    away = {"kind": "remove", "user": "bob", "start": "2026-03-14T10:00", "end": "2026-03-15T10:00"}
    schedule = make_schedule(exceptions=[away])
    span = {"start": "2026-03-14T14:00:00+00:00", "end": "2026-03-15T14:00:00+00:00"}

    client.post(
        verb_of(schedule, "exception"),
        {"expected": schedule.version, "kind": "add", "user": people["alice"].pk, **span},
    )

    assert schedules.gaps(schedule, NOW, NOW + timedelta(days=7)) == []


@pytest.mark.parametrize(
    "query",
    [
        "start=x&end=y",
        "start=2026-03-14T14:00:00Z",
        "start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59Z",
        "start=9999-12-31T00:00:00Z&end=9999-12-31T23:59:59Z",
        "start=2026-03-15T14:00:00Z&end=2026-03-14T14:00:00Z",
        "start=2026-03-14T14:00:00Z&end=2027-03-14T14:00:00Z",
    ],
)
def test_rubbish_times_show_the_form_without_people(client, staff, schedule, query):
    page = client.get(f"{verb_of(schedule, 'exception')}?kind=add&{query}")

    assert page.status_code == 200
    assert "cover" not in page.context


# -- rights and costs --------------------------------------------------------------------------------------
@pytest.mark.parametrize("button", ["_preview", "_save"])
def test_who_may_not_change_it_has_no_preview(client, schedule, button):
    vera = User.objects.create(username="vera", is_staff=True)
    vera.user_permissions.set(Permission.objects.filter(codename__in=["view_schedule", "view_layer"]))
    client.force_login(vera)

    assert client.post(page_of(schedule), form_of(schedule, **{button: "x"})).status_code == 403
    assert 'name="_preview"' not in client.get(page_of(schedule)).content.decode()


def test_a_preview_costs_the_same_beside_10_schedules_and_beside_200(
    client, staff, schedule, people, django_assert_num_queries
):
    def cost(count):
        for n in range(Schedule.objects.count(), count):
            make_schedule(f"other-{n}", layers=[])
        preview(client, schedule, **CAROL)
        with CaptureQueriesContext(connection) as captured:
            assert preview(client, schedule, **CAROL).status_code == 200
        return len(captured)

    assert cost(10) == cost(200)
