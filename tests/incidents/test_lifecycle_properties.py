"""Whatever people do in whatever order: times keep their order, and no change of state is ever lost."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents import engagement, lifecycle, milestones, timeline
from incidents.models import Incident
from oncall.messaging.errors import DomainError
from oncall.models import Page

pytestmark = pytest.mark.django_db

BACKDATED = {"mitigate", "resolve", "recur", "identify"}
VERBS = [
    "declare", "acknowledge", "classify", "reclassify", "troubleshoot", "identify", "mitigate", "recur",
    "all_clear", "resolve", "start_review", "skip_review", "approve_review", "close", "reopen", "cancel",
    "restore", "edit",
]  # fmt: skip
# (verb, minutes since the last one, minutes that it is told late)
steps = st.tuples(st.sampled_from(VERBS), st.integers(0, 30), st.integers(0, 45))
# A path that leads far, so that the later states are visited too.
THROUGH = [
    ("declare", 5, 0),
    ("classify", 5, 0),
    ("mitigate", 10, 5),
    ("all_clear", 1, 0),
    ("resolve", 10, 2),
]
stories = st.tuples(st.integers(0, len(THROUGH)), st.lists(steps, max_size=12))


def told(verb: str, severity, service, late, now) -> dict:
    fields = {
        "classify": {"severity": severity},
        "reclassify": {"severity": severity, "reason": "x"},
        "identify": {"text": "x"},
        "mitigate": {"text": "x"},
        "resolve": {"text": "x", "severity": None, "reason": "x"},
        "all_clear": {"service": service},
        "approve_review": {"root_cause_type": "capacity", "root_cause_service": service},
        "edit": {"impact_started_at": now - timedelta(minutes=late), "reason": "x"},
    }.get(verb, {"reason": "x"} if verb in {"recur", "skip_review", "reopen", "cancel", "restore"} else {})
    if verb in BACKDATED and late:
        fields = {**fields, "effective_at": now - timedelta(minutes=late)}
    return fields


def kept(incident: Incident) -> tuple:
    rows = Incident.objects.filter(pk=incident.pk).values().get()
    return rows, incident.transitions.count(), incident.timeline.count(), Page.objects.count()


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories)
def test_no_order_of_verbs_breaks_the_times_or_loses_a_transition(story, checkout, portal, bob, medium, at):
    with transaction.atomic():
        walk(story, checkout, bob, medium, at("10:00"))
        transaction.set_rollback(True)


def walk(story, checkout, bob, severity, now) -> None:
    done, more = story
    incident = lifecycle.detect(title="x", service=checkout, by=None, at=now)
    for verb, minutes, late in [*THROUGH[:done], *more]:
        now += timedelta(minutes=minutes)
        before = kept(incident)
        act = engagement.all_clear if verb == "all_clear" else getattr(lifecycle, verb)
        try:
            with transaction.atomic():
                incident = act(incident, by=bob, at=now, **told(verb, severity, checkout, late, now))
        except DomainError as refusal:
            assert refusal.detail
            assert kept(incident) == before
        assert_sound(incident, before, now)


def assert_sound(incident: Incident, before: tuple, now) -> None:
    fresh = Incident.objects.get(pk=incident.pk)
    times = {name: getattr(fresh, name) for name in milestones.WORDS}
    assert milestones.disorder(times, proactive=False, now=now) == ""
    rows = list(fresh.transitions.order_by("id"))
    assert all(one.to_state == other.from_state for one, other in pairwise(rows))
    assert (rows[0].from_state, rows[-1].to_state) == ("", fresh.state)
    assert len(rows) >= before[1]
    assert fresh.state == before[0]["state"] or len(rows) > before[1]
    archived = [
        row.data["before"] for row in rows if "before" in row.data and row.name in ("recur", "reopen")
    ]
    assert len(archived) == sum(row.name in ("recur", "reopen") for row in rows)
    assert all(one["mitigated_at"] for one in archived)
    assert all(row.end is None or row.end >= row.start for row in fresh.impacts.all())
    assert bool(fresh.update_due_at) == (fresh.is_open and fresh.declared_at is not None)
    assert list(timeline.verify([fresh])) == []
