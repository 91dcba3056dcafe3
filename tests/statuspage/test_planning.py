"""Posts and updates written ahead and published by the clock."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, connections

from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from statuspage import fanout, planning, publishing
from statuspage.models import PlannedPost, Post, PostUpdate


@pytest.fixture
def planned(cards, alice, at):
    return planning.plan(
        name="Payouts will be late",
        body="Payouts of today arrive tomorrow.",
        status="identified",
        components={cards: "degraded_performance"},
        next_update_in=timedelta(hours=1),
        publish_at=at("15:00"),
        by=alice,
        at=at("12:00"),
    )


def turn(at):
    return planning.publish_due(now=lambda: at)


def test_nothing_of_it_is_public_or_mailed_before_its_time(planned, cards, at, subscriber):
    subscriber()

    assert turn(at("14:59")) == 0
    assert fanout.fan_out(now=lambda: at("14:59")) == 0
    assert not Post.objects.exists() and not Delivery.objects.exists()
    assert not cards.impacts.exists()


def test_at_its_time_it_is_published_once_under_its_authors_name(planned, cards, alice, at, subscriber):
    subscriber()

    assert (turn(at("15:00")), turn(at("15:00"))) == (1, 0)

    post = Post.objects.get()
    told = post.updates.get()
    assert (post.name, post.started_at, post.next_update_at) == (planned.name, at("15:00"), at("16:00"))
    assert (told.by, told.created_at) == (alice, at("15:00"))
    assert cards.impacts.get().status == "degraded_performance"
    assert fanout.fan_out(now=lambda: at("15:00")) == 1
    planned.refresh_from_db()
    assert (planned.state, planned.told) == ("published", post)


def test_it_can_be_rewritten_until_then(planned, alice, at):
    planning.change(
        planned, body="Payouts arrive on Friday.", publish_at=at("17:00"), by=alice, at=at("14:00")
    )

    assert turn(at("15:00")) == 0
    assert turn(at("17:00")) == 1
    assert PostUpdate.objects.get().body == "Payouts arrive on Friday."


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(planned, alice, at):
    seen = planned.updated_at.isoformat()
    planning.change(planned, body="One.", by=alice, at=at("13:00"))

    with pytest.raises(DomainError, match="Look again"):
        planning.change(planned, body="Two.", version=seen, by=alice, at=at("13:01"))


def test_a_cancelled_one_is_never_published_and_a_published_one_not_cancelled(planned, alice, at):
    planning.cancel(planned, by=alice, at=at("14:00"))
    assert planning.cancel(planned, by=alice, at=at("14:01")).state == "cancelled"
    assert turn(at("15:00")) == 0

    other = planning.plan(body="x", name="y", status="identified", publish_at=at("15:00"), by=alice, at=at())
    turn(at("15:00"))
    with pytest.raises(DomainError, match="published already"):
        planning.cancel(other, by=alice, at=at("15:01"))


@pytest.mark.parametrize("publish_at", ["11:59", "12:00"])
def test_a_time_that_has_passed_is_refused(page, alice, at, publish_at):
    with pytest.raises(DomainError, match="publish at once"):
        planning.plan(
            name="x", body="y", status="identified", publish_at=at(publish_at), by=alice, at=at("12:00")
        )
    assert not PlannedPost.objects.exists()


def test_what_could_not_be_published_cannot_be_planned(post, carol, alice, at):
    with pytest.raises(DomainError, match="may not"):
        planning.plan(
            name="x", body="y", status="identified", publish_at=at("15:00"), by=carol, at=at("12:00")
        )
    with pytest.raises(DomainError, match="Resolve the incident"):
        planning.plan(
            post=post, body="y", status="postmortem", publish_at=at("15:00"), by=alice, at=at("12:30")
        )


def test_an_update_is_planned_likewise(post, alice, at):
    planning.plan(
        post=post, body="Fixed.", status="monitoring", publish_at=at("15:00"), by=alice, at=at("13:00")
    )

    turn(at("15:00"))

    post.refresh_from_db()
    assert (post.status, post.monitoring_at) == ("monitoring", at("15:00"))


def test_an_update_that_news_has_overtaken_waits_for_a_person(post, alice, at):
    plan = planning.plan(
        post=post, body="All is well.", status="resolved", publish_at=at("15:00"), by=alice, at=at("13:00")
    )
    publishing.update(post, status="identified", body="It got worse.", by=alice, at=at("14:00"))

    turn(at("15:00"))

    plan.refresh_from_db()
    post.refresh_from_db()
    assert (plan.state, post.status) == ("refused", "identified")
    assert "Somebody has posted an update" in plan.refusal
    assert Delivery.objects.get(address="alice@example.com").message.subject.startswith("Not published")
    planning.publish_now(plan, by=alice, at=at("15:05"))
    post.refresh_from_db()
    assert post.status == "resolved"


def test_one_that_cannot_be_published_holds_up_no_other(planned, alice, at, monkeypatch):
    broken = planning.plan(name="b", body="x", status="identified", publish_at=at("14:00"), by=alice, at=at())
    said = planning._say

    def fail(row, **options):
        if row.pk == broken.pk:
            raise RuntimeError("broken")
        return said(row, **options)

    monkeypatch.setattr(planning, "_say", fail)

    assert turn(at("15:00")) == 1
    broken.refresh_from_db()
    assert broken.due_at == at("15:01")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_processes_publish_it_once(planned, at):
    ready = Barrier(2)

    def run():
        ready.wait()
        turn(at("15:00"))
        connections.close_all()

    both = [Thread(target=run) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert Post.objects.count() == 1
