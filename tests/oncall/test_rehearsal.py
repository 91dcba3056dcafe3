"""A rehearsal says what the engine then does, writes nothing, and points out weak links."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oncall import maintenance, paging, plans, policies, rehearsal
from oncall.edges import times
from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from oncall.models import EscalationPolicy, Page, PageEvent, PortalSettings, Schedule, Service, Team, User
from oncall.policies import StepForm
from oncall.rehearsal import Chain

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 9, 10, tzinfo=UTC)


def rehearse(policy, at, urgency="high", **chain):
    return rehearsal.rehearse([Chain(plans.freeze(policy), policy.team, **chain)], urgency=urgency, at=at)


def lines(found):
    return [(int(line.after.total_seconds() // 60), line.kind, line.who) for line in found.lines]


# -- it agrees with the engine -----------------------------------------------------------------------------
OFFICE = [{"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR"], "from": "09:00", "to": "17:00"}]
EVENING = [{"type": "daily", "from": "18:00", "to": "22:00"}]
NAMED = ["alice", "bob", "carol", "gone", "mute", "team", "days", "evenings", "empty", "hook"]
steps = st.lists(
    st.fixed_dictionaries(
        {
            "minutes": st.sampled_from([0, 0, 5, 20, 300]),
            "targets": st.lists(
                st.sampled_from(NAMED),
                min_size=1,
                max_size=3,
            ),
            "mode": st.sampled_from(["all", "all", "round_robin", "everyone"]),
            "hours": st.sampled_from([[], [], OFFICE, EVENING]),
            "outside_hours": st.sampled_from(["skip", "hold"]),
            "time_zone": st.sampled_from(["UTC", "America/New_York"]),
        }
    ),
    max_size=4,
)  # fmt: skip


def company() -> dict:
    """People, a team and two schedules; ``gone`` is deactivated and ``mute`` has no address."""
    found = {
        name: User.objects.create(
            username=name, first_name=name.title(), email="" if name == "mute" else f"{name}@example.com",
            is_active=name != "gone",
        )
        for name in ("alice", "bob", "carol", "gone", "mute")
    }  # fmt: skip
    found["team"] = Team.objects.create(slug="team", name="Team")
    found["team"].members.set([found["bob"], found["carol"]])
    found["empty"] = Team.objects.create(slug="empty", name="Empty")
    found["empty"].admins.set([found["carol"]])
    for name, hours, people in (("days", OFFICE, "alice bob"), ("evenings", EVENING, "carol gone")):
        found[name] = Schedule.objects.create(slug=name, name=name.title())
        layer = found[name].layers.create(
            name=name, unit="day", anchor=datetime(2026, 3, 9), restrictions=hours
        )
        for position, person in enumerate(people.split()):
            layer.slots.create(position=position).users.add(found[person])
    return found


def target(company, name):
    if name == "hook":
        return {"webhook": "https://hooks.example.com/x"}
    thing = company[name]
    return {{User: "user", Team: "team", Schedule: "schedule"}[type(thing)]: thing}


def forms(company, drawn):
    return [
        StepForm(
            after=timedelta(minutes=step["minutes"]),
            targets=[target(company, name) for name in dict.fromkeys(step["targets"])],
            round_robin=step["mode"] == "round_robin",
            everyone=step["mode"] == "everyone",
            hours=step["hours"],
            time_zone=step["time_zone"],
            outside_hours=step["outside_hours"],
        )
        for step in drawn
    ]


def run_the_engine(page):
    """Every instant at which something is due, to the end; what happened, in the words of a rehearsal."""
    for _ in range(400):
        page = Page.objects.get(pk=page.pk)
        if page.next_step_at is None:
            break
        paging.advance_due(now=lambda page=page: page.next_step_at)
    kinds = {"paged": "person", "unreachable": "person", "webhook": "webhook", "nobody": "nobody",
             "repeated": "repeat", "skipped": "skipped", "held": "hold"}  # fmt: skip
    events = PageEvent.objects.filter(page=page, kind__in=kinds).order_by("pk")
    return [
        (event.at, kinds[event.kind], event.data.get("user"))
        for event in events
        if event.kind != "nobody" or "Going on at once" in event.text
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    drawn=steps,
    repeat=st.integers(0, 2),
    urgency=st.sampled_from(["high", "low"]),
    wait_for_duty=st.booleans(),
    hours=st.integers(0, 24 * 8),
    turns=st.integers(0, 3),
    has_catch_all=st.booleans(),
)
def test_what_is_rehearsed_is_what_the_engine_then_does(
    drawn, repeat, urgency, wait_for_duty, hours, turns, has_catch_all
):
    with transaction.atomic():
        people = company()
        at = MONDAY + timedelta(hours=hours)
        PortalSettings.objects.create(pk=1, catch_all=people["bob"] if has_catch_all else None)
        policy = EscalationPolicy.objects.create(
            slug="p", name="P", team=people["empty"], repeat=repeat, wait_for_duty=wait_for_duty
        )
        policies.set_steps(policy, forms(people, drawn))
        policy.steps.update(turns={str(people["alice"].pk): turns, str(people["bob"].pk): 2})

        foretold = rehearse(policy, at, urgency)
        page = paging.page(title="Down", urgency=urgency, policy=policy, by=None, at=at)
        happened = run_the_engine(page)

        said = [
            (line.at, line.kind, line.person.username if line.person else None)
            for line in foretold.lines
            if line.kind != rehearsal.END
        ]
        assert said == happened
        transaction.set_rollback(True)


# -- it writes nothing -------------------------------------------------------------------------------------
def test_a_rehearsal_writes_nothing(make_policy, alice, bob, primary, root, at):
    policy = make_policy((0, primary), (5, [alice, bob], {"round_robin": True}), repeat=3)

    with CaptureQueriesContext(connection) as asked:
        rehearse(policy, at("10:00"))

    assert {query["sql"].split()[0] for query in asked} == {"SELECT"}
    assert not Page.objects.exists() and not Delivery.objects.exists()


# -- what it says ------------------------------------------------------------------------------------------
@pytest.fixture
def reachable(alice, bob, at):
    """alice is written to at once and again after two minutes; bob has one verified contact and no rule."""
    for minutes in (0, 2):
        way = alice.contacts.create(
            name=f"{minutes}", medium="email", address=f"a{minutes}@example.com", verified_at=at("09:00")
        )
        alice.rules.create(urgency="high", contact=way, after=timedelta(minutes=minutes))
    bob.contacts.create(
        name="hook", medium="webhook", address="https://b.example.com", verified_at=at("09:00")
    )


def test_it_says_after_how_long_who_why_and_how(make_policy, primary, bob, root, reachable, at):
    found = rehearse(make_policy((0, primary), (5, bob), repeat=1), at("10:00"))

    assert lines(found) == [
        (0, "person", "Alice"),
        (5, "person", "Bob"),
        (5, "repeat", "Again from step 1"),
        (10, "person", "Alice"),
        (15, "person", "Bob"),
        (20, "person", "Root"),
    ]
    first = found.lines[0]
    assert (first.why, first.about["layer"], first.how, first.grade) == (
        "On call in Primary: layer days, turn 1", "days", "E-mail, e-mail after 2 min", "good",
    )  # fmt: skip


def test_it_is_good_for_a_time_to_come(make_policy, primary, at):
    found = rehearse(make_policy((0, primary)), at("10:00") + timedelta(days=1))

    assert found.lines[0].who == "Bob"


def test_weak_links_are_pointed_out(make_policy, alice, bob, carol, root, reachable, at):
    carol.email = ""
    carol.save()
    Delivery.objects.create(
        message_id=_message(at), medium="email", address="a0@example.com", recipient="alice", state="dead",
        idempotency_key="x", stable_id="x", created_at=at("09:00"), expires_at=at("11:00"),
        finished_at=at("09:01"),
    )  # fmt: skip

    found = rehearse(make_policy((0, alice), (5, bob), (10, carol)), at("10:00"))

    assert [line.grade for line in found.lines] == ["weak", "weak", "none", "weak"]
    assert found.weak == (
        "Alice: the last message by e-mail did not arrive.",
        "Bob has no usable rule for high urgency: every contact is used.",
        "Carol cannot be reached at all.",
        "Root has no verified contact: the account's e-mail address is used.",
    )


def _message(at):
    return outbox.compose(purpose="page", subject="x", text="x", at=at("09:00")).pk


def test_one_sentence_sums_it_up(make_policy, alice, bob, root, reachable, at):
    found = rehearse(make_policy((0, [alice, bob]), (30, alice), repeat=1), at("10:00"))

    said = "".join(rehearsal.summary(found, when="Monday 10:00, Major", span=times.span))

    assert said == (
        "Monday 10:00, Major: Alice and Bob are told at once. The chain ends after 1 h. 3 of 5 steps are weak."
    )


def test_where_nobody_is_paged_the_sentence_says_so(make_policy, at):
    empty = Team.objects.create(slug="empty", name="Empty")
    found = rehearse(make_policy((0, empty)), at("10:00"))

    assert "".join(rehearsal.summary(found, when="Monday", span=times.span)) == "Monday: nobody is paged."


def test_a_maintenance_holds_it_until_its_end(make_policy, alice, at):
    service = Service.objects.create(slug="x", name="Checkout", policy=make_policy((0, alice)))
    works = maintenance.begin(service, end=at("11:00"), reason="New switches", by=None, at=at("10:00"))

    found = rehearse(service.policy, at("10:30"), maintenance=works)

    assert lines(found)[:2] == [(0, "hold", "Nobody yet"), (30, "person", "Alice")]
    assert "New switches" in found.lines[0].why


def test_a_long_chain_is_cut_short_and_says_so(make_policy, alice, bob, at):
    many = [(1, [alice, bob])] * 40

    found = rehearse(make_policy(*many, repeat=20), at("10:00"))

    assert len(found.lines) <= rehearsal.MOST_LINES
