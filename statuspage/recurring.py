"""Maintenance that comes again: a rule plans each occurrence some weeks before it begins.

Each is an ordinary maintenance from then on. One that a person moves, cancels or rewrites by itself keeps that: a
change of the rule touches only the future ones that nobody has touched.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import zip_longest

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext

from oncall import clock
from oncall.messaging import doorbell
from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import impacts, maintenance, public, publishing, recurrence, reminders, rights, rollup
from statuspage.models import Component, MaintenanceRule, Post, StatusPage

log = logging.getLogger(__name__)

RETRY_AFTER = timedelta(minutes=5)
MOST_AT_ONCE = 100
#: What a person may set; ``components`` beside it.
FIELDS = (
    "name",
    "body",
    "unit",
    "interval",
    "weekdays",
    "month_by",
    "begins_on",
    "begins_at",
    "duration",
    "until",
    "count",
    "ahead_days",
    "notify",
    "auto_start",
    "auto_complete",
    "notify_at_start",
    "notify_at_end",
    "remind_before",
)


@dataclass(frozen=True)
class Occurrence:
    """One day of a rule, and the window it gives."""

    day: date
    start: datetime
    end: datetime


@transaction.atomic
def create(
    *,
    components: Iterable[Component] = (),
    page: StatusPage | None = None,
    by: User | None,
    at: datetime,
    **said,
) -> MaintenanceRule:
    """Make a rule, and plan what it already owes. Raises ``DomainError`` (``no_title``, ``wrong_rule``, …)."""
    rights.need(by, rights.PUBLISH)
    rule = MaintenanceRule(page=page or StatusPage.main(), by=by, created_at=at)
    _write(rule, said, by=by, at=at)
    rule.components.set(_leaves(rule, components))
    _plan(rule, by=by, at=at)
    return rule


@transaction.atomic
def change(
    rule: MaintenanceRule,
    *,
    components: Iterable[Component] | None = None,
    tell: bool = False,
    by: User | None,
    at: datetime,
    **said,
) -> MaintenanceRule:
    """Change a rule and the future occurrences that nobody has touched; ``tell`` mails what moves.

    One of the same day stays and takes the new words and window; the others move to the new days in order, what is
    left over is cancelled, what is missing is planned.
    """
    rights.need(by, rights.UPDATE)
    rule = _locked(rule)
    _write(rule, said, by=by, at=at)
    if components is not None:
        rule.components.set(_leaves(rule, components))
    untouched = {post.occurrence: post for post in _untouched(rule, at)}
    others = rule.occurrences.exclude(pk__in=[post.pk for post in untouched.values()])
    kept = set(others.values_list("occurrence", flat=True))
    # What is announced is not withdrawn only because its like is announced later from now on.
    announced = [post.scheduled_for + timedelta(days=1) for post in untouched.values()]
    until = max([_horizon(rule, at), *announced])
    wanted = {one.day: one for one in upcoming(rule, after=at, until=until) if one.day not in kept}
    for day in untouched.keys() & wanted.keys():
        _fit(rule, untouched.pop(day), wanted.pop(day), tell=tell, by=by, at=at)
    rest, new_days = sorted(untouched), sorted(wanted)
    for post, one in zip_longest([untouched[day] for day in rest], [wanted[day] for day in new_days]):
        if one is None:
            _withdraw(post, tell=tell, by=by, at=at)
        elif post is None:
            _announce(rule, one, by=by, at=at)
        else:
            _fit(rule, post, one, tell=tell, by=by, at=at)
    _look_again(rule, at)
    return rule


@transaction.atomic
def end(rule: MaintenanceRule, *, tell: bool = False, by: User | None, at: datetime) -> MaintenanceRule:
    """No more are planned; those that nobody has touched and that have not begun are cancelled. Twice is once."""
    rights.need(by, rights.UPDATE)
    rule = _locked(rule)
    if rule.ended_at is not None:
        return rule
    rule.ended_at, rule.next_at, rule.updated_at = at, None, at
    rule._history_user = by
    rule.save()
    for post in _untouched(rule, at):
        _withdraw(post, tell=tell, by=by, at=at)
    return rule


def plan_ahead(*, now: Callable[[], datetime]) -> int:
    """The pulse's line: plan the occurrences whose time to be announced has come; the number of rules."""
    looked = 0
    for pk in list(MaintenanceRule.objects.due(now()).values_list("pk", flat=True)[:100]):
        try:
            looked += _look(pk, now())
        except Exception:  # one rule that cannot be followed holds up no other
            log.exception("Recurring maintenance %s could not be planned; it is tried again.", pk)
            MaintenanceRule.objects.filter(pk=pk, next_at__isnull=False).update(next_at=now() + RETRY_AFTER)
    return looked


