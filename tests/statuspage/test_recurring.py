"""Maintenance that comes again."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from oncall.messaging.errors import DomainError
from statuspage import maintenance, public, publishing, recurring
from statuspage.documents import agenda
from statuspage.models import Post
from statuspage.recurrence import Rule, starts


def days(rule, most=6):
    found = []
    for start in starts(rule):
        found.append(f"{start:%m-%d}")
        if len(found) == most:
            break
    return found


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(date(2026, 11, 24), time(2)), ["11-24", "12-01", "12-08", "12-15", "12-22", "12-29"]),
        (
            Rule(date(2026, 11, 25), time(2), interval=2, weekdays=(0, 2)),
            ["11-25", "12-07", "12-09", "12-21", "12-23", "01-04"],
        ),
        (
            Rule(date(2026, 1, 31), time(2), unit="month"),
            ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30"],
        ),
        (
            Rule(date(2026, 1, 13), time(2), unit="month", interval=3, month_by="weekday"),
            ["01-13", "04-14", "07-14", "10-13", "01-12", "04-13"],
        ),
        (
            Rule(date(2026, 1, 29), time(2), unit="month", month_by="weekday"),
            ["01-29", "02-26", "03-26", "04-30", "05-28", "06-25"],
        ),
        (
            Rule(date(2026, 1, 10), time(2), unit="month", month_by="last_weekday"),
            ["01-31", "02-28", "03-28", "04-25", "05-30", "06-27"],
        ),
        (Rule(date(2026, 11, 24), time(2), until=date(2026, 12, 8)), ["11-24", "12-01", "12-08"]),
        (Rule(date(2026, 11, 24), time(2), count=2), ["11-24", "12-01"]),
    ],
    ids=[
        "weekly",
        "every-other-week",
        "31st",
        "second-tuesday",
        "fifth-thursday",
        "last-saturday",
        "until",
        "count",
    ],
)
def test_the_days_of_a_rule(rule, expected):
    assert days(rule) == expected


@pytest.fixture
def make(page, cards, alice, at):
    def make_rule(**said):
        said = {
            "name": "Database upkeep",
            "body": "Payouts pause.",
            "begins_on": date(2026, 11, 24),
            "begins_at": time(2),
            "duration": timedelta(hours=2),
            "ahead_days": 21,
            **said,
        }
        return recurring.create(components=[cards], by=alice, at=at("12:00"), **said)

    return make_rule


def planned(rule):
    return [
        f"{post.scheduled_for:%m-%d %H:%M}"
        for post in rule.occurrences.filter(status="scheduled").order_by("scheduled_for")
    ]


def turn(at):
    return recurring.plan_ahead(now=lambda: at)


def test_it_plans_weeks_ahead_and_every_turn_only_what_is_new(make, at):
    rule = make()

    assert planned(rule) == ["11-24 02:00", "12-01 02:00", "12-08 02:00"]
    assert turn(at("12:00")) == 0
    assert turn(at("02:00", days=1)) == 1 and turn(at("02:00", days=1)) == 0
    assert planned(rule)[-1] == "12-15 02:00"
    assert rule.occurrences.count() == 4


def test_daylight_saving_moves_no_maintenance_on_the_wall(make, page, at):
    page.time_zone = "Europe/Berlin"
    page.save()

    rule = make(begins_on=date(2027, 3, 14), begins_at=time(2, 30), ahead_days=150)

    assert planned(rule) == [
        "03-14 01:30",
        "03-21 01:30",
        "03-28 01:00",
        "04-04 00:30",
        "04-11 00:30",
        "04-18 00:30",
    ]
    skipped = rule.occurrences.get(occurrence=date(2027, 3, 28))
    assert skipped.scheduled_until == datetime(2027, 3, 28, 3, tzinfo=UTC)


def test_each_is_announced_on_the_page_and_in_the_calendar(make, page, at):
    make()

    value = public.recent(page, at=at("12:01"))

    assert len(value.posts) == 3
    assert agenda.maintenance(value).count(b"BEGIN:VEVENT") == 3


def test_one_that_was_moved_or_cancelled_by_itself_stays_so(make, alice, at):
    rule = make()
    first, second, third = rule.occurrences.order_by("scheduled_for")
    times = {"scheduled_for": at("20:00", days=2), "scheduled_until": at("22:00", days=2)}
    maintenance.reschedule(first, **times, body="A day later.", by=alice, at=at("13:00"))
    maintenance.cancel(second, body="Not this time.", by=alice, at=at("13:00"))

    recurring.change(rule, begins_at=time(4), by=alice, at=at("14:00"))

    assert planned(rule) == ["11-25 20:00", "12-08 04:00"]
    assert Post.objects.filter(rule=rule, status="cancelled").count() == 1
    third.refresh_from_db()
    assert f"{third.scheduled_for:%m-%d %H:%M}" == "12-08 04:00"


def test_a_change_of_days_moves_what_is_planned_and_keeps_its_address(make, alice, at, subscriber):
    rule = make()
    before = list(rule.occurrences.order_by("scheduled_for").values_list("public_id", flat=True))

    recurring.change(rule, weekdays=["TH"], name="Upkeep", tell=True, by=alice, at=at("14:00"))

    assert planned(rule) == ["11-26 02:00", "12-03 02:00", "12-10 02:00"]
    after = rule.occurrences.order_by("scheduled_for")
    assert [post.public_id for post in after] == before
    assert {post.name for post in after} == {"Upkeep"}
    assert all(post.updates.first().deliver_notifications for post in after)


def test_fewer_cancels_the_rest_and_a_change_of_mind_plans_them_anew(make, alice, at):
    rule = make()

    recurring.change(rule, count=1, by=alice, at=at("14:00"))
    assert planned(rule) == ["11-24 02:00"]

    recurring.change(rule, count=None, by=alice, at=at("15:00"))
    assert planned(rule) == ["11-24 02:00", "12-01 02:00", "12-08 02:00"]


def test_what_is_announced_stays_when_its_like_is_announced_later_from_now_on(make, alice, at):
    rule = make()

    recurring.change(rule, ahead_days=1, begins_at=time(5), by=alice, at=at("14:00"))

    assert planned(rule) == ["11-24 05:00", "12-01 05:00", "12-08 05:00"]
    assert turn(at("06:00", days=20)) == 1
    assert planned(rule) == ["11-24 05:00", "12-01 05:00", "12-08 05:00"]


def test_what_has_begun_is_left_alone(make, alice, at):
    rule = make()
    maintenance.turn_edges(now=lambda: at("02:00", days=1))

    recurring.change(rule, begins_at=time(3), by=alice, at=at("02:30", days=1))

    begun = rule.occurrences.get(status="in_progress")
    assert begun.scheduled_for == at("02:00", days=1)
    assert planned(rule) == ["12-01 03:00", "12-08 03:00"]


def test_ending_the_series_cancels_what_nobody_touched(make, alice, at):
    rule = make()
    publishing.amend(rule.occurrences.latest("scheduled_for"), name="The last", by=alice, at=at("13:00"))

    recurring.end(rule, by=alice, at=at("14:00"))

    assert planned(rule) == ["12-08 02:00"]
    assert turn(at("12:00", days=30)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekdays": ["XX"]},
        {"duration": timedelta()},
        {"until": date(2026, 11, 1)},
        {"until": date(2027, 1, 1), "count": 3},
        {"interval": 0},
        {"name": " "},
        {"remind_before": timedelta(days=90)},
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused(make, wrong):
    with pytest.raises(DomainError):
        make(**wrong)
