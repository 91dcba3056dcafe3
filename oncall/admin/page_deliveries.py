"""The messages of a page as its story tells them: to which address, by which rule, and how each try ended."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from oncall.edges import addresses, times
from oncall.messaging import callbacks
from oncall.messaging.mediums import label
from oncall.messaging.models import Attempt, Delivery
from oncall.models import NotificationRule, Page, User

RULE = re.compile(r":rule-(\d+)")
ORDINALS = {2: "Second", 3: "Third", 4: "Fourth", 5: "Fifth"}
State, Ended = Delivery.State, Attempt.Outcome


@dataclass(frozen=True)
class Outcome:
    """How a delivery, or one try of it, ended: its icon, its colour, its words."""

    icon: str
    tone: str
    words: str


@dataclass(frozen=True)
class Sent:
    """One line about a message: a try, or that there has been none."""

    at: datetime
    title: str
    text: str
    medium: str
    outcome: Outcome
    url: str = ""


def lines(page: Page, *, with_links: bool) -> list[Sent]:
    """A line for each try of each message, and one for each message that was never tried. Four queries."""
    deliveries = list(Delivery.objects.filter(topic=page.topic).prefetch_related("attempts").order_by("id"))
    people = User.objects.in_bulk([delivery.recipient for delivery in deliveries], field_name="username")
    rules = NotificationRule.objects.in_bulk([key for each in deliveries for key in _rule_key(each)])
    found: list[Sent] = []
    for delivery in deliveries:
        whom = str(people.get(delivery.recipient, delivery.recipient))
        why = _by_rule(delivery, next((rules.get(key) for key in _rule_key(delivery)), None))
        url = reverse("admin:messaging_delivery_change", args=[delivery.pk]) if with_links else ""
        found += _of(delivery, whom, why, url)
    return found


def _of(delivery: Delivery, whom: str, why: str, url: str) -> list[Sent]:
    medium = label(delivery.medium)
    title = f"{medium} to {addresses.masked(delivery.address)}"
    attempts = list(delivery.attempts.all())
    first = ", ".join(filter(None, [whom, why]))
    if not attempts:
        return [Sent(delivery.created_at, title, first, delivery.medium, outcome(delivery), url)]
    found = []
    for attempt in attempts:
        is_last = attempt == attempts[-1]
        again = f"{ORDINALS.get(attempt.n, f'{attempt.n}th')} try of the same message"
        text = first if attempt.n == 1 else again
        ended = _ended(delivery, attempt, is_last)
        found.append(Sent(attempt.started_at, title, text, delivery.medium, ended, url))
    return found


def _rule_key(delivery: Delivery) -> list[int]:
    match = RULE.search(delivery.idempotency_key)
    return [int(match[1])] if match else []


def _by_rule(delivery: Delivery, rule: NotificationRule | None) -> str:
    """``rule for high urgency, after 2 min``, or which other way was taken."""
    key = delivery.idempotency_key
    if ":reminder:" in key:
        return "asked whether she is still at work"
    if rule:
        wait = f"after {times.span(rule.after)}" if rule.after else "at once"
        return f"rule for {rule.get_urgency_display().lower()} urgency, {wait}"
    if key.endswith(":inbox"):
        return "kept, since there is no other way"
    if ":contact-" in key:
        return "every contact, since no rule fits"
    return "the account’s address, since there is no verified contact" if ":account" in key else ""


# -- how it ended ------------------------------------------------------------------------------------------
def outcome(delivery: Delivery) -> Outcome:
    """How a delivery ended, or how far it has come."""
    state = Delivery.State
    if delivery.state == state.SENT:
        return _sent(delivery)
    if delivery.state in {state.DEAD, state.EXPIRED}:
        reason = addresses.first_line(delivery.last_error) if delivery.last_error else "too late to be of use"
        return Outcome("cross", "m-bad", f"Given up: {reason}")
    if delivery.state == state.KEPT:
        kept = delivery.medium == "inbox"
        return Outcome("mail", "m-warn", "Kept in the inbox" if kept else "Kept here: no mail server is set")
    if delivery.state == state.CANCELLED:
        return Outcome("st-cancelled", "m-quiet", "Not sent: no longer needed")
    return _unfinished(delivery)


def _sent(delivery: Delivery) -> Outcome:
    """Handed over; of a message to a telephone its provider says later whether it arrived."""
    if delivery.reported in callbacks.ARRIVED:
        word = "Call taken" if delivery.medium == "voice" else "Delivered"
        after = times.span(delivery.reported_at - delivery.created_at)
        return Outcome("check", "m-good", f"{word} after {after}")
    along = ", in one message with others" if delivery.bundled_into_id else ""
    held = ", held by the limit meanwhile" if delivery.held_until else ""
    handed_over = f"Handed over in {times.span(delivery.finished_at - delivery.created_at)}{held}{along}"
    if delivery.medium in callbacks.MEDIUMS:
        return Outcome("next", "m-quiet", f"{handed_over}, {delivery.reported or 'no word yet'}")
    return Outcome("check", "m-good", handed_over)


def _unfinished(delivery: Delivery) -> Outcome:
    outcomes = [attempt.outcome for attempt in delivery.attempts.all()]
    if Attempt.Outcome.UNKNOWN in outcomes:
        return Outcome("question", "m-warn", "Unknown: the sender stopped, it is sent again")
    if delivery.last_error:
        return Outcome("repeat", "m-warn", f"Held back: {addresses.first_line(delivery.last_error)}")
    if delivery.held_until and delivery.held_until == delivery.due_at:
        until = timezone.localtime(delivery.held_until)
        return Outcome("clock", "m-warn", f"Held by the limit until {until:%H:%M:%S}, then sent with others")
    return Outcome("clock", "m-quiet", "Waiting for its time")


def _ended(delivery: Delivery, attempt: Attempt, is_last: bool) -> Outcome:
    """Of one try; the last one also says what became of the message."""
    reason = addresses.first_line(attempt.text)
    if is_last and delivery.state in {State.SENT, State.KEPT}:
        return outcome(delivery)
    if attempt.outcome == Ended.ACCEPTED:
        return Outcome("check", "m-good", f"Handed over in {_took(attempt.ended_at - attempt.started_at)}")
    if not attempt.outcome:
        return Outcome("clock", "m-quiet", "Being sent")
    if attempt.outcome == Ended.UNKNOWN:
        then = ", sent again" if delivery.attempt_count > attempt.n or delivery.state in Delivery.OPEN else ""
        return Outcome("question", "m-warn", f"Unknown: the sender stopped{then}")
    if is_last and delivery.state in {State.DEAD, State.EXPIRED}:
        return Outcome("cross", "m-bad", f"Given up: {reason}")
    if is_last and delivery.state == State.CANCELLED:
        return Outcome("st-cancelled", "m-quiet", f"{reason}; not tried again, since no longer needed")
    return Outcome("repeat", "m-warn", f"{reason}; tried again")


def _took(length: timedelta) -> str:
    return times.span(length)
