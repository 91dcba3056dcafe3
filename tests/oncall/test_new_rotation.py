"""A schedule in one form: four people, a week each, and no word of layers."""

from datetime import date, time, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from oncall import schedules
from oncall.messaging.errors import DomainError
from oncall.models import Schedule, Team, User
from tests.oncall.console import NOW, page_of, queries, words

pytestmark = pytest.mark.django_db
URL = "/admin/oncall/schedule/new-rotation/"


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def dave(people):
    return User.objects.create(username="dave", first_name="Dave", last_name="Doe")


def filled(**changes):
    return {
        "name": "Checkout primary",
        "time_zone": "Europe/Berlin",
        "people": ["Alice Doe", "bob", "Carol Doe (carol)", "DAVE", "", ""],
        "every": "week",
        "weekday": "0",
        "handover": "09:00",
        "start": "2026-03-16",
    } | changes


def press(client, button="_save", **changes):
    return client.post(URL, filled(**{button: "1"}, **changes))


def made(**changes):
    [layer] = schedules.to_form(Schedule.objects.get(**changes))["layers"]
    return layer


def test_four_people_hand_over_every_monday(client, staff, dave):
    response = press(client)

    schedule = Schedule.objects.get()
    assert response.url == page_of(schedule)
    assert (schedule.slug, schedule.time_zone) == ("checkout-primary", "Europe/Berlin")
    assert made()["slots"] == [["alice"], ["bob"], ["carol"], ["dave"]]
    assert made()["rotation"] == {"unit": "week", "length": 1, "anchor": "2026-03-16T09:00"}


def test_the_form_begins_with_the_viewers_zone_and_next_monday(client, staff):
    form = client.get(URL).context["form"]

    assert form["time_zone"].value() == "Europe/Berlin"
    assert form["start"].value() == date(2026, 3, 16)


@pytest.mark.parametrize(
    ("said", "rotation"),
    [
        ({"every": "day"}, ("day", 1, "2026-03-18T09:00")),
        ({"every": "week", "weekday": "0"}, ("week", 1, "2026-03-16T09:00")),
        ({"every": "2-weeks", "weekday": "4"}, ("week", 2, "2026-03-13T09:00")),
        ({"every": "week", "weekday": "2"}, ("week", 1, "2026-03-18T09:00")),
        ({"every": "month"}, ("month", 1, "2026-03-18T09:00")),
    ],
)
def test_the_first_person_begins_at_once_and_the_turns_follow_the_weekday(
    client, staff, dave, said, rotation
):
    press(client, start="2026-03-18", **said)

    turns = made()["rotation"]
    assert (turns["unit"], turns["length"], turns["anchor"]) == rotation
    assert made()["start"] == "2026-03-18T09:00"


