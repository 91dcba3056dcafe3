"""What a person wants a page to do: which of her contacts, how long after; and when she wants quiet.

Whatever changes here holds for later pages: the ways of a page are looked up when it reaches her.
"""

from datetime import datetime, time, timedelta

from oncall.messaging.errors import DomainError
from oncall.models import ContactMethod, NotificationRule, Urgency, User

LONGEST_WAIT = timedelta(hours=24)
MOST = 20


def add(
    user: User, *, urgency: str, contact: ContactMethod, after: timedelta, by: User | None, at: datetime
) -> NotificationRule:
    """When paged, use ``contact`` so long after. The same rule again changes nothing.

    Raises ``DomainError``: ``contact`` (somebody else's), ``after``, ``too_many``.
    """
    if contact.user_id != user.pk:
        raise DomainError("contact", "Choose one of your own contacts.")
    if not timedelta() <= after <= LONGEST_WAIT:
        raise DomainError("after", "Wait from 0 to 1440 minutes.")
    fields = {"user": user, "urgency": Urgency(urgency), "contact": contact, "after": after}
    standing = NotificationRule.objects.filter(**fields).first()
    if standing:
        return standing
    if user.rules.filter(urgency=urgency).count() >= MOST:
        raise DomainError("too_many", f"There are {MOST} rules already. Remove one first.")
    return _save(NotificationRule(**fields), by)


def remove(rule: NotificationRule, *, by: User | None, at: datetime) -> None:
    """Forget a rule. Without any, every verified contact is used at once."""
    rule._history_user = by
    rule.delete()


def be_quiet(user: User, *, start: time | None, end: time | None, by: User | None, at: datetime) -> User:
    """Let low urgency wait from ``start`` to ``end`` on her clock, every day; None for both: never.

    Raises ``DomainError("quiet_hours")`` for one without the other, or twice the same.
    """
    if (start is None) != (end is None) or (start is not None and start == end):
        raise DomainError("quiet_hours", "Quiet hours need a beginning and another time at which they end.")
    if (user.quiet_from, user.quiet_to) != (start, end):
        user.quiet_from, user.quiet_to = start, end
        user._history_user = by
        user.save(update_fields=["quiet_from", "quiet_to"])
    return user


def _save(rule: NotificationRule, by: User | None) -> NotificationRule:
    rule._history_user = by
    rule.save()
    return rule
