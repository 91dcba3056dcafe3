from datetime import timedelta

import pytest

from oncall import escalation, paging
from oncall import maintenance as oncall_maintenance
from oncall.messaging.errors import DomainError
from oncall.models import Service
from statuspage import fanout, maintenance, public, publishing


@pytest.fixture
def upgrade(cards, alice, at):
    return maintenance.schedule(
        name="Ledger upgrade",
        body="Payouts pause.",
        scheduled_for=at("14:00"),
        scheduled_until=at("16:00"),
        components=[cards],
        by=alice,
        at=at("12:00"),
    )


def turn(at):
    return maintenance.turn_edges(now=lambda: at)


def shown(component, at):
    return public.recent(component.page, at=at).by_id[component.public_id].status


def test_the_clock_begins_and_ends_it(upgrade, cards, at):
    assert turn(at("13:59")) == 0
    assert turn(at("14:00")) == 1
    assert shown(cards, at("15:00")) == "under_maintenance"
    assert turn(at("15:59")) == 0
    assert turn(at("16:00")) == 1
    assert shown(cards, at("16:01")) == "operational"

    upgrade.refresh_from_db()
    assert (upgrade.status, upgrade.resolved_at) == ("completed", at("16:00"))
    assert [told.status for told in upgrade.updates.all()] == ["completed", "in_progress", "scheduled"]


def test_turning_twice_changes_nothing(upgrade, at):
    turn(at("14:00"))

    assert turn(at("14:00")) == 0
    assert upgrade.updates.count() == 2


def test_after_a_long_stop_only_the_end_is_mailed(upgrade, at, subscriber):
    subscriber()
    fanout.fan_out(now=lambda: at("12:00"))

    turn(at("18:00"))
    turn(at("18:00"))

    assert [told.deliver_notifications for told in upgrade.updates.all()] == [True, False, True]


def test_a_maintenance_that_a_person_ends_waits_for_her(cards, alice, at):
    post = maintenance.schedule(
        name="By hand",
        body="x",
        scheduled_for=at("14:00"),
        scheduled_until=at("16:00"),
        auto_start=False,
        auto_complete=False,
        by=alice,
        at=at(),
    )

    assert turn(at("18:00")) == 0
    post = maintenance.start(post, by=alice, at=at("18:00"))
    assert turn(at("23:00")) == 0
    assert maintenance.complete(post, by=alice, at=at("23:00")).status == "completed"


def test_an_outage_during_maintenance_shows_as_an_outage(upgrade, cards, post, at):
    turn(at("14:00"))

    assert shown(cards, at("14:01")) == "major_outage"


def test_a_cancelled_maintenance_never_begins(upgrade, cards, alice, at):
    maintenance.cancel(upgrade, body="Moved to spring.", by=alice, at=at("13:00"))

    assert turn(at("14:00")) == 0
    assert shown(cards, at("15:00")) == "operational"


def test_moving_it_moves_both_edges_and_tells_why(upgrade, alice, at):
    post = maintenance.reschedule(
        upgrade,
        scheduled_for=at("20:00"),
        scheduled_until=at("21:00"),
        body="Moved to the evening.",
        by=alice,
        at=at("13:00"),
    )

    assert turn(at("14:00")) == 0
    assert turn(at("20:00")) == 1
    assert "Moved to the evening." in [told.body for told in post.updates.all()]


@pytest.mark.parametrize(("start", "hours"), [("10:00", 1), ("14:00", 0), ("14:00", -1), ("14:00", 24 * 61)])
def test_a_window_that_makes_no_sense_is_refused(page, alice, at, start, hours):
    with pytest.raises(DomainError):
        maintenance.schedule(
            name="x",
            body="y",
            scheduled_for=at(start),
            scheduled_until=at(start) + timedelta(hours=hours),
            by=alice,
            at=at("12:00"),
        )


# -- the people on call ------------------------------------------------------------------------------------
@pytest.fixture
def ledger(cards):
    """The service behind the component; alice, its on-call, is paged by nobody but these tests."""
    service = Service.objects.create(slug="ledger", name="Ledger")
    cards.service = service
    cards.save()
    return service


def page_for(service, at):
    page = paging.page(title="Down", urgency="high", service=service, by=None, at=at)
    escalation.advance_due(now=lambda: at)
    page.refresh_from_db()
    return page


def test_nobody_is_paged_for_its_services_while_it_lasts_and_then_from_the_first_step(upgrade, ledger, at):
    before = page_for(ledger, at("13:00"))
    turn(at("14:00"))

    held = page_for(ledger, at("14:30"))
    turn(at("16:00"))
    escalation.advance_due(now=lambda: at("16:00"))

    assert (before.state, held.held_for, held.next_step_at) == ("exhausted", "maintenance", at("16:00"))
    held.refresh_from_db()
    assert held.state == "exhausted"  # it has gone its way: there is nobody to page


@pytest.mark.parametrize("ending", [maintenance.complete, maintenance.cancel])
def test_ended_early_its_services_are_paged_again(upgrade, ledger, alice, at, ending):
    turn(at("14:00"))
    page_for(ledger, at("14:30"))

    ending(upgrade, body="Over.", by=alice, at=at("15:00"))

    assert oncall_maintenance.now_on(ledger, at("15:00")) is None


def test_moved_the_hold_moves_with_it(upgrade, ledger, alice, at):
    turn(at("14:00"))

    times = {"scheduled_for": at("14:00"), "scheduled_until": at("18:00")}
    maintenance.reschedule(upgrade, **times, body="Longer.", by=alice, at=at("15:00"))

    assert oncall_maintenance.now_on(ledger, at("17:59")).end == at("18:00")


def test_one_that_nobody_ends_holds_pages_no_longer_than_planned(cards, ledger, alice, at):
    times = {"scheduled_for": at("14:00"), "scheduled_until": at("16:00"), "auto_complete": False}
    post = maintenance.schedule(
        name="Upgrade", body="x", components=[cards], **times, by=alice, at=at("12:00")
    )

    maintenance.start(post, by=alice, at=at("14:00"))
    publishing.update(post, status="verifying", body="Nearly.", by=alice, at=at("17:00"))

    assert oncall_maintenance.now_on(ledger, at("15:59"))
    assert oncall_maintenance.now_on(ledger, at("17:00")) is None
