"""One entry takes a person off every schedule, and says who could cover."""

from datetime import timedelta

import pytest
from django.urls import reverse

from oncall import absences, schedules, swaps
from oncall.messaging.errors import DomainError
from oncall.models import Absence, Schedule, ScheduleException, Team
from tests.oncall.test_swaps import NOW, day, mails, may, on_call, person, refusal

pytestmark = pytest.mark.django_db
AWAY = {"start": day(11, 0), "end": day(12, 6)}  # alice's shift from the 11th 09:00 on


@pytest.fixture(autouse=True)
def now(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def manager(db):
    return may(person("mona"), "change_schedule", "view_schedule", "view_absence")


@pytest.fixture
def dora(primary):
    """Of the schedule's team, and on no roster."""
    dora = person("dora")
    primary.team = Team.objects.create(slug="payments", name="Payments")
    primary.team.members.add(dora)
    primary.save()
    return dora


@pytest.fixture
def away(primary, alice):
    return absences.add(alice, **AWAY, note="holiday", by=alice, at=NOW)


def test_who_is_away_is_on_call_nowhere(primary, alice, away):
    other = Schedule.objects.create(slug="other", name="Other")
    schedules.add_exception(other, kind="add", user=alice, start=day(10), end=day(13), by=None, at=NOW)

    assert on_call(primary, day(11, 8)) == ["bob"]
    assert on_call(primary, day(11, 10)) == []
    assert on_call(primary, day(12, 7)) == ["alice"]
    assert on_call(other, day(11, 10)) == ["alice"]  # whom an exception names by purpose stays


def test_nothing_is_copied_into_the_schedule(primary, away):
    assert not ScheduleException.objects.exists()
    assert schedules.to_form(primary)["exceptions"] == []
    form = schedules.to_form(primary)
    assert not schedules.replace(primary, form, by=None, at=NOW)
    assert schedules.preview(primary, form, NOW, NOW + timedelta(days=9)).changes == []


@pytest.mark.parametrize("verb", ["add", "change", "cancel"])
def test_stored_answers_expire(primary, alice, verb):
    at = day(11, 10)
    away = None if verb == "add" else absences.add(alice, **AWAY, by=alice, at=NOW)
    primary.refresh_from_db()
    schedules.on_call_now([primary], at)

    if verb == "add":
        absences.add(alice, **AWAY, by=alice, at=NOW)
    elif verb == "change":
        absences.change(away, start=day(11, 12), end=day(12), by=alice, at=NOW)
    else:
        absences.cancel(away, by=alice, at=NOW)

    primary.refresh_from_db()
    [duty] = schedules.on_call_now([primary], at).values()
    assert [user.username for user in duty.users] == ([] if verb == "add" else ["alice"])


def test_a_cover_counts_though_it_came_after(primary, alice, bob, away, manager):
    absences.cover(away, schedule=primary, start=day(11), end=day(12, 6), cover=bob, by=manager, at=NOW)

    assert on_call(primary, day(11, 10)) == ["bob"]
    assert absences.conflicts(away, at=NOW) == []
    assert [name for name, _ in mails()] == ["alice", "bob"]


def test_who_covers_and_is_away_herself_covers_nobody(primary, alice, bob):
    swaps.take_at_once(primary, requester=alice, start=day(11), end=day(12), taker=bob, by=None, at=NOW)

    absences.add(bob, **AWAY, by=bob, at=NOW)

    assert on_call(primary, day(11, 10)) == []


def test_conflicts_name_who_is_free(primary, alice, bob, away, dora):
    [conflict] = absences.conflicts(away, at=NOW)

    assert (conflict.start, conflict.end) == (day(11), day(12, 6))
    assert conflict.uncovered
    assert list(conflict.free) == [bob, dora]


def test_who_is_away_or_on_call_elsewhere_is_not_free(primary, alice, bob, away, dora):
    absences.add(bob, start=day(11, 20), end=day(11, 21), by=bob, at=NOW)
    other = Schedule.objects.create(slug="other", name="Other")
    schedules.add_exception(other, kind="add", user=dora, start=day(11), end=day(13), by=None, at=NOW)

    [conflict] = absences.conflicts(away, at=NOW)

    assert conflict.free == ()


def test_an_absence_under_way_ends_now_and_its_past_stays(primary, alice, away):
    absences.cancel(away, by=alice, at=day(11, 15))

    assert on_call(primary, day(11, 12)) == []
    assert on_call(primary, day(11, 16)) == ["alice"]


def test_the_same_entry_twice_is_one(primary, alice, away):
    assert absences.add(alice, **AWAY, note="holiday", by=alice, at=NOW) == away


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [(day(12), day(11), "bad_span"), (day(7), day(8), "past"), (day(11), day(11), "bad_span")],
)
def test_reversed_and_past_times_are_refused(alice, start, end, code):
    assert refusal(absences.add, alice, start=start, end=end, by=alice, at=NOW) == code


