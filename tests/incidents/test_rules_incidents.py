"""Rules of field/oncall.md section 5, by their numbers, as they reach an incident: what people do there."""

from datetime import timedelta

import pytest

from incidents import communication, engagement, lifecycle, timeline
from incidents.models import Incident
from oncall import escalation, paging
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import EscalationPolicy, Page, Service
from tests.incidents.conftest import policy_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def tick(at):
    """The pulse runs its paging lines at that time."""

    def run(clock: str) -> None:
        escalation.advance_due(now=lambda: at(clock))
        escalation.expire_acknowledgements(now=lambda: at(clock))

    return run


def told() -> list[str]:
    rows = Delivery.objects.exclude(state="cancelled").order_by("pk")
    return [f"{row.recipient}: {row.message.purpose}" for row in rows.select_related("message")]


def page_of(incident: Incident, service: Service) -> Page:
    return incident.engagements.filter(service=service).latest("pk").page


# -- 13, 17, 19, 20 ----------------------------------------------------------------------------------------
def test_rule_13_an_incident_that_paged_nobody_says_so_on_its_timeline(detected, alice, portal, tick):
    alice.is_active = False
    alice.save()

    tick("10:00")

    assert "Nobody could be paged" in detected.timeline.last().text


def test_rule_17_the_first_of_several_who_must_answer_is_the_incidents_first_answer(
    detected, checkout, alice, bob, at, tick
):
    step = checkout.policy.steps.get()
    step.everyone = True
    step.save()
    step.targets.create(user=bob)
    incident = lifecycle.detect(title="Down", service=checkout, by=None, at=at("10:00"))
    tick("10:00")

    paging.acknowledge(page_of(incident, checkout), by=alice, at=at("10:03"))

    incident.refresh_from_db()
    assert incident.acknowledged_at == at("10:03")
    assert page_of(incident, checkout).state == Page.State.ACTIVE


@pytest.fixture
def acknowledged(checkout, detected, alice, at, tick) -> Incident:
    """Acknowledged at 10:01 for half an hour."""
    EscalationPolicy.objects.filter(pk=checkout.policy.pk).update(ack_timeout=timedelta(minutes=30))
    page = paging.restart_with_current_policy(page_of(detected, checkout), by=None, at=at("10:00"))
    tick("10:00")
    paging.acknowledge(page, by=alice, at=at("10:01"))
    return Incident.objects.get(pk=detected.pk)


@pytest.mark.parametrize(
    "work",
    [
        lambda incident, **who: timeline.note(incident, text="Looking at it", **who),
        lambda incident, **who: communication.send(incident, audience="staff", text="On it", **who),
        lambda incident, **who: lifecycle.declare(incident, title="Checkout down", **who),
    ],
)
def test_rule_19_any_update_to_the_incident_restarts_the_time(acknowledged, checkout, bob, at, tick, work):
    work(acknowledged, by=bob, at=at("10:25"))

    tick("10:31")

    assert page_of(acknowledged, checkout).unacknowledge_at == at("10:55")


def test_rule_19_what_the_machine_writes_is_no_sign_of_work(acknowledged, checkout, at, tick):
    timeline.add(acknowledged, kind="alert", text="Firing again", by=None, at=at("10:25"))

    tick("10:31")

    assert page_of(acknowledged, checkout).reminded_at == at("10:31")


def test_rule_20_reopening_pages_anew_from_the_first_step(resolved, checkout, bob, at, tick):
    before = page_of(resolved, checkout)

    again = lifecycle.reopen(resolved, reason="It is back", by=bob, at=at("12:00"))
    tick("12:00")

    page = page_of(again, checkout)
    assert page != before and before.state == Page.State.RESOLVED
    assert (page.step, page.next_step_at) == (1, at("12:05"))


# -- 24: another service -----------------------------------------------------------------------------------
@pytest.fixture
def accounts(carol) -> Service:
    """carol is on call for it."""
    return Service.objects.create(slug="accounts", name="Accounts", policy=policy_for("accounts", carol))


def test_rule_24_moved_to_another_service_its_people_are_paged_and_the_others_no_more(
    detected, checkout, accounts, alice, at, tick
):
    tick("10:00")

    moved = engagement.move_service(detected, service=checkout, to=accounts, by=alice, at=at("10:02"))
    tick("10:02")

    assert told() == ["carol: page"]
    assert [service.slug for service in moved.services.all()] == ["accounts"]
    assert page_of(moved, accounts).facts["service"] == "Accounts"
    assert moved.timeline.filter(text="Moved from Checkout to Accounts").exists()


