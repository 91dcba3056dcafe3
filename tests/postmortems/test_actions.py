from datetime import date, datetime, timedelta

import pytest

from incidents import lifecycle
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from postmortems import actions, review
from tests.postmortems.conftest import AT


def at(moment: datetime):
    return lambda: moment


@pytest.fixture
def action(draft, alice, bob):
    return actions.add(
        draft, title="Add a limit", owner=bob, priority="medium", due_on=date(2026, 3, 20), by=alice, at=AT
    )


def test_its_owner_is_reminded_two_days_before_on_the_day_and_weekly(action, bob):
    due = actions.due_at(action)
    told = []
    for moment in (
        due - timedelta(days=3),
        due - timedelta(days=2),
        due,
        due + timedelta(days=3),
        due + timedelta(days=7),
    ):
        told.append(actions.remind_owners(now=at(moment)))

    assert told == [0, 1, 1, 0, 1]
    assert {delivery.address for delivery in Delivery.objects.filter(message__purpose="reminder")} == {
        bob.email
    }


def test_the_reminder_says_that_it_is_late(action):
    actions.remind_owners(now=at(actions.due_at(action) + timedelta(days=1)))

    assert Delivery.objects.get().message.subject == "Overdue: Add a limit"


def test_the_day_begins_in_the_morning_where_the_owner_lives(action, bob):
    bob.time_zone = "Asia/Tokyo"
    bob.save()
    action.refresh_from_db()

    assert actions.due_at(action).isoformat() == "2026-03-20T00:00:00+00:00"


def test_two_pulses_remind_once(action):
    moment = actions.due_at(action)

    actions.remind_owners(now=at(moment))
    actions.remind_owners(now=at(moment))

    assert Delivery.objects.count() == 1


def test_done_it_reminds_nobody(action, bob):
    done = actions.finish(action, by=bob, at=AT)

    assert actions.remind_owners(now=at(actions.due_at(action))) == 0
    assert (done.state, done.ended_by) == ("done", bob)


def test_waiving_needs_a_reason(action, alice):
    with pytest.raises(DomainError, match="Say why"):
        actions.waive(action, reason=" ", by=alice, at=AT)


def test_one_of_high_priority_is_due_by_the_severitys_rule(draft, alice):
    action = actions.add(draft, title="Now", priority="high", by=alice, at=AT)

    assert action.due_on == date(2026, 3, 16)


def test_the_incident_closes_only_when_every_essential_action_is_done(action, draft, alice, bob):
    review.submit(draft, by=alice, at=AT)
    incident = review.approve(draft, by=bob, at=AT).incident

    with pytest.raises(DomainError):
        lifecycle.close(incident, by=alice, at=AT)
    actions.finish(action, by=bob, at=AT)

    assert lifecycle.close(incident, by=alice, at=AT).state == "closed"


def test_a_stranger_changes_no_action(action, carol):
    for verb, fields in (
        (actions.finish, {}),
        (actions.waive, {"reason": "no"}),
        (actions.change, {"title": "x"}),
    ):
        with pytest.raises(DomainError) as refused:
            verb(action, by=carol, at=AT, **fields)
        assert refused.value.code == "forbidden"


def test_on_its_day_it_is_due_today_and_not_overdue(action):
    actions.remind_owners(now=at(actions.due_at(action)))

    assert Delivery.objects.get().message.subject == "Due today: Add a limit"


def test_one_that_cannot_be_reminded_of_stops_no_other(draft, action, alice, monkeypatch):
    actions.add(draft, title="Second", owner=alice, priority="low", due_on=date(2026, 3, 20), by=alice, at=AT)
    remind = actions._remind

    def trip(row, **options):
        if row == action:
            raise ValueError("poison")
        return remind(row, **options)

    monkeypatch.setattr(actions, "_remind", trip)

    assert actions.remind_owners(now=at(actions.due_at(action))) == 1
