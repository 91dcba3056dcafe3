"""Calling people in, their answers, their roles, their tasks."""

import pytest

from incidents import engagement, lifecycle, roles, roll_call, tasks
from incidents.models import Incident
from oncall import escalation, paging
from oncall.messaging.errors import DomainError
from oncall.models import Page

pytestmark = pytest.mark.django_db


def refused(code: str, verb, *args, **fields) -> str:
    with pytest.raises(DomainError) as refusal:
        verb(*args, **fields)
    assert refusal.value.code == code
    return refusal.value.detail


def texts(incident: Incident, kind: str) -> list[str]:
    return list(incident.timeline.filter(kind=kind).values_list("text", flat=True))


# -- engaging ----------------------------------------------------------------------------------------------
def test_engaging_a_service_makes_it_part_of_the_incident(troubleshooting, ledger, bob, at):
    engagement.engage(troubleshooting, service=ledger, kind="owning", by=bob, at=at("10:20"))

    assert troubleshooting.affected_services.get(service=ledger).kind == "owning"
    assert not troubleshooting.impacts.filter(service=ledger).exists()
    assert texts(troubleshooting, "page")[-1] == "Ledger on-call engaged"
    assert all(page.facts["service"] == "Checkout, Ledger" for page in Page.objects.all())


def test_an_impacted_service_is_hurt_from_now_on(troubleshooting, ledger, bob, at):
    engagement.engage(troubleshooting, service=ledger, by=bob, at=at("10:20"))

    assert troubleshooting.impacts.get(service=ledger).start == at("10:20")


def test_engaging_twice_pages_once(troubleshooting, team, carol, bob, at):
    for _ in range(2):
        engagement.engage(troubleshooting, team=team, by=bob, at=at("10:20"))
        engagement.engage(troubleshooting, user=carol, by=bob, at=at("10:20"))

    assert troubleshooting.engagements.filter(kind="other").count() == 2


def test_what_cannot_be_engaged(troubleshooting, resolved, ledger, team, bob, at):
    refused("not_open", engagement.engage, resolved, service=ledger, by=bob, at=at("12:00"))


@pytest.mark.parametrize("targets", [set(), {"service", "team"}])
def test_exactly_one_is_engaged_at_a_time(targets, troubleshooting, ledger, team, bob, at):
    told = {name: value for name, value in {"service": ledger, "team": team}.items() if name in targets}

    refused("one_target", engagement.engage, troubleshooting, by=bob, at=at("10:20"), **told)


def test_people_are_no_owning_service(troubleshooting, carol, bob, at):
    refused(
        "kind_unknown", engagement.engage, troubleshooting, user=carol, kind="owning", by=bob, at=at("10:20")
    )


def test_the_roll_call_names_who_was_called_and_who_answered(
    troubleshooting, alice, at, django_assert_max_num_queries
):
    lifecycle.acknowledge(troubleshooting, by=alice, at=at("10:12"))

    with django_assert_max_num_queries(4):
        rows = roll_call.of(troubleshooting)

    assert [(row.whom, row.state, row.answered_by, row.answered_at) for row in rows] == [
        ("Checkout on-call", "acknowledged", alice, at("10:12")),
        ("Incident manager on call", "active", None, None),
    ]


# -- answers -----------------------------------------------------------------------------------------------
def test_an_answer_to_a_page_is_the_incidents_answer(detected, alice, at):
    paging.acknowledge(detected.engagements.get().page, by=alice, at=at("10:03"))

    incident = Incident.objects.get()
    assert incident.acknowledged_at == at("10:03")
    assert incident.transitions.get(name="acknowledge").by == alice
    assert texts(incident, "page")[-1] == "Alice acknowledged (Checkout)"
    assert incident.engagements.get().user == alice


def test_a_second_answer_changes_no_milestone(detected, alice, bob, at):
    page = detected.engagements.get().page
    paging.acknowledge(page, by=alice, at=at("10:03"))
    paging.acknowledge(page, by=bob, at=at("10:05"))

    incident = Incident.objects.get()
    assert incident.acknowledged_at == at("10:03")
    assert texts(incident, "page")[-1] == "Bob acknowledged as well (Checkout)"


def test_whoever_answers_the_managers_page_manages(declared, bob, carol, at):
    page = declared.engagements.get(kind="manager").page
    paging.acknowledge(page, by=bob, at=at("10:06"))
    paging.acknowledge(page, by=carol, at=at("10:08"))

    assert roles.manager(declared) == bob
    assert texts(declared, "role") == ["Bob is incident manager"]


