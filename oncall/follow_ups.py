"""What becomes of a page is written into the messages that went out about it, where they can be changed.

Best effort: a follow-up that cannot be made costs nobody a page. Each is a delivery of its own, which
``follows`` the one whose message it changes; a newer one takes the place of an older that has not left.
"""

from datetime import datetime, timedelta

from oncall.messages import clock_time
from oncall.messaging import outbox
from oncall.messaging.mediums import changeable
from oncall.messaging.mediums.provider import LIMIT_S
from oncall.messaging.models import Delivery, Message
from oncall.models import Page, PageEvent, User

Kind, State = PageEvent.Kind, Page.State

#: What whoever got a message should learn from it.
TOLD = {
    Kind.ACKNOWLEDGED,
    Kind.UNACKNOWLEDGED,
    Kind.ESCALATED,
    Kind.SNOOZED,
    Kind.WOKE,
    Kind.RESTARTED,
    Kind.RESOLVED,
}
#: The buttons that a message has from then on. While the page goes on by itself there is nothing to hurry: the
#: step that a button was made for would be over. Ending it is offered once somebody has answered.
VERBS = {
    State.ACTIVE: "acknowledge",
    State.EXHAUSTED: "acknowledge",
    State.SNOOZED: "acknowledge",
    State.ACKNOWLEDGED: "resolve escalate",
    State.RESOLVED: "",
}
LIFETIME = timedelta(hours=1)
#: A message that is being sent right now has its name by then.
UNDER_WAY = timedelta(seconds=2 * LIMIT_S)


def tell(page: Page, kind: str, text: str, *, by: User | None, at: datetime) -> int:
    """Write a follow-up for every message of the page that can be changed, in the caller's transaction."""
    mediums = changeable()
    # What went in one message with other pages speaks of those too, and stays as it is.
    alone = Delivery.objects.filter(topic=page.topic, medium__in=mediums, bundled_into=None, bundled=None)
    sent = list(alone.out_there()) if mediums else []
    if not sent:
        return 0
    outbox.cancel(topic=topic(page), at=at, reason="something newer has happened")
    said = f"Resolved by {by}" if kind == Kind.RESOLVED and by else text
    message = outbox.compose(purpose=Message.Purpose.FOLLOW_UP, subject=page.title, text="{{said}}", at=at)
    names = {delivery.recipient for delivery in sent}
    zones = dict(User.objects.filter(username__in=names).values_list("username", "time_zone"))
    for delivery in sent:
        when = clock_time(at, zones.get(delivery.recipient, "UTC"), today=at)
        _follow(page, delivery, message, f"{said} · {when}", at)
    return len(sent)


def topic(page: Page) -> str:
    """Not the page's own, under which an answer cancels. What is private is hidden by its first word."""
    return f"{'private:' if page.private else ''}follow-up:{page.pk}"


def _follow(page: Page, delivery: Delivery, message: Message, said: str, at: datetime) -> None:
    due_at = at if delivery.provider_id else at + UNDER_WAY
    outbox.send(
        message,
        medium=delivery.medium,
        address=delivery.address,
        recipient=delivery.recipient,
        topic=topic(page),
        key=f"follow:{delivery.pk}:{page.generation}",
        values={
            "said": said,
            "next": "",  # what would have come if nobody had answered
            "verbs": VERBS[page.state],
            "page": str(page.pk),
            "step": page.place,
            "urgency": page.urgency,
        },
        priority=1,
        at=at,
        due_at=due_at,
        expires_at=due_at + LIFETIME,
        follows=delivery,
    )
