"""A schedule's version grows with everything its answers depend on, so that none outlives a change."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from oncall import absences, schedules
from oncall.models import Absence, Schedule, User
from oncall.schedules import remembered
from tests.flow.portal import until
from tests.oncall.conftest import person

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 9, 10, tzinfo=UTC)
AWAY = {"start": NOW, "end": NOW + timedelta(days=9), "by": None, "at": NOW}


@pytest.fixture
def console(root):
    client = Client()
    client.force_login(root)
    return client


def version(schedule):
    return Schedule.objects.get(pk=schedule.pk).version


def by_api(client, user, name):
    address = f"/api/v1/users/{user.username}/"
    return client.patch(address, {"username": name}, content_type="application/json").status_code == 200


def by_form(client, user, name):
    page = reverse("admin:oncall_user_change", args=[user.pk])
    response = client.get(page)
    form = response.context["adminform"].form
    told = {key: form[key].value() for key in form.fields if form[key].value() not in (None, False)}
    joined = told.pop("date_joined", None)
    for formset in response.context["inline_admin_formsets"]:
        told |= {f"{formset.formset.prefix}-{key}": 0 for key in ("TOTAL_FORMS", "INITIAL_FORMS")}
    told |= {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"} if joined else {}
    return client.post(page, told | {"username": name}).status_code == 302


@pytest.mark.parametrize("rename", [by_api, by_form])
def test_who_gets_the_name_of_somebody_on_call_is_not_on_call(console, primary, alice, rename):
    assert schedules.on_call_now([primary], NOW)[primary.pk].users == (alice,)

    assert rename(console, alice, "alison")
    person("alice", email="another@example.com")

    primary.refresh_from_db()
    assert schedules.on_call_now([primary], NOW)[primary.pk].users == (alice,)
    assert primary.version == 2


@pytest.mark.parametrize("save", [by_api, by_form])
def test_saving_a_person_under_her_old_name_leaves_schedules_alone(console, primary, alice, save):
    assert save(console, alice, "alice")

    assert version(primary) == 1


def test_deleting_a_person_counts_for_the_schedules_that_name_her(console, primary, bob):
    other = Schedule.objects.create(slug="other", name="Other")
    page = reverse("admin:oncall_user_delete", args=[bob.pk])

    console.post(page, {"post": "yes"})

    assert not User.objects.filter(username="bob").exists()
    assert (version(primary), version(other)) == (2, 1)


def test_deleting_people_from_the_list_counts_once_for_each_schedule(console, primary, alice, bob):
    chosen = {"action": "delete_selected", "_selected_action": [alice.pk, bob.pk], "post": "yes"}

    console.post(reverse("admin:oncall_user_changelist"), chosen)

    assert not User.objects.filter(username__in=["alice", "bob"]).exists()
    assert version(primary) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="on SQLite one writes at a time")
@pytest.mark.parametrize("verb", ["add", "change", "cancel"])
def test_an_absence_and_a_new_roster_at_once_leave_no_plan_of_one_without_the_other(alice, verb):
    """Between both commits somebody reads the schedule; what she remembers must not hold after the second."""
    schedule = Schedule.objects.create(slug="new", name="New")
    absence = absences.add(alice, **AWAY) if verb != "add" else None

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        if verb == "add":
            absences.add(alice, **AWAY)
        elif verb == "change":
            absences.change(absence, **AWAY | {"end": NOW + timedelta(days=5)})
        else:
            absences.cancel(absence, by=None, at=NOW + timedelta(days=2))
        at_work = pool.submit(put_on_roster_and_read, schedule)
        until(lambda: at_work.done() or somebody_waits(), what="the other to end, or to wait for us")

    known = at_work.result()
    assert known.version == version(schedule) == 2
    assert known.plan == schedules.load(schedule, since=NOW)
    assert Absence.objects.exists()


def put_on_roster_and_read(schedule):
    layer = {"name": "a", "rotation": {"unit": "week", "anchor": "2026-03-02T09:00"}, "slots": [["alice"]]}
    try:
        schedules.replace(schedule, {"layers": [layer]}, by=None, at=NOW)
        return remembered.learn(schedule.slug, schedule.pk, since=NOW)
    finally:
        remembered.forget()
        connection.close()


def somebody_waits():
    """For a lock that this connection holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone()