def test_every_step_of_a_page_is_told(detected, at):
    escalation.advance_due(now=lambda: at("10:00"))

    assert texts(detected, "page")[1].startswith("Alice is paged.")


def test_a_page_that_belongs_to_no_incident_is_none_of_ours(checkout, alice, at):
    page = paging.page(title="Hello", urgency="low", user=alice, by=None, at=at("10:00"))

    assert paging.acknowledge(page, by=alice, at=at("10:01")).state == "acknowledged"


def test_the_end_of_a_page_is_told_after_the_incident_has_ended(declared, bob, at):
    done = lifecycle.cancel(declared, reason="A test", by=bob, at=at("10:06"))

    assert texts(done, "page")[-1] == "Over: cancelled (incident manager)"


# -- roles -------------------------------------------------------------------------------------------------
def test_handing_over_keeps_both_and_the_note(troubleshooting, bob, carol, at):
    roles.assign(troubleshooting, role="incident_manager", user=bob, by=None, at=at("10:11"))

    roles.assign(
        troubleshooting,
        role="incident_manager",
        user=carol,
        note="Failover runs until noon",
        by=bob,
        at=at("12:00"),
    )

    held = [(row.user, row.since, row.until) for row in troubleshooting.roles.order_by("pk")]
    assert held == [(bob, at("10:11"), at("12:00")), (carol, at("12:00"), None)]
    assert texts(troubleshooting, "role")[-1] == (
        "Carol is incident manager, taking over from Bob: Failover runs until noon"
    )


def test_assigning_to_who_holds_it_changes_nothing(troubleshooting, carol, bob, at):
    for _ in range(2):
        roles.assign(troubleshooting, role="scribe", user=carol, by=bob, at=at("10:11"))

    assert troubleshooting.roles.count() == 1


def test_a_holder_hands_her_own_role_over(troubleshooting, alice, carol, bob, at):
    roles.assign(troubleshooting, role="scribe", user=carol, by=bob, at=at("10:11"))

    refused("forbidden", roles.assign, troubleshooting, role="scribe", user=alice, by=alice, at=at("10:12"))
    roles.assign(troubleshooting, role="scribe", user=alice, by=carol, at=at("10:13"))

    assert roles.current(troubleshooting)["scribe"].user == alice


def test_what_the_severity_requires_and_nobody_holds_is_missing(troubleshooting, bob, at):
    assert roles.missing(troubleshooting) == ["incident_manager", "communications_lead"]

    roles.assign(troubleshooting, role="incident_manager", user=bob, by=bob, at=at("10:11"))
    roles.assign(troubleshooting, role="communications_lead", user=bob, by=bob, at=at("10:11"))

    assert roles.missing(troubleshooting) == []
    assert roles.doubled(troubleshooting) == [bob]


def test_nobody_without_an_account_gets_a_role(troubleshooting, carol, bob, at):
    carol.is_active = False
    carol.save()

    refused(
        "person_inactive", roles.assign, troubleshooting, role="scribe", user=carol, by=bob, at=at("10:11")
    )
    refused("role_unknown", roles.assign, troubleshooting, role="king", user=bob, by=bob, at=at("10:11"))


# -- tasks -------------------------------------------------------------------------------------------------
def test_a_task_is_ticked_off_and_back(troubleshooting, alice, bob, at):
    task = tasks.add(troubleshooting, title="Call the acquirer", owner=bob, by=alice, at=at("10:20"))

    done = tasks.done(tasks.done(task, by=bob, at=at("10:25")), by=alice, at=at("10:26"))
    assert (done.done_at, done.done_by) == (at("10:25"), bob)

    assert tasks.undone(done, by=bob, at=at("10:30")).done_at is None
    assert texts(troubleshooting, "action") == [
        "Task: Call the acquirer (Bob)",
        "Done: Call the acquirer",
        "Not done after all: Call the acquirer",
    ]


def test_the_same_open_task_is_one(troubleshooting, alice, at):
    first = tasks.add(troubleshooting, title="Call the acquirer", by=alice, at=at("10:20"))

    assert tasks.add(troubleshooting, title="Call the acquirer", by=alice, at=at("10:21")) == first
    refused("title_missing", tasks.add, troubleshooting, title=" ", by=alice, at=at("10:21"))


def test_tasks_are_for_those_who_respond(troubleshooting, carol, at):
    refused("forbidden", tasks.add, troubleshooting, title="x", by=carol, at=at("10:20"))