@transaction.atomic
def _look(pk: int, at: datetime) -> int:
    skip = connection.features.has_select_for_update_skip_locked
    rule = MaintenanceRule.objects.select_for_update(skip_locked=skip).due(at).filter(pk=pk).first()
    if rule is None:
        return 0
    _plan(rule, by=None, at=at)
    return 1


# -- from a rule to its days -------------------------------------------------------------------------------
def upcoming(
    rule: MaintenanceRule, *, after: datetime, until: datetime | None = None, most: int = MOST_AT_ONCE
) -> list[Occurrence]:
    """Its occurrences that begin after one instant and up to another, in order.

    Wall clock times of its page's zone, resolved one by one, so that daylight saving moves none of them.
    """
    zone, found = public.zone_of(rule.page), []
    for wall in recurrence.starts(_pure(rule)):
        start = clock.resolve(wall, zone)
        if len(found) == most or (until is not None and start > until):
            break
        if start > after:
            found.append(Occurrence(wall.date(), start, start + rule.duration))
    return found


def _pure(rule: MaintenanceRule) -> recurrence.Rule:
    return recurrence.Rule(
        first=rule.begins_on,
        at=rule.begins_at,
        unit=rule.unit,
        interval=rule.interval,
        weekdays=tuple(recurrence.DAYS.index(day) for day in rule.weekdays),
        month_by=rule.month_by,
        until=rule.until,
        count=rule.count,
    )


def _horizon(rule: MaintenanceRule, at: datetime) -> datetime:
    return at + timedelta(days=rule.ahead_days)


def _plan(rule: MaintenanceRule, *, by: User | None, at: datetime) -> None:
    """Announce what is due and was not announced before; a day that somebody deleted stays deleted."""
    known = set(rule.occurrences.values_list("occurrence", flat=True))
    for one in upcoming(rule, after=at, until=_horizon(rule, at)):
        if one.day not in known and (rule.made_until is None or one.day > rule.made_until):
            _announce(rule, one, by=by, at=at)
    _look_again(rule, at)


def _look_again(rule: MaintenanceRule, at: datetime) -> None:
    """Note how far it has come, and when its next occurrence has to be announced: never, when there is none."""
    horizon = _horizon(rule, at)
    rule.made_until = clock.wall(horizon, public.zone_of(rule.page)).date() - timedelta(days=1)
    later = upcoming(rule, after=horizon, most=1)
    rule.next_at = later[0].start - timedelta(days=rule.ahead_days) if later and not rule.ended_at else None
    rule.save()
    doorbell.ring()


def _announce(rule: MaintenanceRule, one: Occurrence, *, by: User | None, at: datetime) -> None:
    maintenance.schedule(
        name=rule.name,
        body=rule.body,
        scheduled_for=one.start,
        scheduled_until=one.end,
        components=list(rule.components.all()),
        notify=rule.notify,
        rule=rule,
        occurrence=one.day,
        page=rule.page,
        by=by,
        at=at,
        **_flags(rule),
    )


def _flags(rule: MaintenanceRule) -> dict:
    names = ("auto_start", "auto_complete", "notify_at_start", "notify_at_end", "remind_before")
    return {name: getattr(rule, name) for name in names}


