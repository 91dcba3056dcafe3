"""Reminders of maintenance, and of open incidents that fall silent."""

from datetime import timedelta

import pytest

from incidents.models import Incident, Role, RoleAssignment
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import User
from statuspage import fanout, maintenance, public, publishing, reminders, watch
from statuspage.models import PostUpdate


@pytest.fixture
def upgrade(cards, alice, at, subscriber):
    subscriber("dave@shop.example", cards)
    subscriber("erin@shop.example", maintenance=False)
    return maintenance.schedule(
        name="Ledger upgrade",
        body="Payouts pause.",
        scheduled_for=at("16:00"),
        scheduled_until=at("18:00"),
        components=[cards],
        notify=False,
        by=alice,
        at=at("12:00"),
    )


def remind(at):
    reminded = reminders.remind_due(now=lambda: at)
    fanout.fan_out(now=lambda: at)
    return reminded


def test_whoever_wants_maintenance_is_reminded_once_an_hour_before(upgrade, page, at):
    assert remind(at("14:59")) == 0
    assert (remind(at("15:00")), remind(at("15:00")), remind(at("15:30"))) == (1, 0, 0)

    mail = Delivery.objects.get()
    assert mail.address == "dave@shop.example"
    assert "begins in 60 minutes, at 16:00 UTC" in mail.message.text.replace("\n", " ")
    assert "Payouts pause." in mail.message.text and "Card payments (under maintenance)" in mail.message.text


def test_a_reminder_stands_nowhere_on_the_page(upgrade, page, at):
    remind(at("15:00"))

    (post,) = public.recent(page, at=at("15:01")).posts
    assert [told.body for told in post.updates] == ["Payouts pause."]
    assert upgrade.updates.count() == 1


def test_moved_it_is_reminded_of_before_the_new_beginning_only(upgrade, alice, at):
    times = {"scheduled_for": at("20:00"), "scheduled_until": at("22:00")}
    maintenance.reschedule(upgrade, **times, body="Later.", notify=False, by=alice, at=at("14:00"))

    assert remind(at("15:00")) == 0
    assert remind(at("19:00")) == 1


@pytest.mark.parametrize("verb", ["cancel", "start", "reschedule"])
def test_what_changed_while_it_was_being_mailed_is_mailed_no_further(upgrade, alice, at, verb):
    reminders.remind_due(now=lambda: at("15:00"))
    times = {"scheduled_for": at("20:00"), "scheduled_until": at("22:00")} if verb == "reschedule" else {}

    getattr(maintenance, verb)(upgrade, body="x", notify=False, **times, by=alice, at=at("15:01"))

    assert fanout.fan_out(now=lambda: at("15:02")) == 0


def test_off_is_off_and_too_late_is_never(cards, alice, at):
    for minutes, start in ((None, "18:00"), (60, "12:30")):
        maintenance.schedule(
            name=f"m{start}",
            body="x",
            scheduled_for=at(start),
            scheduled_until=at("20:00"),
            remind_before=minutes and timedelta(minutes=minutes),
            by=alice,
            at=at("12:00"),
        )

    assert remind(at("12:29")) == remind(at("17:30")) == 0


def test_after_a_stop_beyond_its_beginning_nobody_is_reminded(upgrade, at):
    assert remind(at("16:30")) == 0
    assert not PostUpdate.mailings.filter(is_reminder=True).exists()


def test_a_beginning_that_has_passed_is_refused_with_what_to_do(upgrade, alice, at):
    times = {"scheduled_for": at("11:00"), "scheduled_until": at("22:00")}

    with pytest.raises(DomainError, match="begin the maintenance now"):
        maintenance.reschedule(upgrade, **times, body="x", by=alice, at=at("12:00"))


# -- open and silent -----------------------------------------------------------------------------------------
def look(at):
    return watch.remind_writers(now=lambda: at)


def test_an_open_incident_that_falls_silent_reminds_its_author_once_a_period(post, page, at):
    assert look(at("17:59")) == 0
    assert (look(at("18:00")), look(at("18:00")), look(at("23:59"))) == (1, 0, 0)
    assert look(at("00:00", days=1)) == 1

    mails = Delivery.objects.filter(address="alice@example.com")
    assert mails.count() == 2
    assert mails.first().message.subject == "Still open on the status page: Card payments failing"


def test_an_update_winds_the_clock_and_the_end_stops_it(post, alice, at):
    publishing.update(post, status="identified", body="Found.", by=alice, at=at("17:00"))
    assert look(at("18:00")) == 0
    publishing.resolve(post, body="Over.", by=alice, at=at("19:00"))

    assert look(at("23:59", days=3)) == 0


def test_a_promise_is_remembered_when_it_is_broken(post, alice, at):
    publishing.update(
        post, status="identified", body="Found.", next_update_at=at("14:00"), by=alice, at=at("13:00")
    )

    assert watch.overdue(at("13:59")) == [] and look(at("13:59")) == 0
    assert watch.overdue(at("14:00")) == [post] and look(at("14:00")) == 1


def test_whoever_holds_communications_is_reminded_too(cards, alice, at):
    bob = User.objects.create_user("bob", email="bob@example.com")
    incident = Incident.objects.create(title="x", created_at=at())
    RoleAssignment.objects.create(incident=incident, role=Role.COMMUNICATIONS, user=bob, since=at())
    post = publishing.publish(name="Slow", body="Slow.", incident=incident, by=alice, at=at("12:00"))

    assert watch.writers(post) == [alice, bob]


def test_a_page_may_remind_only_of_promises(page, alice, at):
    page.quiet_after_h = 0
    page.save()
    post = publishing.publish(name="Slow", body="Slow.", by=alice, at=at("12:00"))

    assert post.watch_at is None and watch.overdue(at("12:00", days=9)) == []
