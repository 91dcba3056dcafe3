"""Who is on call on one page: every schedule by team, now and next, on two clocks, at a constant cost."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from oncall import schedules
from oncall.models import Schedule, Team, User
from tests.oncall.console import NOW, layer, make_schedule, page_of, queries, words

pytestmark = pytest.mark.django_db
URL = "/admin/oncall/on-call/"


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def teams(people):
    """Two teams with a schedule each, and one schedule of no team that has nobody."""
    for name, slots in (("Payments", [["alice"], ["bob"]]), ("Ledger", [["carol"], ["bob"]])):
        schedule = make_schedule(f"{name.lower()}-primary", layers=[layer(slots=slots)])
        schedule.team = Team.objects.create(slug=name.lower(), name=name)
        schedule.save()
    return make_schedule("spare", layers=[])


def rows(client, query=""):
    groups = client.get(URL + query).context["groups"]
    return {row.schedule.slug: row for group in groups for row in group.rows}


def test_schedules_stand_by_team_and_those_of_no_team_last(client, staff, teams):
    groups = client.get(URL).context["groups"]

    assert [(group.name, [row.schedule.slug for row in group.rows]) for group in groups] == [
        ("Ledger", ["ledger-primary"]),
        ("Payments", ["payments-primary"]),
        ("No team", ["spare"]),
    ]


def test_each_says_who_until_when_on_both_clocks_and_who_then(client, staff, teams):
    said = words(client.get(URL))

    assert "Payments-Primary New York BD Bob Doe until Mon 14:00 Mon 09:00 in New York then Alice Doe" in said


def test_where_nobody_is_on_call_it_says_so_and_why(client, staff, teams, people):
    payments = Schedule.objects.get(slug="payments-primary")
    away = {"start": NOW, "end": NOW + timedelta(hours=3)}
    schedules.add_exception(payments, kind="remove", user=people["bob"], **away, by=None, at=NOW)

    page = client.get(URL)

    assert "Nobody on call on 2 of 3 schedules" in words(page)
    assert "Nobody An exception left a gap. until 17:00" in words(page)
    assert "Nobody It has no layers yet. no change ahead" in words(page)
    assert page.content.decode().count("m-nobody") == 2


@pytest.mark.parametrize(("minutes", "soon"), [(119, True), (120, True), (121, False)])
def test_a_hand_over_within_two_hours_is_amber(client, staff, teams, time_machine, minutes, soon):
    time_machine.move_to(NOW + timedelta(days=5) - timedelta(minutes=minutes), tick=False)

    assert rows(client)["payments-primary"].soon is soon
    assert ('<b class="m-warn"><time' in client.get(URL).content.decode()) is soon


def test_who_has_left_is_marked(client, staff, teams, people):
    User.objects.filter(username="bob").update(is_active=False)

    assert "Bob Doe account not active" in words(client.get(URL))


# -- leaving out the rest ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?team=payments", {"payments-primary"}),
        ("?person=alice", {"payments-primary"}),
        ("?person=BOB+d", {"payments-primary", "ledger-primary"}),
        ("?person=bob&team=ledger", {"ledger-primary"}),
        ("?person=zed", set()),
        ("?team=", {"payments-primary", "ledger-primary", "spare"}),
    ],
)
def test_it_can_be_looked_at_by_team_and_by_person(client, staff, teams, query, found):
    assert set(rows(client, query)) == found


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?team=nope", "No team with schedules is called “nope”."),
        ("?team=%F0%9F%92%A9%27%22", "No team with schedules is called"),
        ("?person=zed", "Nobody called “zed” is on call now or next."),
        ("?person=%25%5C", "Nobody called “%\\” is on call now or next."),
    ],
)
def test_what_is_not_found_is_said_in_a_sentence(client, staff, teams, query, sentence):
    assert sentence in words(client.get(URL + query))


def test_without_schedules_it_leads_to_the_first_rotation(client, staff):
    page = client.get(URL)

    assert reverse("admin:oncall_schedule_new_rotation") in page.content.decode()
    assert "There is no schedule yet." in words(page)


# -- rights, ways and costs --------------------------------------------------------------------------------
@pytest.mark.parametrize("url", [URL, "/admin/oncall/my-shifts/"])
def test_who_may_not_see_schedules_sees_none_of_it(client, teams, url):
    vera = User.objects.create(username="vera", is_staff=True)
    client.force_login(vera)

    assert client.get(url).status_code == 403
    frame = client.get("/admin/").content.decode()
    assert url not in frame

    vera.user_permissions.set(Permission.objects.filter(codename="view_schedule"))
    assert client.get(url).status_code == 200
    assert url in client.get("/admin/").content.decode()


def test_a_stranger_is_asked_to_sign_in(client, teams):
    assert client.get(URL).status_code == 302


def test_it_counts_as_schedules_in_the_navigation(client, staff, teams):
    [current] = [item.label for item in client.get(URL).context["navigation"] if item.current]

    assert current == "Schedules"


def test_who_may_only_look_is_not_offered_a_new_rotation(client, teams):
    vera = User.objects.create(username="vera", is_staff=True)
    vera.user_permissions.set(Permission.objects.filter(codename="view_schedule"))
    client.force_login(vera)

    assert "New rotation" not in words(client.get(URL))


def test_a_page_costs_the_same_for_10_schedules_and_for_200(subtests, client, staff, people):
    people["alice"].is_staff = people["alice"].is_superuser = True
    people["alice"].save()
    client.force_login(people["alice"])
    away = {"kind": "remove", "user": "bob", "start": "2026-03-14T10:00", "end": "2026-03-15T10:00"}
    for n in range(10):
        made = make_schedule(f"few-{n}", exceptions=[away])
    everything = reverse("admin:oncall_schedule_changelist")
    pages = [URL, "/admin/oncall/my-shifts/", everything, page_of(made), "/admin/"]
    few = [queries(client, url) for url in pages]

    for n in range(190):
        make_schedule(f"many-{n}", exceptions=[away])

    for url, number in zip(pages, few, strict=True):
        with subtests.test(url):
            assert queries(client, url) == number
