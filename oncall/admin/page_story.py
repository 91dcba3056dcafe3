"""The story of one page: what it did and why, step by step, with every delivery and its outcome."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from oncall import plans
from oncall.edges import addresses, times
from oncall.messaging import callbacks
from oncall.messaging.models import Attempt, Delivery
from oncall.models import Page, PageEvent, User

Kind = PageEvent.Kind
ICONS = {
    Kind.OPENED: "bell",
    Kind.ALREADY_PAGED: "user",
    Kind.FALLBACK: "alert",
    Kind.UNREACHABLE: "alert",
    Kind.QUIET: "bell-off",
    Kind.WEBHOOK: "globe",
    Kind.NOBODY: "alert",
    Kind.REPEATED: "repeat",
    Kind.FAILED: "alert",
    Kind.EXHAUSTED: "alert",
    Kind.ACKNOWLEDGED: "check",
    Kind.ALSO_ACKNOWLEDGED: "check",
    Kind.UNACKNOWLEDGED: "repeat",
    Kind.ESCALATED: "arrow-up",
    Kind.SNOOZED: "bell-off",
    Kind.WOKE: "bell",
    Kind.RESTARTED: "repeat",
    Kind.RESOLVED: "st-closed",
}
WORDS = {
    "email": "E-mail",
    "sms": "SMS",
    "voice": "Voice",
    "webhook": "Webhook",
    "push": "Push",
    "inbox": "Inbox",
}


@dataclass(frozen=True)
class Outcome:
    """How a delivery ended: its icon, its colour, its words."""

    icon: str
    tone: str
    words: str


@dataclass(frozen=True)
class Row:
    """One line: a step with a number in its disc, something that happened, or one delivery."""

    at: datetime
    title: str
    text: str = ""
    icon: str = ""
    step: int | None = None
    outcome: Outcome | None = None
    url: str = ""


def story(page: Page, *, with_links: bool) -> list[Row]:
    """Events and deliveries in the order of time. Three queries."""
    rows = [_event_row(event) for event in page.events.order_by("id")]
    deliveries = Delivery.objects.filter(topic=page.topic).prefetch_related("attempts").order_by("id")
    names = _names(deliveries)
    rows += [_delivery_row(delivery, names, with_links) for delivery in deliveries]
    return sorted(rows, key=lambda row: row.at)  # stable: events before the deliveries that they caused


def _names(deliveries) -> dict[str, str]:
    people = User.objects.filter(username__in={delivery.recipient for delivery in deliveries})
    return {person.username: str(person) for person in people}


def _event_row(event: PageEvent) -> Row:
    if event.kind == Kind.PAGED:
        return Row(
            at=event.at,
            title=event.data.get("name", event.text),
            text=event.data.get("why", ""),
            step=event.data.get("step"),
        )
    return Row(at=event.at, title=event.text, icon=ICONS.get(event.kind, "bell"))


def _delivery_row(delivery: Delivery, names: dict[str, str], with_links: bool) -> Row:
    medium = WORDS.get(delivery.medium, delivery.medium.capitalize())
    whom = names.get(delivery.recipient, delivery.recipient)
    tries = f"{delivery.attempt_count} attempts" if delivery.attempt_count > 1 else ""
    return Row(
        at=delivery.created_at,
        title=f"{medium} to {addresses.masked(delivery.address)}",
        text=", ".join(filter(None, [whom, tries])),
        icon=delivery.medium,
        outcome=outcome(delivery),
        url=reverse("admin:messaging_delivery_change", args=[delivery.pk]) if with_links else "",
    )


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
        return Outcome("repeat", "m-warn", f"Tried again: {addresses.first_line(delivery.last_error)}")
    if delivery.held_until and delivery.held_until == delivery.due_at:
        until = timezone.localtime(delivery.held_until)
        return Outcome("clock", "m-warn", f"Held by the limit until {until:%H:%M:%S}, then sent with others")
    return Outcome("clock", "m-quiet", "Waiting for its time")


# -- words about the whole ---------------------------------------------------------------------------------
def step_words(page: Page) -> str:
    """``step 2 of 3``, while it is under way."""
    steps = len(plans.read(page.plan).steps)
    if page.state != Page.State.ACTIVE or not steps or not page.step:
        return ""
    return f"step {page.step} of {steps}" if page.step <= steps else "last resort"


def summary(page: Page, now: datetime) -> str:
    """``Open for 12 min. 3 people tried, nobody has answered.``"""
    tried = page.notified.values("user").distinct().count()
    people = f"{tried} {'person' if tried == 1 else 'people'} tried"
    if page.acknowledged_by:
        answered = times.span(page.acknowledged_at - page.created_at)
        return f"{page.acknowledged_by} answered after {answered}. {people}."
    if page.state == Page.State.RESOLVED:
        return f"Over after {times.span((page.ended_at or now) - page.created_at)}. {people}."
    return f"Open for {times.span(now - page.created_at)}. {people}, nobody has answered."


def interval_began(page: Page) -> datetime:
    """When the wait for the next step began: with the last time that somebody was paged."""
    last = page.notified.order_by("-at").values_list("at", flat=True).first()
    return last or page.created_at
