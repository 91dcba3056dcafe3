"""Shifts change hands by consent, and nothing that has passed changes."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from oncall import absences, schedules, swaps
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import ScheduleException, Swap, User
from tests.oncall.conftest import person

pytestmark = pytest.mark.django_db
State = Swap.State


def day(number: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, number, hour, tzinfo=UTC)


NOW = day(8)
ALICES = {"start": day(11), "end": day(12)}  # a shift of alice's on ``primary``


@pytest.fixture(autouse=True)
def now(time_machine):
    time_machine.move_to(NOW, tick=False)


def may(user: User, *codenames: str) -> User:
    """The same person with these rights, and none remembered."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    user.is_staff = True
    user.save()
    return User.objects.get(pk=user.pk)


@pytest.fixture
def bob(bob):
    return may(bob, "add_scheduleexception", "view_schedule", "view_swap")


@pytest.fixture
def manager(db):
    return may(person("mona"), "change_schedule", "view_schedule", "view_swap")


@pytest.fixture
def asked(primary, alice):
    return swaps.ask(primary, **ALICES, note="dentist", by=alice, at=NOW)


def on_call(schedule, at):
    return [user.username for user in schedules.on_call(schedule, at).users]


def refusal(verb, *args, **fields):
    with pytest.raises(DomainError) as refused:
        verb(*args, **fields)
    return refused.value.code


def mails():
    return list(Delivery.objects.order_by("pk").values_list("recipient", "message__subject"))


# -- by consent --------------------------------------------------------------------------------------------
def test_asking_changes_nothing_yet_and_tells_the_others(primary, asked):
    assert on_call(primary, day(11, 12)) == ["alice"]
    assert mails() == [("bob", "Alice asks for cover: Primary, Wed 11 Mar 05:00")]


def test_who_takes_it_is_on_call_instead(primary, asked, bob):
    taken = swaps.take(asked, by=bob, at=NOW)

    assert (taken.state, taken.taker) == (State.TAKEN, bob)
    assert on_call(primary, day(11, 12)) == ["bob"]
    assert mails()[-1] == ("alice", "Bob takes your shift: Primary, Wed 11 Mar 10:00")


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_either_of_the_two_takes_it_back(primary, asked, bob, who):
    swaps.take(asked, by=bob, at=NOW)

    back = swaps.take_back(asked, by=User.objects.get(username=who), at=NOW)

    assert (back.state, back.exception) == (State.TAKEN_BACK, None)
    assert on_call(primary, day(11, 12)) == ["alice"]
    assert mails()[-1][0] == ({"alice", "bob"} - {who}).pop()


def test_of_a_shift_under_way_only_the_rest_goes_back(primary, asked, bob):
    swaps.take(asked, by=bob, at=NOW)

    swaps.take_back(asked, by=bob, at=day(11, 15))

    assert on_call(primary, day(11, 12)) == ["bob"]
    assert on_call(primary, day(11, 16)) == ["alice"]


def test_a_shift_under_way_is_taken_from_now_on(primary, alice, bob):
    swaps.take_at_once(primary, requester=alice, start=day(9), end=day(10), by=bob, at=day(9, 12))

    assert on_call(primary, day(9, 11)) == ["alice"]
    assert on_call(primary, day(9, 13)) == ["bob"]


def test_stored_answers_expire_when_a_shift_changes_hands(primary, alice, bob):
    schedules.on_call_now([primary], day(9, 10))

    swaps.take_at_once(primary, requester=alice, start=day(9), end=day(10), by=bob, at=day(9, 12))

    primary.refresh_from_db()
    [duty] = schedules.on_call_now([primary], day(9, 12)).values()
    assert [user.username for user in duty.users] == ["bob"]


def test_cancelling_ends_the_question(asked, alice, bob):
    swaps.cancel(asked, by=alice, at=NOW)

    assert refusal(swaps.take, asked, by=bob, at=NOW) == "swap_not_open"


