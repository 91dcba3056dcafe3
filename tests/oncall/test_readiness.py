"""Whether a page would reach somebody in the next thirty days, and what to do where not."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall import readiness
from oncall.models import CalendarImport, PortalSettings, Schedule, Service, Team
from oncall.readiness import spans
from tests.oncall.conftest import person
from tests.oncall.test_swaps import day, may

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(time_machine, settings):
    settings.EMAIL_CONFIGURED = True
    time_machine.move_to(day(9, 10), tick=False)


def reachable(user):
    """The same person with a verified address and rules for both urgencies."""
    mail = user.contacts.create(name="mail", medium="email", address=user.email, verified_at=day(1))
    for urgency in ("high", "low"):
        user.rules.create(urgency=urgency, after=timedelta(), contact=mail)
    return user


@pytest.fixture
def policy(make_policy, primary, alice, bob):
    """Pages primary: alice and bob day by day, both reachable."""
    reachable(alice)
    reachable(bob)
    PortalSettings.objects.create(pk=1, catch_all=reachable(person("root")))
    return make_policy((0, primary))


def found(tone: str) -> list[str]:
    return [f"{f.about}: {f.text}" for f in readiness.check(day(9, 10)).of(tone)]


def test_where_everybody_is_reached_everything_is_green(policy):
    assert found("red") == found("amber") == []
    assert found("green") == [
        "Policies: Each reaches somebody at any time.",
        "Contacts: Everybody on duty or named in a step can be reached, for high and for low urgency.",
        "Schedules: Each that a policy uses has somebody on call at any time.",
    ]


def test_whoever_comes_on_without_a_verified_address_is_red(policy, bob):
    bob.contacts.all().delete()

    [finding] = readiness.check(day(9, 10)).of("red")

    assert finding.text == (
        "Bob has no verified contact: the account's e-mail address is used; on call on Primary."
    )
    assert finding.spans == ((day(10), day(11)),)


def test_an_empty_schedule_of_a_policy_is_told_of_with_the_policy_that_reaches_nobody(policy, primary):
    primary.layers.update(end=day(20).replace(tzinfo=None))

    assert found("red") == [
        "Payments: At times none of its steps reaches anybody. Only the catch-all, Root, stands in."
    ]
    assert found("amber") == ["Primary: Nobody is on call at times."]


def test_a_gap_that_a_later_step_covers_is_amber(policy, primary, carol):
    primary.layers.update(end=day(20).replace(tzinfo=None))
    policy.steps.create(position=1).targets.create(user=reachable(carol))

    assert found("red") == []
    assert found("amber") == ["Primary: Nobody is on call at times."]


def test_a_gap_of_a_schedule_that_nobody_uses_is_none(policy):
    Schedule.objects.create(slug="spare", name="Spare", time_zone="UTC")

    assert found("amber") == []


def test_whoever_is_deactivated_and_still_on_call_is_red_and_counts_for_nobody(policy, bob):
    bob.is_active = False
    bob.save()

    assert found("red") == [
        "Payments: At times none of its steps reaches anybody. Only the catch-all, Root, stands in.",
        "Bob: Deactivated, yet on call on Primary: pages pass this person over.",
    ]


@pytest.mark.parametrize("targets", ["nobody", "empty team", "webhook", "no steps"])
def test_a_policy_that_never_reaches_a_person_is_red(policy, make_policy, targets, carol):
    carol.is_active = False
    carol.save()
    steps = {
        "nobody": [(0, carol)],
        "empty team": [(0, Team.objects.create(slug="empty", name="Empty"))],
        "webhook": [(0, "https://hooks.example.com/x")],
        "no steps": [],
    }[targets]
    make_policy(*steps, slug="dead", name="Dead")

    [said] = [text for text in found("red") if text.startswith("Dead")]

    assert ("Has no steps" in said) == (targets == "no steps")
    assert "stands in" in said


def test_who_stands_in_is_named(policy, primary, alice):
    primary.layers.all().delete()
    policy.team = Team.objects.create(slug="payments", name="Payments team")
    policy.save()
    policy.team.admins.add(alice)

    assert "Only the admins of Payments team stand in." in found("red")[0]

    policy.team.admins.clear()
    PortalSettings.objects.update(catch_all=None)
    assert "Nobody stands in." in found("red")[0]


def test_a_step_that_reaches_nobody_beside_others_is_amber(policy):
    policy.steps.create(position=1).targets.create(team=Team.objects.create(slug="empty", name="Empty"))

    assert found("amber") == ["Payments: Step 2 reaches nobody in all this time, so it is passed over."]


@pytest.mark.parametrize(("error", "tone"), [("Status 404.", "red"), ("", "amber")])
def test_an_imported_calendar_in_trouble_is_told_of(policy, primary, error, tone):
    CalendarImport.objects.create(
        schedule=primary, name="Team", url="https://x.example", error=error, problems=["“A” has no end."]
    )

    assert [text for text in found(tone) if text.startswith("Team, on Primary")]


@pytest.mark.parametrize(("outside", "reds"), [("skip", 1), ("hold", 0)])
def test_a_step_that_is_passed_outside_its_hours_reaches_nobody_then(policy, outside, reds):
    office = [{"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "09:00", "to": "17:00"}]
    policy.steps.update(hours=office, time_zone="Europe/Berlin", outside_hours=outside)

    assert len(found("red")) == reds


def test_services_without_a_policy_no_catch_all_and_no_mail_server_are_amber(policy, settings):
    settings.EMAIL_CONFIGURED = False
    Service.objects.create(slug="shop", name="Shop")
    PortalSettings.objects.update(catch_all=None)

    assert found("amber") == [
        "Catch-all: There is none: a page that nobody answers ends in silence.",
        "Mail: No mail server is set, so messages stay in the portal; 2 people are reached by mail alone.",
        "Shop: Has no escalation policy, so its incidents page the last resort alone.",
    ]


def test_a_catch_all_that_cannot_be_reached_is_red(policy):
    root = PortalSettings.load().catch_all
    root.is_active = False
    root.save()

    assert found("red") == ["Catch-all: Root is deactivated or cannot be reached."]


def test_an_empty_portal_is_not_red(db):
    assert found("red") == []


# -- the same in every window ------------------------------------------------------------------------------
def test_the_command_says_what_to_do_and_exits_1(policy, bob, capsys):
    bob.contacts.all().delete()

    with pytest.raises(CommandError) as refused:
        call_command("check_ready", no_color=True)

    said = capsys.readouterr().out
    assert refused.value.returncode == 1
    assert said.startswith("RED    Contacts Bob: Bob has no verified contact")
    assert "When: Tue 10 March 09:00 to Wed 11 March 09:00 in UTC" in said
    assert "Do:   Add an address to this person and verify it." in said
    assert said.endswith("1 red, 0 amber, 3 green, until 08 April 2026.\n")


def test_the_command_is_quiet_about_what_is_in_order(policy, capsys):
    call_command("check_ready")

    assert "0 red, 0 amber, 3 green" in capsys.readouterr().out


def test_command_page_and_api_say_the_same(policy, bob, client, capsys):
    bob.contacts.all().delete()
    with pytest.raises(CommandError):
        call_command("check_ready", json=True)
    told = json.loads(capsys.readouterr().out)
    client.force_login(may(bob, "view_schedule", "view_user"))

    assert client.get("/api/v1/on-call/readiness/").json() == told
    html = client.get(reverse("admin:oncall_readiness")).content.decode()
    assert "Not ready: 1 thing to mend" in html
    assert all(f["todo"] in html and f["path"] in html for f in told["findings"])


def test_who_may_not_see_people_sees_no_readiness(policy, carol, client):
    client.force_login(may(carol, "view_schedule"))

    assert client.get("/api/v1/on-call/readiness/").status_code == 403
    assert client.get(reverse("admin:oncall_readiness")).status_code == 403


def test_the_persons_own_page_has_a_red_row(policy, bob, client):
    bob.contacts.all().delete()
    client.force_login(may(bob, "view_user"))

    html = client.get(reverse("admin:oncall_user_change", args=[bob.pk])).content.decode()

    assert '<p class="m-bad">Bob has no verified contact' in html
    assert "Add an address below and verify it" in html


@pytest.mark.parametrize("weak", ["no rule", "unverified", "late"])
def test_what_is_weak_and_yet_works_is_amber(policy, bob, weak):
    if weak == "no rule":
        bob.rules.filter(urgency="low").delete()
    elif weak == "late":
        bob.rules.filter(urgency="high").update(after=timedelta(minutes=10))
    else:
        bob.contacts.create(name="hook", medium="webhook", address="https://example.com/x")

    assert found("red") == []
    [said] = found("amber")
    assert said.startswith("Bob: ") and said.endswith("; on call on Primary.")


def test_many_schedules_take_as_many_queries_as_one(policy, alice, make_policy):
    def cost() -> int:
        with CaptureQueriesContext(connection) as counted:
            readiness.check(day(9, 10))
        return len(counted)

    few = cost()
    for number in range(20):
        schedule = Schedule.objects.create(slug=f"s{number}", name=f"S{number}", time_zone="UTC")
        layer = schedule.layers.create(name="l", unit="day", anchor=day(1).replace(tzinfo=None))
        layer.slots.create(position=0).users.add(alice)
        make_policy((0, schedule), (5, alice), slug=f"p{number}", name=f"P{number}")

    assert cost() == few


# -- stretches of time -------------------------------------------------------------------------------------
def hours(*pairs: tuple[int, int]) -> list:
    return [(day(9, start), day(9, end)) for start, end in pairs]


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(0, 10)]),
        ([(0, 10)], []),
        ([(2, 4), (3, 6)], [(0, 2), (6, 10)]),
        ([(2, 4), (4, 6)], [(0, 2), (6, 10)]),
        ([(8, 12)], [(0, 8)]),
        ([(11, 12)], [(0, 10)]),
        ([(0, 3), (11, 12)], [(3, 10)]),
    ],
)
def test_what_is_left_of_a_stretch(taken, left):
    assert spans.without(hours((0, 10))[0], hours(*taken)) == hours(*left)
