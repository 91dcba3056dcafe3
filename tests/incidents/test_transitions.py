"""The table: every verb from every state does what its row says, or refuses and changes nothing."""

import pytest
from django.db import transaction

from incidents import guards, lifecycle, milestones, timeline, transitions
from incidents.models import OPEN_STATES, Incident, State, TimelineEntry, Transition
from oncall.messaging.errors import DomainError

# "classified" is passed through within one verb; the fixture below puts an incident there by hand.
STATES = [state.value for state in State]
VERBS = [row for row in transitions.VERBS if row.name != "detect"]


@pytest.fixture
def classified(declared, major) -> Incident:
    Incident.objects.filter(pk=declared.pk).update(state=State.CLASSIFIED, severity=major)
    return Incident.objects.get(pk=declared.pk)


@pytest.fixture
def incident(request, state) -> Incident:
    return request.getfixturevalue(state)


def told(verb, minor, checkout, other) -> dict:
    """What the verb must be told; a milder severity, so that neither all-clear nor review stands in the way."""
    fields = {
        "classify": {"severity": minor},
        "reclassify": {"severity": minor, "reason": "Few users"},
        "mitigate": {"text": "Traffic moved", "severity": None},
        "resolve": {"text": "Pool enlarged"},
        "approve_review": {"root_cause_type": "capacity", "root_cause_service": checkout},
        "merge": {"into": other},
    }
    return fields.get(verb.name, {"reason": "Because"} if verb.reason else {})


def everything(incident: Incident) -> tuple:
    """All that a verb could change."""
    row = Incident.objects.filter(pk=incident.pk).values().get()
    counts = [model.objects.count() for model in (Transition, TimelineEntry, Incident.history.model)]
    return row, counts


def ready(incident: Incident, verb, minor) -> None:
    """Take away the hard guards that have tests of their own."""
    if verb.name in ("resolve", "close", "skip_review", "mitigate") and incident.state not in (
        "merged",
        "cancelled",
    ):
        Incident.objects.filter(pk=incident.pk).update(severity=minor)


@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES)
def test_every_verb_in_every_state(subtests, state, incident, other, checkout, bob, minor, at):
    for verb in VERBS:
        with subtests.test(verb.name), transaction.atomic():
            try_out(
                verb, Incident.objects.get(pk=incident.pk), told(verb, minor, checkout, other), bob, minor, at
            )
            transaction.set_rollback(True)


def try_out(verb, incident, fields, bob, minor, at) -> None:
    """The verb does what its row says, or refuses and changes nothing."""
    state = incident.state
    ready(incident, verb, minor)
    before, last = everything(incident), incident.transitions.order_by("-id").first()

    if state in verb.origins:
        done = getattr(lifecycle, verb.name)(incident, by=bob, at=at("15:00"), **fields)
        assert_done(done, state, verb)
    elif state in verb.done_in and last.name in (verb.name, verb.then):
        again = {**fields, **({"severity": incident.severity} if "severity" in fields else {})}
        getattr(lifecycle, verb.name)(incident, by=bob, at=at("15:00"), **again)
        assert everything(incident) == before
    else:
        with pytest.raises(DomainError) as refusal:
            getattr(lifecycle, verb.name)(incident, by=bob, at=at("15:00"), **fields)
        assert refusal.value.code == "illegal_transition"
        assert refusal.value.detail.startswith(f"{incident.key} ")
        assert everything(incident) == before


def assert_done(done: Incident, state: str, verb: transitions.Verb) -> None:
    assert done.state == (verb.targets[-1] if verb.targets else state)
    row = done.transitions.filter(name=verb.name).last()
    assert (row.from_state, row.to_state in (verb.targets or (state,))) == (state, True)
    assert done.timeline.filter(data__transition=row.pk).count() == 1
    assert all(getattr(done, name) for name in verb.sets)
    assert list(timeline.verify([done])) == []
    assert Incident.objects.get(pk=done.pk).version == done.version


@pytest.mark.parametrize("state", STATES)
def test_the_verb_bar_offers_only_what_is_legal_and_knows_what_comes_next(state):
    offered = transitions.legal(state)

    assert {row.name for row in offered} == {row.name for row in VERBS if state in row.origins}
    primary = transitions.primary(state)
    assert primary is None or primary in offered
    assert (primary is None) == (state in ("closed", "cancelled", "merged"))


def test_the_table_speaks_of_the_states_the_model_has():
    assert set(STATES) == transitions.ANY
    assert set(OPEN_STATES) == transitions.OPEN
    named = {state for row in transitions.VERBS for state in (*row.origins, *row.targets, *row.done_in)}
    assert named - {transitions.NEW} == transitions.ANY


def test_the_table_is_whole():
    assert [row.number for row in transitions.VERBS] == [f"T{n}" for n in range(1, 21)]
    named = {name for row in transitions.VERBS for name in (*row.hard, *row.excusable, *row.soft)}
    assert named == set(guards.BY_NAME) | {guards.WHEN_WRITTEN}
    assert all(hasattr(lifecycle, row.name) for row in transitions.VERBS)
    rights = {codename for codename, _ in Incident._meta.permissions}
    assert {right for row in (*transitions.VERBS, *transitions.ACTS) for right in row.rights} <= rights
    fields = {field.name for field in Incident._meta.get_fields()}
    assert {name for row in transitions.VERBS for name in row.sets} | set(milestones.WORDS) <= fields


def test_the_rail_has_one_node_now_until_all_is_done():
    for state in STATES:
        now = [node.label for node, where in transitions.rail(state) if where == "now"]
        assert len(now) == (0 if state in ("closed", "cancelled", "merged") else 1)
    assert all(where == "done" for _, where in transitions.rail("closed"))
    assert [node.milestone for node in transitions.STAGES if not hasattr(Incident, node.milestone)] == []
