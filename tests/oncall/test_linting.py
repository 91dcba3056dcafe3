"""What is weak in a policy is said when it is saved; it refuses nothing."""

from datetime import timedelta

import pytest

from oncall import linting, policies
from oncall.messaging.errors import DomainError
from oncall.models import PortalSettings, Schedule, Team
from oncall.plans import HOLD, Hours, Plan, PlanStep, Target
from oncall.policies import StepForm

pytestmark = pytest.mark.django_db

OFFICE = [{"type": "daily", "from": "09:00", "to": "17:00"}]
NIGHT = [{"type": "daily", "from": "20:00", "to": "06:00"}]


@pytest.fixture(autouse=True)
def reachable(alice, bob, carol, root, at):
    """Everybody has a verified contact, and there is a catch-all."""
    for person in (alice, bob, carol, root):
        person.contacts.create(name="mail", medium="email", address=person.email, verified_at=at("09:00"))


@pytest.fixture
def nights(bob, at) -> Schedule:
    """bob from 20:00 to 06:00 UTC; nobody by day."""
    schedule = Schedule.objects.create(slug="nights", name="Nights")
    layer = schedule.layers.create(
        name="n", unit="day", anchor=at("00:00").replace(tzinfo=None), restrictions=NIGHT
    )
    layer.slots.create(position=0).users.add(bob)
    return schedule


@pytest.fixture
def lint(make_policy, at):
    """The warnings of a policy with these steps."""
    return lambda *steps, **fields: linting.warnings(make_policy(*steps, **fields), at=at("10:00"))


def test_a_sound_policy_has_no_warning(lint, primary, alice, bob, carol, team):
    assert lint((0, primary), (5, carol), (10, team), team=team, repeat=1) == []


def test_a_policy_without_steps_says_whom_it_pages_instead(lint, team):
    assert lint(team=team) == [
        "Payments has no steps: it pages nobody but the admins of Payments, then the portal's catch-all."
    ]


def test_a_step_whose_people_are_paged_before_is_pointed_out(lint, team, alice, carol):
    assert lint((0, team), (5, alice), (5, carol)) == [
        "Step 2 adds nobody: earlier steps page everybody in it."
    ]


def test_a_schedule_with_a_gap_needs_a_later_step(lint, nights, carol):
    assert lint((0, nights)) == [
        "Step 1: nobody is on call in Nights from Mon 09 Mar 10:00 to Mon 09 Mar 20:00 UTC, "
        "and no later step is sure to reach somebody."
    ]
    assert lint((0, nights), (5, carol), slug="second") == []


def test_two_schedules_that_cover_each_other_have_no_gap(lint, nights, primary):
    assert lint((0, [nights, primary])) == []


def test_hours_in_which_nobody_is_ever_on_call_are_pointed_out(lint, nights, carol):
    found = lint((0, nights, {"hours": OFFICE}), (5, carol))

    assert found == ["Step 1 pages nobody within its hours: nobody is on call in Nights then."]


def test_hours_that_never_begin_are_pointed_out(at):
    """The forms refuse them; a plan that holds them says so all the same."""
    step = PlanStep(0, (Target("user", "Alice", 1),), hours=Hours("UTC", (), HOLD))

    found = list(linting._hours(Plan(steps=(step, PlanStep(0, ()))), at("10:00")))

    assert found == ["Step 1 pages nobody: its hours never begin."]


def test_where_all_steps_are_skipped_at_some_hour_it_is_said(lint, alice):
    assert "Outside their hours all steps are skipped: a page then goes to the last resort at once." in lint(
        (0, alice, {"hours": OFFICE})
    )


def test_who_has_no_verified_contact_or_is_gone_is_named(lint, alice, bob, carol):
    alice.contacts.all().delete()
    bob.contacts.all().delete()
    bob.email = ""
    bob.save()
    carol.is_active = False
    carol.save()

    assert lint((0, [alice, bob, carol])) == [
        "Step 1: Alice has no verified contact and is reached only by the account's e-mail address.",
        "Step 1: Bob has no verified contact and is reached not at all.",
        "Step 1: Carol is deactivated.",
    ]


