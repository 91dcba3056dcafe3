"""The log of what the page has shown of each component."""

import pytest

from statuspage import impacts, maintenance, publishing
from statuspage.models import ComponentChange


def log(component):
    return [
        (change.old, change.new, change.source, change.post_name, change.by and change.by.username, change.at)
        for change in ComponentChange.objects.filter(component=component).order_by("id")
    ]


def test_each_change_says_from_what_to_what_by_whom_and_why(cards, post, alice, at):
    publishing.update(
        post,
        status="identified",
        body="Found.",
        components={cards: "partial_outage"},
        by=alice,
        at=at("12:10"),
    )
    publishing.resolve(post, body="Over.", by=alice, at=at("12:40"))

    name = "Card payments failing"
    assert log(cards) == [
        ("operational", "major_outage", "incident", name, "alice", at("12:00")),
        ("major_outage", "partial_outage", "incident", name, "alice", at("12:10")),
        ("partial_outage", "operational", "incident", name, "alice", at("12:40")),
    ]


def test_what_something_worse_hides_changes_nothing(cards, post, alice, at):
    impacts.set_status(cards, "degraded_performance", by=alice, at=at("12:10"))
    publishing.resolve(post, body="Over.", by=alice, at=at("12:40"))

    assert [row[:3] for row in log(cards)] == [
        ("operational", "major_outage", "incident"),
        ("major_outage", "degraded_performance", "incident"),
    ]


def test_the_clocks_own_changes_have_no_name(cards, alice, at):
    maintenance.schedule(
        name="Upgrade",
        body="x",
        components=[cards],
        scheduled_for=at("14:00"),
        scheduled_until=at("15:00"),
        by=alice,
        at=at("12:00"),
    )
    maintenance.turn_edges(now=lambda: at("14:00"))
    maintenance.turn_edges(now=lambda: at("15:00"))

    assert log(cards) == [
        ("operational", "under_maintenance", "maintenance", "Upgrade", None, at("14:00")),
        ("under_maintenance", "operational", "maintenance", "Upgrade", None, at("15:00")),
    ]


def test_a_back_filled_post_logs_when_it_was_and_when_it_was_said(cards, alice, at):
    publishing.publish(
        name="Outage",
        body="x",
        status="resolved",
        components={cards: "major_outage"},
        started_at=at("08:00"),
        ended_at=at("09:00"),
        backfilled=True,
        by=alice,
        at=at("12:00"),
    )

    assert [(row[1], row[5]) for row in log(cards)] == [
        ("major_outage", at("08:00")),
        ("operational", at("09:00")),
    ]
    assert {change.recorded_at for change in ComponentChange.objects.all()} == {at("12:00")}


def test_the_log_is_only_added_to(post):
    change = ComponentChange.objects.get()

    with pytest.raises(TypeError):
        change.save()