def test_rule_24_its_impact_goes_along(declared, checkout, accounts, alice, at):
    moved = engagement.move_service(declared, service=checkout, to=accounts, by=alice, at=at("10:06"))

    assert [(row.service, row.start, row.end) for row in moved.impacts.all()] == [
        (accounts, at("10:00"), None)
    ]


def test_rule_24_where_the_other_takes_part_already_the_first_ones_page_ends(
    declared, checkout, accounts, alice, at
):
    engagement.engage(declared, service=accounts, by=alice, at=at("10:06"))

    moved = engagement.move_service(declared, service=checkout, to=accounts, by=alice, at=at("10:07"))

    assert page_of(moved, checkout).state == Page.State.RESOLVED
    assert page_of(moved, accounts).state == Page.State.ACTIVE
    assert moved.impacts.filter(end__isnull=True).count() == 1


def test_rule_24_moving_again_changes_nothing_and_nonsense_is_refused(
    detected, checkout, accounts, ledger, alice, at
):
    where = {"service": checkout, "to": accounts, "by": alice}
    engagement.move_service(detected, **where, at=at("10:02"))
    entries = detected.timeline.count()

    engagement.move_service(detected, **where, at=at("10:03"))

    assert detected.timeline.count() == entries
    for service, to, code in [(accounts, accounts, "same_service"), (checkout, ledger, "not_affected")]:
        with pytest.raises(DomainError) as refusal:
            engagement.move_service(detected, service=service, to=to, by=alice, at=at("10:04"))
        assert refusal.value.code == code


# -- 25: severity ------------------------------------------------------------------------------------------
def test_rule_25_a_lowered_severity_lowers_the_open_pages_and_pages_nobody(
    troubleshooting, minor, bob, at, tick
):
    tick("10:10")
    before = told()

    lifecycle.reclassify(troubleshooting, severity=minor, reason="Few users", by=bob, at=at("10:12"))

    assert set(Page.objects.open().values_list("urgency", flat=True)) == {"low"}
    assert told() == before


@pytest.fixture
def generals(carol) -> EscalationPolicy:
    return policy_for("generals", carol)


def set_up(severity, **fields):
    for name, value in fields.items():
        setattr(severity, name, value)
    severity.save()
    return severity


def test_rule_25_a_severity_with_a_policy_of_its_own_pages_by_that_from_the_first_step(
    declared, checkout, generals, major, bob, at, tick
):
    tick("10:06")
    set_up(major, policy=generals)

    lifecycle.classify(declared, severity=major, by=bob, at=at("10:07"))
    tick("10:07")

    page = page_of(declared, checkout)
    assert (page.policy, page.policy_reason) == (generals, "Major")
    assert told()[-1] == "carol: page"
    assert declared.timeline.filter(text__contains="Major is paged by Generals from here").exists()


def test_rule_25_what_is_acknowledged_stays_so_and_begins_again_by_the_severitys_policy(
    declared, checkout, generals, major, alice, bob, at, tick
):
    tick("10:06")
    page = paging.acknowledge(page_of(declared, checkout), by=alice, at=at("10:06"))
    lifecycle.classify(declared, severity=set_up(major, policy=generals), by=bob, at=at("10:07"))
    tick("10:08")
    assert "carol: page" not in told()

    paging.unacknowledge(page, by=alice, at=at("10:09"))
    tick("10:10")

    assert told()[-1] == "carol: page"


def test_rule_25_one_page_of_an_incident_goes_by_the_severitys_policy(
    declared, checkout, accounts, generals, major, bob, at
):
    lifecycle.classify(declared, severity=set_up(major, policy=generals), by=bob, at=at("10:07"))

    engagement.engage(declared, service=accounts, by=bob, at=at("10:08"))

    assert page_of(declared, checkout).policy == generals
    assert page_of(declared, accounts).policy == accounts.policy


def test_rule_25_a_lowered_severity_changes_no_policy(declared, checkout, generals, major, minor, bob, at):
    set_up(minor, policy=generals)
    incident = lifecycle.classify(declared, severity=major, by=bob, at=at("10:07"))

    lifecycle.reclassify(incident, severity=minor, reason="Few users", by=bob, at=at("10:08"))

    assert page_of(declared, checkout).policy == checkout.policy


def test_rule_25_a_worse_severity_without_a_policy_gives_the_page_back_to_the_service(
    declared, checkout, generals, major, minor, bob, at, tick
):
    set_up(minor, policy=generals)
    incident = lifecycle.classify(declared, severity=minor, by=bob, at=at("10:07"))
    tick("10:07")

    lifecycle.reclassify(incident, severity=major, by=bob, at=at("10:08"))
    tick("10:08")

    page = page_of(declared, checkout)
    assert (page.policy, page.policy_reason) == (checkout.policy, "")
    assert told()[-1] == "alice: page"