@pytest.mark.parametrize(
    ("said", "window"),
    [
        ({"days": ["MO", "FR"], "opens": "08:00", "closes": "18:00"}, (["MO", "FR"], "08:00", "18:00")),
        (
            {"opens": "22:00", "closes": "06:00"},
            (["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "22:00", "06:00"),
        ),
        ({"days": ["SA"]}, (["SA"], "00:00", "00:00")),
    ],
)
def test_it_may_cover_only_some_hours(client, staff, dave, said, window):
    press(client, **said)

    [restriction] = made()["restrictions"]
    assert (restriction["days"], restriction["from"], restriction["to"]) == window


def test_a_preview_names_the_first_turns_and_makes_nothing(client, staff, dave):
    response = press(client, "_preview")

    assert "Mon 16 March 09:00 to Mon 23 March 09:00 Alice Doe" in words(response)
    assert "Mon 23 March 09:00 to Mon 30 March 09:00 Bob Doe" in words(response)
    assert not Schedule.objects.exists()


def test_one_press_makes_what_was_previewed(client, staff, dave):
    seal = press(client, "_preview").context["seal"]

    assert press(client, seal=seal).status_code == 302
    assert made()["slots"][0] == ["alice"]


def test_another_form_than_the_previewed_one_is_shown_first(client, staff, dave):
    seal = press(client, "_preview").context["seal"]

    assert "This is not what you previewed" in words(press(client, seal=seal, every="day"))
    assert not Schedule.objects.exists()


def test_a_preview_has_room_for_more_people(client, staff, people):
    eight = ["alice", "bob"] * 4

    response = press(client, "_preview", people=eight)

    assert response.content.decode().count('name="people"') == 10


def test_pressing_twice_makes_one(client, staff, dave):
    press(client)
    press(client)

    assert Schedule.objects.count() == 1


def test_two_of_a_name_have_two_slugs(client, staff, dave):
    press(client)
    press(client, every="day")

    assert set(Schedule.objects.values_list("slug", flat=True)) == {"checkout-primary", "checkout-primary-2"}


def test_a_team_of_another_country_keeps_its_own_clock(client, staff, dave):
    team = Team.objects.create(slug="mobile", name="Mobile")

    press(client, team=team.pk, time_zone="Asia/Kolkata")

    [schedule] = team.schedules.all()
    assert "Mon 16 March 09:00 in Kolkata" in words(client.get(page_of(schedule)))


def test_the_history_says_who_made_it(client, staff, dave):
    press(client)

    assert {row.history_user for row in Schedule.objects.get().history.all()} == {staff}


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "", "This field is required."),
        ("time_zone", "Mars/Olympus", "'Mars/Olympus' is not a time zone."),
        ("people", ["", " "], "Name at least one person."),
        ("people", ["zed"], "There is nobody called zed. Choose from the list."),
        ("people", ["alice"] * 101, "A rotation takes at most 100 people."),
        ("every", "decade", "Select a valid choice."),
        ("weekday", "9", "Select a valid choice."),
        ("weekday", "x", "Select a valid choice."),
        ("handover", "25:00", "Enter a valid time."),
        ("start", "tomorrow", "Enter a valid date."),
        ("start", "9999-12-31", "Start within two years from today."),
        ("start", "0001-01-01", "Start within two years from today."),
        ("days", ["XX"], "Select a valid choice."),
        ("opens", "08:00", "Give both times, or neither."),
        ("team", "99", "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_marked_and_nothing_is_made(client, staff, dave, field, value, error):
    response = press(client, **{field: value})

    assert response.status_code == 200
    assert error in " ".join(words(response).replace("&#x27;", "'").split())
    assert not Schedule.objects.exists()


def test_two_people_of_a_name_are_told_apart(client, staff, dave):
    User.objects.create(username="dave2", first_name="Dave", last_name="Doe")

    response = press(client, people=["Dave Doe"])

    assert "write Dave Doe (dave) or Dave Doe (dave2)" in words(response)


def test_who_has_left_takes_no_turns(client, staff, dave):
    User.objects.filter(pk=dave.pk).update(is_active=False)

    assert "There is nobody called DAVE" in words(press(client))


@pytest.mark.parametrize("right", [[], ["view_schedule"], ["change_schedule", "view_schedule"]])
def test_who_may_not_add_schedules_sees_none_of_it(client, dave, right):
    vera = User.objects.create(username="vera", is_staff=True)
    vera.user_permissions.set(Permission.objects.filter(codename__in=right))
    client.force_login(vera)

    assert client.get(URL).status_code == 403
    assert press(client).status_code == 403
    assert not Schedule.objects.exists()


def test_an_empty_list_leads_to_it(client, staff):
    page = client.get(reverse("admin:oncall_schedule_changelist")).content.decode()

    assert page.count(f'href="{URL}"') == 2  # a button, and the sentence


def test_it_costs_the_same_for_few_people_and_for_many(client, staff, people):
    few = queries(client, URL)
    User.objects.bulk_create(User(username=f"more-{n}") for n in range(200))

    assert queries(client, URL) == few


def test_a_zone_that_the_form_does_not_know_is_refused_by_the_verb_too(people):
    wanted = schedules.NewRotation(
        "X", None, "Nowhere", tuple(people.values()), "week", 0, time(9), NOW.date() + timedelta(days=1)
    )

    with pytest.raises(DomainError, match="not a time zone"):
        schedules.make(wanted, by=None, at=NOW)