@pytest.mark.parametrize("verb", ["ask", "take", "take_back", "cancel", "take_at_once"])
def test_repeating_changes_nothing(primary, asked, alice, bob, verb):
    def twice(do):
        return [(do().pk, len(mails()), ScheduleException.objects.count()) for _ in range(2)]

    if verb == "take_back":
        swaps.take(asked, by=bob, at=NOW)
    do = {
        "ask": lambda: swaps.ask(primary, **ALICES, by=alice, at=NOW),
        "take": lambda: swaps.take(asked, by=bob, at=NOW),
        "take_back": lambda: swaps.take_back(asked, by=bob, at=NOW),
        "cancel": lambda: swaps.cancel(asked, by=alice, at=NOW),
        "take_at_once": lambda: swaps.take_at_once(primary, requester=alice, **ALICES, by=bob, at=NOW),
    }[verb]

    first, second = twice(do)

    assert first == second


def test_every_change_is_on_record(asked, bob):
    swaps.take(asked, by=bob, at=NOW)

    told = asked.history.order_by("history_id").values_list("state", "history_user__username")
    assert list(told) == [("asked", "alice"), ("taken", "bob")]


# -- who may -----------------------------------------------------------------------------------------------
def test_a_manager_acts_for_others_and_both_are_told(primary, alice, bob, manager):
    asked = swaps.ask(primary, requester=alice, **ALICES, by=manager, at=NOW)

    swaps.take(asked, taker=bob, by=manager, at=NOW)

    assert on_call(primary, day(11, 12)) == ["bob"]
    assert [name for name, _ in mails()] == ["bob", "alice", "bob"]


def test_others_do_not_act_for_anybody(primary, asked, alice, bob, carol):
    assert refusal(swaps.ask, primary, requester=alice, **ALICES, by=bob, at=NOW) == "forbidden"
    assert refusal(swaps.take, asked, taker=carol, by=bob, at=NOW) == "forbidden"
    assert refusal(swaps.take, asked, by=carol, at=NOW) == "forbidden"
    assert refusal(swaps.cancel, asked, by=bob, at=NOW) == "forbidden"
    swaps.take(asked, by=bob, at=NOW)
    assert refusal(swaps.take_back, asked, by=carol, at=NOW) == "forbidden"


# -- what is refused ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (day(10, 10), day(11, 8), "no_shift"),
        (day(7), day(8), "past"),
        (day(12), day(11), "bad_span"),
        (day(11), datetime(2036, 1, 1, tzinfo=UTC), "bad_span"),
    ],
)
def test_what_is_no_shift_of_the_person_is_refused(primary, alice, start, end, code):
    assert refusal(swaps.ask, primary, start=start, end=end, by=alice, at=NOW) == code


def test_a_second_swap_of_the_same_hours_is_refused(primary, asked, alice):
    code = refusal(swaps.ask, primary, start=day(11, 12), end=day(12), by=alice, at=NOW)

    assert code == "swap_overlaps"


@pytest.mark.parametrize("verb", ["take", "take_at_once"])
def test_who_is_away_then_does_not_take_it(primary, alice, bob, manager, verb):
    absences.add(bob, start=day(11, 20), end=day(13), by=bob, at=NOW)
    told = len(mails())

    if verb == "take":
        asked = swaps.ask(primary, **ALICES, by=alice, at=NOW)
        code = refusal(swaps.take, asked, taker=bob, by=manager, at=NOW)
    else:
        code = refusal(swaps.take_at_once, primary, requester=alice, **ALICES, taker=bob, by=manager, at=NOW)

    assert code == "taker_away"
    assert on_call(primary, day(11, 21)) == ["alice"]
    assert len(mails()) == told + (verb == "take")


def test_an_absence_of_another_time_is_in_nobodys_way(primary, alice, bob):
    absences.add(bob, start=day(12), end=day(13), by=bob, at=NOW)

    swaps.take_at_once(primary, requester=alice, **ALICES, by=bob, at=NOW)

    assert on_call(primary, day(11, 21)) == ["bob"]


def test_what_was_taken_back_can_be_asked_for_again(primary, asked, alice, bob):
    swaps.take_back(swaps.take(asked, by=bob, at=NOW), by=bob, at=NOW)

    assert swaps.ask(primary, **ALICES, by=alice, at=NOW).state == State.ASKED