def _untouched(rule: MaintenanceRule, at: datetime) -> list[Post]:
    return list(
        rule.occurrences.filter(status=Post.Status.SCHEDULED, touched=False, scheduled_for__gt=at).order_by(
            "scheduled_for"
        )
    )


def _fit(
    rule: MaintenanceRule, post: Post, one: Occurrence, *, tell: bool, by: User | None, at: datetime
) -> None:
    """Make an occurrence what its rule says now; nothing is written where nothing differs."""
    post = Post.objects.select_for_update().get(pk=post.pk)
    moved = (post.scheduled_for, post.scheduled_until) != (one.start, one.end)
    latest = post.updates.order_by("-created_at", "-id").first()
    reworded = post.name != rule.name or (latest is not None and latest.body != rule.body)
    wanted, present = set(rule.components.all()), set(post.components.all())
    post.name, post.occurrence = rule.name, one.day
    for name, value in _flags(rule).items():
        setattr(post, name, value)
    post.scheduled_for, post.scheduled_until = one.start, one.end
    post.next_edge_at = one.start if post.auto_start else None
    post.remind_at = reminders.due_at(post, at)
    if not (moved or reworded or wanted != present):
        post.save()
        return
    post.save()
    if moved:
        reminders.withdraw(post)
    post.components.remove(*(present - wanted))
    impacts.affect(post, dict.fromkeys(wanted - present, rollup.OPERATIONAL), by=by, at=at)
    publishing.update(post, status=post.status, body=rule.body, notify=tell and moved, by=by, at=at)
    post = publishing.fresh(post)
    post.touched = False
    post.save()


def _withdraw(post: Post, *, tell: bool, by: User | None, at: datetime) -> None:
    """Cancel it, and leave its day free for a later change of mind."""
    with translation.override(post.page.language):
        body = gettext("This maintenance is no longer planned.")
    post = maintenance.cancel(post, body=body, notify=tell, by=by, at=at)
    post.occurrence = None
    post.save()


# -- what may be written -----------------------------------------------------------------------------------
def _write(rule: MaintenanceRule, said: dict, *, by: User | None, at: datetime) -> None:
    for name in FIELDS:
        if name in said:
            setattr(rule, name, said[name])
    if rule.ended_at is not None:
        raise DomainError("over", "This series has ended; make a new one.")
    rule.name, rule.body = publishing.checked_title(rule.name), publishing.checked_body(rule.body)
    rule.remind_before = reminders.check(rule.remind_before)
    if not isinstance(rule.weekdays, list) or not set(rule.weekdays) <= set(recurrence.DAYS):
        raise DomainError("wrong_rule", f"Weekdays are given as {', '.join(recurrence.DAYS)}.")
    if not timedelta(minutes=1) <= rule.duration <= maintenance.LONGEST:
        raise DomainError("wrong_rule", "A maintenance lasts a minute at least, and at most 60 days.")
    if rule.until and rule.count:
        raise DomainError("wrong_rule", "Give the last day or the number of times, not both.")
    if rule.until and rule.until < rule.begins_on:
        raise DomainError("wrong_rule", "The last day lies before the first.")
    rule.updated_at = at
    try:
        rule.clean_fields()
    except ValidationError as error:
        field, reasons = next(iter(error.message_dict.items()))
        raise DomainError(
            "wrong_rule", f"{rule._meta.get_field(field).verbose_name.capitalize()}: {reasons[0]}"
        )
    rule._history_user = by
    rule.save()


def _leaves(rule: MaintenanceRule, components: Iterable[Component]) -> list[Component]:
    return [row for row in components if not row.is_group and row.page_id == rule.page_id]


def _locked(rule: MaintenanceRule) -> MaintenanceRule:
    return MaintenanceRule.objects.select_for_update(of=("self",)).select_related("page").get(pk=rule.pk)