def test_others_enter_nothing_for_a_person(alice, bob, manager):
    with pytest.raises(DomainError, match="your own absences"):
        absences.add(alice, **AWAY, by=bob, at=NOW)

    assert absences.add(alice, **AWAY, by=manager, at=NOW)


# -- the portal and the API --------------------------------------------------------------------------------
def test_one_press_covers_in_the_portal(client, primary, alice, bob, away, manager):
    client.force_login(manager)
    page = client.get(reverse("admin:oncall_absence_change", args=[away.pk])).content.decode()
    assert "Nobody" in page
    assert f'name="cover" value="{bob.pk}"' in page
    press = {
        "expected": "",
        "schedule": primary.pk,
        "start": day(11).isoformat(),
        "end": day(12, 6).isoformat(),
        "cover": bob.pk,
    }

    client.post(reverse("admin:oncall_absence_verb", args=[away.pk, "cover"]), press)

    assert on_call(primary, day(11, 10)) == ["bob"]
    after = client.get(reverse("admin:oncall_absence_change", args=[away.pk])).content.decode()
    assert "No shift is in the way." in after


def test_entering_and_ending_one_in_the_portal(client, primary, alice):
    client.force_login(may(alice, "view_schedule"))
    form = {"user": alice.pk, "start": "2026-03-11T01:00", "end": "2026-03-12T07:00", "note": ""}

    made = client.post(reverse("admin:oncall_absence_add"), form)

    away = Absence.objects.get()
    assert made.url == reverse("admin:oncall_absence_change", args=[away.pk])
    assert (away.start, away.end) == (day(11, 0), day(12, 6))
    assert "Ask everybody" in client.get(made.url).content.decode()
    ended = client.post(reverse("admin:oncall_absence_verb", args=[away.pk, "cancel"]), {"expected": ""})
    assert ended.url == reverse("admin:oncall_absence_changelist")
    assert not Absence.objects.exists()


def test_the_api_enters_shows_conflicts_and_covers(client, primary, alice, bob):
    client.force_login(may(alice, "view_absence"))
    body = {"start": "2026-03-11T00:00:00Z", "end": "2026-03-12T06:00:00Z"}

    made = client.post("/api/v1/absences/", body, content_type="application/json")

    assert made.status_code == 201
    one = f"/api/v1/absences/{made.json()['id']}/"
    [conflict] = client.get(one + "conflicts/").json()["conflicts"]
    assert (conflict["schedule"], conflict["free"], conflict["uncovered"]) == ("primary", ["bob"], True)
    cover = {key: conflict[key] for key in ("schedule", "start", "end")} | {"cover": "bob"}
    client.force_login(may(bob, "add_scheduleexception", "view_absence"))
    covered = client.post(one + "cover/", cover, content_type="application/json")
    assert covered.json()["state"] == "taken"
    assert client.delete(one).status_code == 403
    client.force_login(alice)
    assert client.delete(one).status_code == 204