# -- the portal and the API --------------------------------------------------------------------------------
def test_asking_and_taking_in_the_portal(client, primary, alice, bob):
    client.force_login(may(alice, "view_schedule"))
    form = {
        "schedule": primary.pk,
        "requester": alice.pk,
        "start": "2026-03-11T10:00",
        "end": "2026-03-12T10:00",
        "note": "dentist",
    }

    client.post(reverse("admin:oncall_swap_add"), form)

    swap = Swap.objects.get()
    assert (swap.start, swap.end) == (day(11), day(12))
    client.force_login(bob)
    url = reverse("admin:oncall_swap_verb", args=[swap.pk, "take"])
    assert b"Take the shift" in client.get(url).content
    client.post(url, {"taker": bob.pk, "expected": "asked"})
    assert on_call(primary, day(11, 12)) == ["bob"]
    page = client.get(reverse("admin:oncall_swap_change", args=[swap.pk])).content.decode()
    assert "Take back" in page
    assert "Taken" in client.get(reverse("admin:oncall_swap_changelist")).content.decode()


def test_the_form_says_what_is_wrong_beside_the_field(client, primary, alice, bob):
    client.force_login(bob)
    form = {"schedule": primary.pk, "start": "2026-03-11T06:00", "end": "2026-03-11T07:00", "note": ""}

    foreign = client.post(reverse("admin:oncall_swap_add"), {**form, "requester": alice.pk})
    no_shift = client.post(reverse("admin:oncall_swap_add"), {**form, "requester": bob.pk})

    assert "Ask for your own shift, or take somebody’s yourself." in foreign.content.decode()
    assert "Bob is not on call on Primary in that time." in no_shift.content.decode()


def test_the_form_says_that_the_taker_is_away(client, primary, alice, bob):
    absences.add(bob, start=day(11), end=day(12), by=bob, at=NOW)
    client.force_login(bob)
    form = {"schedule": primary.pk, "requester": alice.pk, "taker": bob.pk}
    form |= {"start": "2026-03-11T10:00", "end": "2026-03-11T12:00"}

    html = client.post(reverse("admin:oncall_swap_add"), form).content.decode()

    assert "Bob is away then" in html
    assert not Swap.objects.exists()


def test_who_comes_too_late_with_the_form_is_told_so(client, primary, alice, bob, manager, monkeypatch):
    """Somebody else's press lies between the check of the form and the change."""
    client.force_login(bob)
    real = swaps.take_at_once

    def beaten(schedule, **said):
        real(schedule, **{**said, "taker": manager, "by": manager})
        return real(schedule, **said)

    monkeypatch.setattr(swaps, "take_at_once", beaten)
    form = {"schedule": primary.pk, "requester": alice.pk, "taker": bob.pk}
    form |= {"start": "2026-03-11T10:00", "end": "2026-03-11T12:00"}

    answer = client.post(reverse("admin:oncall_swap_add"), form, follow=True)

    assert answer.status_code == 200
    assert "Mona has it" in answer.content.decode()


def test_the_api_asks_takes_and_takes_back(client, primary, alice, bob):
    client.force_login(alice)
    body = {"schedule": "primary", "start": "2026-03-11T09:00:00Z", "end": "2026-03-12T09:00:00Z"}

    asked = client.post("/api/v1/swaps/", body, content_type="application/json")

    assert asked.status_code == 201
    assert (asked.json()["requester"], asked.json()["state"]) == ("alice", "asked")
    client.force_login(bob)
    one = f"/api/v1/swaps/{asked.json()['id']}/"
    assert client.post(one + "take/", {}, content_type="application/json").json()["taker"] == "bob"
    assert (
        client.post(one + "take-back/", {}, content_type="application/json").json()["state"] == "taken_back"
    )
    assert client.post(one + "take/", {}, content_type="application/json").status_code == 409
    assert [swap["id"] for swap in client.get("/api/v1/swaps/?state=taken_back").json()["results"]] == [
        asked.json()["id"]
    ]


def test_the_api_takes_at_once(client, primary, alice, bob):
    client.force_login(bob)
    body = {
        "schedule": "primary",
        "requester": "alice",
        "taker": "bob",
        "start": "2026-03-11T09:00:00Z",
        "end": "2026-03-12T09:00:00Z",
    }

    taken = client.post("/api/v1/swaps/", body, content_type="application/json")

    assert taken.json()["state"] == "taken"
    assert on_call(primary, day(11, 12)) == ["bob"]