def test_a_policy_that_tells_programs_only_is_pointed_out(lint, alice):
    assert lint((0, "https://hooks.example.com/x")) == ["It tells programs only: no step pages a person."]
    assert lint((0, "https://hooks.example.com/x"), (5, alice), slug="second") == [
        "Step 1 tells programs only: nobody is paged by it."
    ]


def test_a_team_without_members_is_pointed_out(lint, alice):
    empty = Team.objects.create(slug="empty", name="Empty")

    assert lint((0, empty), (5, alice)) == ["Step 1: Empty has no members."]


def test_steps_that_come_at_once_are_pointed_out(lint, alice, bob):
    assert lint((0, alice), (0, bob), repeat=3) == [
        "All steps come at once and again: nobody has time to answer before the next is paged."
    ]
    assert lint((0, alice), (0.5, bob), slug="second") == [
        "Step 2 comes 30 s after step 1: nobody can answer that fast."
    ]


def test_a_round_robin_of_one_is_pointed_out(lint, alice, primary):
    assert lint((0, alice, {"round_robin": True})) == [
        "Step 1 goes round robin, but has nobody to take turns with."
    ]
    assert lint((0, primary, {"round_robin": True}), slug="second") == []


def test_an_end_without_anybody_is_pointed_out(lint, nights, root):
    PortalSettings.objects.update(catch_all=None)

    assert "Where its steps reach nobody, nobody is left: no admins of its team and no catch-all." in lint(
        (0, nights)
    )


# -- nonsense is refused -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"targets": []}, "Step 1 pages nobody"),
        ({"after": timedelta(seconds=-1)}, "negative time"),
        ({"round_robin": True, "everyone": True}, "one person in turn"),
        ({"hours": [{"type": "daily", "days": [], "from": "09:00", "to": "17:00"}]}, "must name a day"),
        ({"hours": [{"type": "daily", "from": "9", "to": "17:00"}]}, "hours[0].from: must be a time of day"),
        ({"hours": [{"type": "hourly"}]}, "must be one of daily, weekly"),
        ({"hours": OFFICE, "time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"targets": [{"webhook": "ftp://example.com"}]}, "no http address"),
        ({"targets": [{"webhook": "https://muster.example.com/in/json/key"}]}, "to this portal itself"),
        ({"targets": [{"webhook": "http://127.0.0.1:8000/x"}]}, "to this portal itself"),
        ({"targets": [{"webhook": "http://LOCALHOST:8000"}]}, "to this portal itself"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_a_reason(make_policy, alice, settings, fields, words):
    settings.PUBLIC_URL, settings.PORT = "https://muster.example.com", 8000
    step = StepForm(**{"after": timedelta(), "targets": [{"user": alice}], **fields})

    with pytest.raises(DomainError) as refusal:
        policies.set_steps(make_policy(), [step])

    assert refusal.value.code == "bad_steps"
    assert words in refusal.value.detail


def test_setting_the_same_steps_again_changes_nothing(make_policy, alice, primary):
    policy = make_policy((0, alice, {"hours": OFFICE, "time_zone": "Europe/Berlin"}), (5, primary))
    forms = policies.current(policy)
    policies.set_steps(policy, forms)
    version = policy.version

    assert not policies.set_steps(policy, policies.current(policy))
    assert policy.version == version


def test_a_changed_step_stays_the_same_row_and_the_policy_is_a_new_version(make_policy, alice, bob):
    policy = make_policy((0, alice), (5, bob))
    before = list(policy.steps.values_list("pk", flat=True))
    first, second = policies.current(policy)

    policies.set_steps(policy, [first, StepForm(timedelta(minutes=9), second.targets, everyone=True)])

    assert list(policy.steps.values_list("pk", flat=True)) == before
    assert policy.steps.last().history.count() == 2
    assert policy.version == 2


# -- people who leave --------------------------------------------------------------------------------------
def test_rule_14_whoever_is_deactivated_but_still_counted_on_is_pointed_out(
    make_policy, primary, alice, carol, at
):
    make_policy((0, primary), (5, alice))

    assert linting.left_behind(alice, at=at("10:00")) == [
        "Alice is named in step 2 of Payments.",
        "Alice is on call in Primary from Mon 09 Mar 10:00 UTC.",
    ]
    assert linting.left_behind(carol, at=at("10:00")) == []
