"""Answering by telephone: the code of a text message sent back, or a key pressed during a call.

Each is taken once, written down with its outcome, and does what the answer page does, in the person's name. A
stranger's number gets no answer at all. Source: field/integrations.md section 7, field/oncall.md rule 17.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from oncall import codes, paging
from oncall.messaging import callbacks
from oncall.messaging.callbacks import Kind, Outcome, Said
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.phone import KEYS
from oncall.messaging.models import Callback, Delivery
from oncall.models import Page, User
from oncall.page_events import read_place

HOUR = timedelta(hours=1)
#: From one number within an hour: messages that are read at all, and wrong codes before none is read any more.
MOST_REPLIES, MOST_WRONG = 30, 5

#: Words that go to the carrier, which answers them by itself and then lets nothing of ours through.
_CARRIERS = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "start", "unstop", "help", "info"}
_CODE = re.compile(r"(?<!\d)(\d{3})[ -]?(\d{3})(?!\d)")
_VERBS = {
    **KEYS,
    "ack": "acknowledge",
    "acknowledge": "acknowledge",
    "escalate": "escalate",
    "esc": "escalate",
    "resolve": "resolve",
    "resolved": "resolve",
    "close": "resolve",
}


@dataclass(frozen=True)
class Answer:
    """What became of a reply, and what the person is told; empty: nothing is sent back."""

    outcome: str
    words: str = ""


@dataclass(frozen=True)
class Order:
    """What a text message asks for: a verb, and the code that gives the right to it, empty if there is none."""

    verb: str
    code: str


def read(text: str) -> Order:
    """``482193``, ``ack 482193``, ``482 193 resolve``: the code and what to do, by default acknowledge. Pure."""
    found = _CODE.search(text)
    rest = text[: found.start()] + text[found.end() :] if found else text
    words = re.findall(r"[a-z0-9]+", rest.lower())
    verb = next((_VERBS[word] for word in words if word in _VERBS), "acknowledge")
    return Order(verb, found[1] + found[2] if found else "")


def by_text(said: Said, text: str, *, at: datetime) -> Answer:
    """A text message from ``said.sender``."""
    if not codes.owners(said.sender):
        return _refused(said, Answer(Outcome.UNKNOWN), at=at)
    if _too_many(said.sender, at):
        return _refused(said, Answer(Outcome.LIMITED), at=at)
    if text.strip().lower() in _CARRIERS:
        return _refused(said, Answer(Outcome.NO_NEWS), at=at)
    order = read(text)
    right = codes.find(said.sender, order.code, at=at) if order.code else None
    if right is None:
        words = "Nothing was done: no page that waits for you has this code. Open the link in the message."
        if not order.code:
            words = "Nothing was done. Reply with the six digits of the message, or open its link."
        return _refused(said, Answer(Outcome.WRONG, words), at=at)
    seen = {
        "expected_step": right.page.step if right.step is None else right.step,
        "expected_loop": right.loop,
    }
    return _taken(said, right.page, right.user, order.verb, None, seen, at)


def by_key(delivery: Delivery, said: Said, *, at: datetime) -> Answer:
    """A key pressed in the call of ``delivery``: 4 acknowledges, 5 escalates, 6 resolves."""
    number = delivery.topic.removeprefix("page:")
    page = Page.objects.filter(pk=number).first() if number.isdecimal() else None
    user = User.objects.filter(username=delivery.recipient, is_active=True).first()
    if page is None or user is None:
        return _refused(said, Answer(Outcome.UNKNOWN, "There is nothing to answer."), delivery, at=at)
    if callbacks.is_late(delivery, at=at):
        return _refused(said, Answer(Outcome.LATE, "This call is too old to answer."), delivery, at=at)
    verb = KEYS.get(said.word)
    if verb is None:
        return _refused(said, Answer(Outcome.WRONG, "That key does nothing."), delivery, at=at)
    step, loop = read_place(delivery.values.get("step", ""))
    seen = {"expected_step": step, "expected_loop": loop}
    return _taken(said, page, user, verb, delivery, seen, at)


def _taken(
    said: Said,
    page: Page,
    user: User,
    verb: str,
    delivery: Delivery | None,
    seen: dict[str, int | None],
    at: datetime,
) -> Answer:
    """Do it and write it down, both or neither; the second of two that say the same does nothing.

    ``seen`` is where the page stood when the message was made: what it asks to hurry may be over.
    """
    try:
        with transaction.atomic():
            callbacks.write_down(said, Outcome.TAKEN, delivery=delivery, text=f"{user}: {verb}", at=at)
            return Answer(Outcome.TAKEN, _do(page, user, verb, seen, at))
    except IntegrityError:
        return _refused(said, Answer(Outcome.REPEATED), delivery, at=at)


def _do(page: Page, user: User, verb: str, seen: dict[str, int | None], at: datetime) -> str:
    """The verb, and the sentence that says what came of it."""
    name = page.reference or f"Page {page.pk}"
    if page.state == Page.State.RESOLVED:
        return f"{name} is over already."
    try:
        with transaction.atomic():
            if verb == "escalate":
                page = paging.escalate_now(page, **seen, by=user, at=at)
            else:
                page = getattr(paging, verb)(page, by=user, at=at)
    except DomainError as refusal:
        return f"Nothing was done with {name}. {refusal.detail}"
    return f"{name}: {_done(page, user, verb)}"


def _done(page: Page, user: User, verb: str) -> str:
    if verb == "escalate":
        return "escalated. Whoever is next is being paged."
    if verb == "resolve":
        return "resolved. Nothing more is sent."
    if page.state != Page.State.ACKNOWLEDGED:
        return "your answer is noted."
    if page.acknowledged_by_id == user.pk:
        return "you have it. Nobody else is paged."
    return f"{page.acknowledged_by or 'The alert source'} has it, and you are noted as well."


def _refused(said: Said, answer: Answer, delivery: Delivery | None = None, *, at: datetime) -> Answer:
    callbacks.write_down(said, answer.outcome, delivery=delivery, at=at)
    return answer


def _too_many(number: str, at: datetime) -> bool:
    lately = Callback.objects.filter(kind=Kind.REPLY, sender=number, at__gt=at - HOUR)
    wrong = lately.filter(outcome=Outcome.WRONG).count()
    return wrong >= MOST_WRONG or lately.count() >= MOST_REPLIES
