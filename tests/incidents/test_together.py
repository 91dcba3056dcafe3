"""Two people at the same incident at the same moment, in transactions of their own."""

import threading
from collections.abc import Callable

import pytest
from django.db import close_old_connections, connection

from incidents import engagement, lifecycle, timeline
from incidents.models import Incident
from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.models import Page
from tests.incidents.conftest import severity

pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts: Callable[[], object]) -> list[object]:
    """Run the acts at once; each one's result, or its refusal."""
    start, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        try:
            start.wait(timeout=10)
            results[place] = act()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    close_old_connections()
    return results


@pytest.fixture
def mitigated(declared, bob, checkout, at) -> Incident:
    incident = lifecycle.classify(declared, severity=severity("major"), by=bob, at=at("10:10"))
    incident = lifecycle.mitigate(incident, text="Moved", by=bob, at=at("10:20"))
    return engagement.all_clear(incident, service=checkout, by=bob, at=at("10:25"))


def test_of_two_who_resolve_and_say_it_is_back_one_is_refused(mitigated, alice, bob, at):
    seen = {"expected_version": mitigated.version, "at": at("10:30")}

    results = together(
        lambda: lifecycle.resolve(mitigated, text="Fixed", by=bob, **seen),
        lambda: lifecycle.recur(mitigated, reason="Errors again", by=alice, **seen),
    )

    refusals = [result for result in results if isinstance(result, Exception)]
    assert [type(refusal) for refusal in refusals] == [DomainError], results
    assert refusals[0].code == "stale"
    fresh = Incident.objects.get(pk=mitigated.pk)
    assert fresh.version == mitigated.version + 1
    assert list(timeline.verify([fresh])) == []


def test_two_who_write_at_once_get_two_places_in_the_chain(declared, alice, bob, at):
    notes = [
        lambda n=n: timeline.note(declared, text=f"Note {n}", by=(alice, bob)[n % 2], at=at("10:06"))
        for n in range(6)
    ]

    results = together(*notes)

    assert not [result for result in results if isinstance(result, Exception)]
    assert declared.timeline.filter(kind="note").count() == 6
    assert list(timeline.verify([declared])) == []


def test_answers_and_verbs_that_meet_do_not_block_each_other(declared, alice, bob, at):
    """An answer goes from the page to the incident, a verb from the incident to its pages: no deadlock."""
    pages = list(Page.objects.order_by("pk"))
    minor = severity("minor")
    acts = [
        lambda: paging.acknowledge(pages[0], by=alice, at=at("10:06")),
        lambda: paging.acknowledge(pages[1], by=bob, at=at("10:06")),
        lambda: lifecycle.classify(declared, severity=minor, by=bob, at=at("10:06")),
        lambda: lifecycle.edit(declared, summary="Cards fail", by=alice, at=at("10:06")),
        lambda: lifecycle.acknowledge(declared, by=alice, at=at("10:06")),
    ]

    results = together(*acts)

    assert not [result for result in results if isinstance(result, Exception)], results
    fresh = Incident.objects.get(pk=declared.pk)
    assert (fresh.state, fresh.acknowledged_at, fresh.summary) == (
        "troubleshooting",
        at("10:06"),
        "Cards fail",
    )
    assert fresh.transitions.filter(name="acknowledge").count() == 1
    assert fresh.roles.get().user == bob
    assert list(timeline.verify([fresh])) == []


def test_two_that_are_merged_into_each_other_end_in_one(declared, other, bob, at):
    results = together(
        lambda: lifecycle.merge(declared, into=other, by=bob, at=at("10:10")),
        lambda: lifecycle.merge(other, into=declared, by=bob, at=at("10:10")),
    )

    refusals = [result for result in results if isinstance(result, Exception)]
    assert [getattr(refusal, "code", refusal) for refusal in refusals] == ["cannot_merge_there"]
    assert sorted(Incident.objects.values_list("state", flat=True)) == ["declared", "merged"]


def test_a_role_is_given_once(declared, alice, bob, at):
    pages = list(Page.objects.filter(engagement__kind="manager"))

    together(
        lambda: paging.acknowledge(pages[0], by=bob, at=at("10:06")),
        lambda: paging.acknowledge(pages[0], by=alice, at=at("10:06")),
    )

    assert declared.roles.filter(role="incident_manager", until=None).count() == 1
