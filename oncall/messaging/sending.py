"""Sending what was claimed: pages one message at a time, mass mail in batches."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection

from oncall.messaging import batches, bundles, callbacks, claims
from oncall.messaging.claims import Ending
from oncall.messaging.errors import DeliveryError, DomainError, LineDown, Unsure
from oncall.messaging.mediums.base import Letter, Line, Medium, Odd, Receipt
from oncall.messaging.models import Attempt, Delivery, Message
from oncall.messaging.render import clean_header, clean_text, fill
from oncall.messaging.retries import wait_s

logger = logging.getLogger(__name__)

_LINE_DOWN_PAUSE = timedelta(seconds=5)
_FORMS_KEPT = 20
#: Mass mail that somebody holds for a moment is looked at again so soon (seconds), and so often.
_HELD_FOR_S, _LOOKS_AT_HELD = 0.02, 50

Clock = Callable[[], datetime]


class Sender:
    """What one hand sends over one line, until ``stop`` says so.

    When the line itself is down the first that noticed has its failed attempt, and the others are given back
    for a short while instead of each waiting for the same timeout.
    """

    def __init__(
        self, medium: Medium, line: Line, now: Clock, *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self.medium, self.line, self.now, self.stop = medium, line, now, stop
        self._is_down = False
        self._pace = batches.Pace()
        self._forms: dict[int, object] = {}

    def send(self, batch: list[Delivery]) -> None:
        """Send claimed deliveries: first what goes by itself, pages before all others, then mass mail."""
        self._is_down = False
        many = [one for one in batch if hasattr(self.medium, "form") and batches.can_go_along(one)]
        along = {one.pk for one in many}
        for bundle in bundles.together(one for one in batch if one.pk not in along):
            if self._is_over():
                self._give_back(bundle)
            else:
                self._send_bundle(bundle)
        self._send_many(many)

    def _is_over(self) -> bool:
        return self._is_down or self.stop()

    def _give_back(self, deliveries: list[Delivery]) -> None:
        pause = _LINE_DOWN_PAUSE if self._is_down else timedelta()
        for _ in range(_LOOKS_AT_HELD):
            deliveries = batches.give_back_all(deliveries, due_at=self.now() + pause)
            if not deliveries:
                return
            time.sleep(_HELD_FOR_S)

    # -- one message at a time
    def _send_bundle(self, bundle: list[Delivery]) -> None:
        attempts, letters = _written(claims.begin_all(bundle, at=self.now()), self.now)
        if not attempts:
            return
        letter = bundles.write(
            letters,
            [attempt.delivery.idempotency_key for attempt in attempts],
            self.medium.stable_id,
            called_back=self.medium.name in callbacks.MEDIUMS,
        )
        ending, self._is_down = attempt_sending(lambda: self.line.send(letter), attempts[0], self.now)
        _record(attempts, ending, self.now)

    # -- mass mail
    def _send_many(self, deliveries: list[Delivery]) -> None:
        looks = 0
        while deliveries and not self._is_over():
            few, deliveries = deliveries[: self._pace.size], deliveries[self._pace.size :]
            began = time.monotonic()
            attempts, held = batches.begin_many(few, at=self.now())
            deliveries += held
            if held and not attempts:
                looks += 1
                if looks > _LOOKS_AT_HELD:
                    break
                time.sleep(_HELD_FOR_S)
                continue
            done = batches.hand_over(attempts, self._try_copy, self.stop)
            _record_many(done.endings, self.now)
            if done.untried:
                batches.unbegin(done.untried)
                deliveries = [attempt.delivery for attempt in done.untried] + deliveries
            self._pace.note(len(done.endings), time.monotonic() - began)
            self._is_down = done.is_down
        if deliveries:
            self._give_back(deliveries)

    def _try_copy(self, attempt: Attempt) -> tuple[Ending, bool]:
        return attempt_sending(lambda: self._send_copy(attempt.delivery), attempt, self.now)

    def _send_copy(self, delivery: Delivery) -> Receipt:
        told = {"address": delivery.address, "stable_id": delivery.stable_id, "values": delivery.values}
        form = self._form(delivery.message)
        with suppress(Odd):
            if form is not None:
                return self.line.send_copy(form, **told, at=self.now())
        return self.line.send(write_letter(delivery, self.now()))

    def _form(self, message: Message) -> object | None:
        """The prepared message, made once; None where each copy must be written in full."""
        if message.pk not in self._forms:
            if len(self._forms) == _FORMS_KEPT:
                self._forms.clear()
            told = {name: getattr(message, name) for name in ("subject", "text", "html", "headers")}
            self._forms[message.pk] = None
            with suppress(Odd):
                self._forms[message.pk] = self.medium.form(**told)
        return self._forms[message.pk]


def send_batch(medium: Medium, batch: list[Delivery], now: Clock) -> None:
    """Send claimed deliveries over a line of their own."""
    with medium.line() as line:
        Sender(medium, line, now).send(batch)


def _written(attempts: list[Attempt], now: Clock) -> tuple[list[Attempt], list[Letter]]:
    """The letters of what can be written. One that cannot is recorded by itself and spoils no bundle."""
    fine, letters = [], []
    for attempt in attempts:
        try:
            letters.append(write_letter(attempt.delivery, now()))
            fine.append(attempt)
        except DomainError as refusal:
            _record([attempt], Ending("permanent", "dead", code=refusal.code, text=refusal.detail), now)
        except Exception as fault:
            logger.exception("Delivery %s cannot be written", attempt.delivery_id)
            _record([attempt], _ending_of_fault(fault, attempt.delivery, attempt, now()), now)
    return fine, letters


def attempt_sending(send: Callable[[], Receipt], attempt: Attempt, now: Clock) -> tuple[Ending, bool]:
    """One try, and whether the line turned out to be down. Never raises."""
    delivery = attempt.delivery
    try:
        receipt = send()
    except DomainError as refusal:
        return Ending("permanent", "dead", code=refusal.code, text=refusal.detail), False
    except DeliveryError as error:
        return _ending_after(error, delivery, attempt, now()), isinstance(error, LineDown)
    except Exception as fault:
        # The per-row isolation of design.md section 4: one row that cannot be sent never stops its neighbours.
        logger.exception("Delivery %s cannot be sent", delivery.pk)
        return _ending_of_fault(fault, delivery, attempt, now()), False
    return _ending_of_receipt(receipt), False


def _ending_of_receipt(receipt: Receipt) -> Ending:
    outcome, state = ("kept", "kept") if receipt.kept else ("accepted", "sent")
    return Ending(outcome, state, code=receipt.code, text=receipt.text, provider_id=receipt.provider_id)


def _ending_after(error: DeliveryError, delivery: Delivery, attempt: Attempt, at: datetime) -> Ending:
    if error.permanent:
        return Ending("permanent", "dead", code=error.code, text=error.text)
    wait = wait_s(delivery.lane, attempt.n, retry_after_s=error.retry_after_s, chance=random.random())
    outcome = "unknown" if isinstance(error, Unsure) else "temporary"
    return Ending(outcome, "pending", error.code, error.text, retry_at=at + timedelta(seconds=wait))


def _ending_of_fault(fault: Exception, delivery: Delivery, attempt: Attempt, at: datetime) -> Ending:
    text = clean_text(f"{type(fault).__name__}: {fault}")
    if claims.is_poison(delivery, so_far=1):
        return Ending("fault", "dead", text=text)
    wait = wait_s(delivery.lane, attempt.n, chance=random.random())
    return Ending("fault", "pending", text=text, retry_at=at + timedelta(seconds=wait))


def write_letter(delivery: Delivery, at: datetime, *, anew: dict[str, str] | None = None) -> Letter:
    """The message with the delivery's own values in it, or those that a later one puts in their place."""
    message, values = delivery.message, {**delivery.values, **(anew or {})}
    return Letter(
        address=delivery.address,
        recipient=delivery.recipient,
        purpose=message.purpose,
        subject=clean_header(fill(message.subject, values)),
        text=clean_text(fill(message.text, values)),
        html=fill(message.html, values, escape=True),
        headers={name: fill(value, values) for name, value in message.headers.items()},
        values=values,
        stable_id=delivery.stable_id,
        written_at=message.created_at,
        sent_at=at,
        brief=clean_text(fill(message.brief, values)),
        original=write_letter(delivery.follows, at, anew=values) if delivery.follows else None,
        provider_id=delivery.follows.provider_id if delivery.follows else "",
    )


def _record(attempts: list[Attempt], ending: Ending, now: Clock) -> None:
    """Write the ending, through a restart of the database if need be: what was sent must not go out again."""
    while True:
        try:
            claims.finish_all(attempts, ending, at=now())
            for attempt in attempts:
                if attempt.delivery.medium in callbacks.MEDIUMS:
                    callbacks.settle(attempt.delivery, at=now())  # the provider may have given it up already
            return
        except (OperationalError, InterfaceError):
            if not _may_try_again(attempts[0].delivery, now):
                raise


def _record_many(endings: list[tuple[Attempt, Ending]], now: Clock) -> None:
    """The same for those that were begun together."""
    while endings:
        try:
            batches.finish_many(endings, at=now())
            return
        except (OperationalError, InterfaceError):
            if not _may_try_again(endings[0][0].delivery, now):
                raise


def _may_try_again(delivery: Delivery, now: Clock) -> bool:
    """Whether the database may be given another moment; waits that long."""
    if connection.in_atomic_block or delivery.lease_until <= now():
        return False
    connection.close()
    time.sleep(0.5)
    return True
