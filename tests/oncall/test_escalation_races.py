"""Several engines, and people beside them, at work on the same pages at the same moment."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from oncall import escalation, handover, paging
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import HandOverNote, Notified, Page, Service

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works):
    """Run every work in a thread and a connection of its own, all let go together; their results."""
    together = Barrier(len(works))

    def run(work):
        together.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_two_engines_page_each_person_once(make_page, alice, at):
    for _ in range(10):
        make_page(user=alice)

    worked = at_once(*[lambda: escalation.advance_due(now=lambda: at("10:00"))] * 2)

    assert sum(worked) == 10
    assert Delivery.objects.count() == Notified.objects.count() == 10
    assert set(Page.objects.values_list("generation", flat=True)) == {1}


def test_an_engine_that_is_late_finds_the_page_taken(page, at):
    """All of them have read the same list; each now asks for the page."""

    def engine():
        return escalation._alone(page.pk, escalation._advance, at("10:00"))

    assert Counter(at_once(engine, engine, engine)) == {True: 1, False: 2}
    assert Delivery.objects.count() == 1


def test_of_two_who_escalate_at_once_one_is_refused(page, alice, bob, at, advance):
    advance("10:00")

    def escalate(by):
        try:
            paging.escalate_now(page, expected_step=1, by=by, at=at("10:01"))
        except DomainError as refusal:
            return refusal.code
        return "done"

    assert sorted(at_once(lambda: escalate(alice), lambda: escalate(bob))) == ["done", "stale_step"]
    assert Notified.objects.filter(user=bob).count() == 1


def test_an_acknowledgement_and_a_step_at_once_leave_nothing_waiting(page, alice, at, advance):
    advance("10:00")

    at_once(
        lambda: paging.acknowledge(page, by=alice, at=at("10:05")),
        lambda: escalation.advance_due(now=lambda: at("10:05")),
    )

    assert Page.objects.get().state == Page.State.ACKNOWLEDGED
    assert not Delivery.objects.filter(due_at__isnull=False).exists()


def test_two_engines_hand_a_shift_over_once(primary, alice, bob, at):
    handover.hand_over(now=lambda: at("10:00"))
    handover.write(handover.current(primary), text="Mind db-3.", by=alice, at=at("10:05"))
    tomorrow = at("09:00") + timedelta(days=1)

    told = at_once(*[lambda: handover.hand_over(now=lambda: tomorrow)] * 3)

    assert sum(told) == Delivery.objects.filter(recipient="bob").count() == 1
    assert HandOverNote.objects.coming().count() == 1


def test_words_that_come_with_the_hand_over_are_in_the_mail_or_refused(primary, alice, at):
    handover.hand_over(now=lambda: at("10:00"))
    note = handover.write(handover.current(primary), text="First", by=alice, at=at("10:05"))
    tomorrow = at("09:00") + timedelta(days=1)

    def write():
        try:
            handover.write(note, text="Second", by=alice, at=tomorrow)
        except DomainError as refusal:
            return refusal.code
        return "Second"

    said, _ = at_once(write, lambda: handover.hand_over(now=lambda: tomorrow))

    mailed = Delivery.objects.get(recipient="bob").message.text
    assert ("Second" in mailed) == (said == "Second")


def test_two_engines_give_two_pages_of_a_round_robin_to_two_people(make_policy, make_page, alice, bob, at):
    policy = make_policy((0, [alice, bob], {"round_robin": True}))
    pages = [make_page(policy), make_page(policy)]

    def engine(page):
        return lambda: escalation._alone(page.pk, escalation._advance, at("10:00"))

    assert at_once(*[engine(page) for page in pages]) == [True, True]
    assert set(Notified.objects.values_list("user__username", flat=True)) == {"alice", "bob"}


def test_of_two_who_must_both_acknowledge_at_once_the_second_ends_it(
    make_policy, make_page, alice, bob, at, advance
):
    page = make_page(make_policy((0, [alice, bob], {"everyone": True})))
    advance("10:00")

    at_once(*[lambda by=by: paging.acknowledge(page, by=by, at=at("10:01")) for by in (alice, bob)])

    assert Page.objects.get().state == Page.State.ACKNOWLEDGED
    assert page.events.filter(kind="answered").count() == 1
    assert not Delivery.objects.filter(due_at__isnull=False).exists()


def test_a_reminder_and_a_confirmation_at_once_leave_the_page_with_its_owner(
    make_policy, make_page, alice, at, advance
):
    page = make_page(make_policy((0, alice), ack_timeout=timedelta(minutes=30)))
    advance("10:00")
    paging.acknowledge(page, by=alice, at=at("10:00"))

    at_once(
        lambda: paging.acknowledge(page, by=alice, at=at("10:30")),
        lambda: escalation.expire_acknowledgements(now=lambda: at("10:30")),
    )

    after = Page.objects.get()
    asked = bool(after.reminded_at)
    assert (after.state, after.acknowledged_by) == (Page.State.ACKNOWLEDGED, alice)
    assert after.unacknowledge_at == (at("10:35") if asked else at("11:00"))
    assert Delivery.objects.filter(due_at__isnull=False).exists() == asked


def test_two_who_answer_pages_of_the_same_incident_do_not_meet(make_page, alice, bob, at, advance):
    about = {"reference": "INC-47"}
    pages = [make_page(user=user, **about) for user in (alice, bob, alice, bob)]
    advance("10:00")

    at_once(
        lambda: paging.acknowledge(pages[0], by=bob, at=at("10:01")),
        lambda: paging.acknowledge(pages[3], by=alice, at=at("10:01")),
        lambda: paging.acknowledge(pages[2], by=alice, at=at("10:01")),
    )

    assert set(Page.objects.values_list("state", flat=True)) == {"acknowledged"}


def test_a_service_that_changes_its_policy_while_a_step_fires_is_paged_by_the_new_one(
    make_policy, make_page, policy, carol, at
):
    service = Service.objects.create(slug="checkout", name="Checkout", policy=policy)
    page = make_page(service=service)
    service.policy = make_policy((0, carol), slug="other")
    service.save()

    at_once(
        lambda: paging.follow_service(service, by=None, at=at("10:00")),
        lambda: escalation.advance_due(now=lambda: at("10:00")),
    )
    escalation.advance_due(now=lambda: at("10:00"))

    waiting = Delivery.objects.filter(due_at__isnull=False).values_list("recipient", flat=True)
    assert (list(waiting), Page.objects.get(pk=page.pk).policy) == (["carol"], service.policy)