def test_rule_24_a_page_by_the_severitys_policy_goes_on_where_it_stands_for_another_service(
    declared, checkout, accounts, generals, major, bob, at, tick
):
    incident = lifecycle.classify(declared, severity=set_up(major, policy=generals), by=bob, at=at("10:07"))
    tick("10:07")
    before = told()

    moved = engagement.move_service(incident, service=checkout, to=accounts, by=bob, at=at("10:08"))
    paging.follow_service(accounts, by=None, at=at("10:08"))
    tick("10:08")

    page = page_of(moved, accounts)
    assert (page.policy, page.service, page.step) == (generals, accounts, 1)
    assert told() == before


def test_rule_19_a_severity_says_how_long_an_acknowledgement_lasts(
    declared, checkout, major, alice, bob, at, tick
):
    tick("10:06")
    paging.acknowledge(page_of(declared, checkout), by=alice, at=at("10:06"))
    set_up(major, ack_timeout=timedelta(minutes=10))

    lifecycle.classify(declared, severity=major, by=bob, at=at("10:07"))

    assert page_of(declared, checkout).unacknowledge_at == at("10:17")


def test_rule_19_a_page_that_begins_takes_it_along_and_keeps_it(declared, accounts, major, bob, at):
    set_up(major, ack_timeout=timedelta(minutes=10))
    incident = lifecycle.classify(declared, severity=major, by=bob, at=at("10:07"))
    engagement.engage(incident, service=accounts, by=bob, at=at("10:08"))
    set_up(major, ack_timeout=None)

    page = paging.acknowledge(page_of(incident, accounts), by=bob, at=at("10:09"))

    assert page.unacknowledge_at == at("10:19")


def test_rule_19_a_severity_that_says_nothing_leaves_it_to_the_policy(
    acknowledged, checkout, major, minor, bob, at
):
    set_up(major, ack_timeout=timedelta(minutes=10))
    incident = lifecycle.declare(acknowledged, title="Down", by=bob, at=at("10:02"))
    incident = lifecycle.classify(incident, severity=major, by=bob, at=at("10:03"))
    assert page_of(incident, checkout).unacknowledge_at == at("10:13")

    lifecycle.reclassify(incident, severity=minor, reason="Few users", by=bob, at=at("10:05"))

    assert page_of(incident, checkout).unacknowledge_at == at("10:35")


# -- 27: merged --------------------------------------------------------------------------------------------
def test_rule_27_people_of_a_merged_incident_are_told_once_that_the_other_goes_on(
    declared, other, bob, at, tick
):
    tick("10:06")

    lifecycle.merge(declared, into=other, by=bob, at=at("10:08"))

    notices = Delivery.objects.filter(message__purpose="notice")
    assert sorted(notices.values_list("recipient", flat=True)) == ["alice", "bob"]
    assert f"{declared.key}, for which you were paged, was merged into {other.key}" in (
        notices.first().message.text
    )


def test_rule_27_of_a_private_incident_only_its_key_is_told(declared, other, bob, at, tick):
    tick("10:06")
    lifecycle.make_private(other, by=bob, at=at("10:07"))

    lifecycle.merge(declared, into=Incident.objects.get(pk=other.pk), by=None, at=at("10:08"))

    assert not any(
        other.title in row.message.text for row in Delivery.objects.filter(message__purpose="notice")
    )


def test_rule_27_pages_that_go_on_belong_to_the_parent_and_end_with_it(
    declared, other, checkout, bob, clear, at, tick, major
):
    tick("10:06")
    lifecycle.merge(declared, into=other, by=bob, at=at("10:08"))
    page = Page.objects.get(service=checkout)

    parent = lifecycle.classify(Incident.objects.get(pk=other.pk), severity=major, by=bob, at=at("10:10"))
    lifecycle.resolve(clear(parent), text="Fixed", by=bob, at=at("11:00"))

    assert (page.reference, page.state) == (other.key, Page.State.ACTIVE)
    assert not Page.objects.open().exists()


def test_rule_27_taken_apart_again_the_child_starts_at_the_first_step(
    declared, other, checkout, bob, at, tick
):
    tick("10:06")
    gone = lifecycle.merge(declared, into=other, by=bob, at=at("10:08"))

    back = lifecycle.unmerge(gone, by=bob, at=at("10:30"))

    page = page_of(back, checkout)
    assert (page.reference, page.step, page.next_step_at) == (back.key, 0, at("10:30"))
