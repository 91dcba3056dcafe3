"""Somebody pressed a button in chat or on a phone: who she is, whether she may, and the verb.

The edges (``oncall/webhooks``) find out whether a call is authentic. What they believe they hand over as a
``Press``, the rest to ``note_rejected``. The same call acts once, held by the database.
Source: field/integrations.md section 7.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from oncall import paging
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import by_name
from oncall.messaging.render import clean_header
from oncall.models import Callback, ContactMethod, Page, User

logger = logging.getLogger(__name__)
Outcome = Callback.Outcome

VERBS = {"acknowledge": "acknowledged", "escalate": "escalated", "resolve": "resolved"}
#: Longer than any call can be believed, so that none comes back once it is forgotten.
REMEMBERED_FOR = timedelta(days=30)
#: Whoever floods us with forgeries fills the log, not the database.
REJECTIONS_NOTED_A_MINUTE = 30


@dataclass(frozen=True)
class Press:
    """An authentic press. ``address`` is the presser's, as the medium knows her; ``call`` names the call.

    ``page``, ``step`` and ``loop`` (its pass, None where an older button does not say) are what the button was
    made for; ``user`` is set where the call itself proves who pressed.
    """

    medium: str
    call: str
    verb: str
    page: int
    step: int
    loop: int | None = None
    address: str = ""
    user: User | None = None
    client: str = ""


@dataclass(frozen=True)
class Answered:
    """What came of a press, as a sentence for whoever pressed."""

    done: bool
    said: str


class Repeated(Exception):
    """The same call was here before; nothing was done now."""


def press(pressed: Press, *, at: datetime) -> Answered:
    """Do what was pressed, once. A refusal is a sentence, and is noted like what was done. Raises ``Repeated``."""
    with transaction.atomic():
        noted = _noted_once(pressed, at)
        try:
            with transaction.atomic():
                noted.page = page = _page_of(pressed)
                noted.user = pressed.user or person_of(pressed.medium, pressed.address)
                _check_right(page, noted.user)
                page = _act(page, pressed, noted.user, at)
        except DomainError as refusal:
            noted.outcome, noted.reason = Outcome.REFUSED, clean_header(refusal.detail, limit=300)
            noted.save()
            return Answered(False, f"Nothing was done. {refusal.detail}")
        noted.save()
    return Answered(True, f"You {VERBS[pressed.verb]}: {page}")


def person_of(medium: str, address: str) -> User:
    """Whose verified contact this is. Raises ``DomainError("unknown_person")``."""
    try:
        usual = by_name(medium).check_address(address)
    except DomainError:
        usual = ""
    contacts = ContactMethod.objects.filter(medium=medium, address=usual, verified_at__isnull=False)
    people = list(User.objects.filter(pk__in=contacts.values("user"), is_active=True)[:2]) if usual else []
    if len(people) == 1:
        return people[0]
    if people:
        raise DomainError(
            "unknown_person", "Two people have this address. An administrator has to remove one."
        )
    raise DomainError(
        "unknown_person",
        f"No verified contact of anybody is {clean_header(address, limit=60)}. "
        "Add it to your contacts and verify it.",
    )


def note_rejected(medium: str, reason: str, *, client: str, at: datetime) -> None:
    """Write down that a call was not believed; in a flood the log has to do."""
    logger.warning("A call from %s (%s) was not believed: %s", medium, client, reason)
    recent = Callback.objects.rejected_since(at - timedelta(minutes=1))
    if recent.count() < REJECTIONS_NOTED_A_MINUTE:
        Callback.objects.create(
            medium=medium,
            at=at,
            outcome=Outcome.REJECTED,
            reason=clean_header(reason, limit=300),
            client=clean_header(client, limit=45),
        )


def forget(*, now: Callable[[], datetime]) -> int:
    """Pulse line: drop calls that nobody asks about any more; how many."""
    return Callback.objects.filter(at__lt=now() - REMEMBERED_FOR).delete()[0]


def _noted_once(press: Press, at: datetime) -> Callback:
    digest = hashlib.sha256(press.call.encode("utf-8", "replace")).hexdigest()
    try:
        with transaction.atomic():
            return Callback.objects.create(
                medium=press.medium,
                at=at,
                outcome=Outcome.DONE,
                digest=digest,
                verb=press.verb if press.verb in VERBS else "",
                client=clean_header(press.client, limit=45),
            )
    except IntegrityError:
        if Callback.objects.filter(medium=press.medium, digest=digest).exists():
            raise Repeated from None
        raise


def _page_of(press: Press) -> Page:
    page = Page.objects.filter(pk=press.page).first() if press.page < 2**63 else None
    if page is None or press.verb not in VERBS:
        raise DomainError("no_page", "There is no such page any more.")
    return page


def _check_right(page: Page, user: User) -> None:
    """By right, or because she was paged; of a private page nobody else learns that it is there."""
    if not Page.objects.visible_to(user).filter(pk=page.pk).exists():
        raise DomainError("no_page", "There is no such page any more.")
    if not paging.may_answer(page, user):
        raise DomainError(
            "not_yours", "You were not paged for this, and you have no right to answer for others."
        )


def _act(page: Page, press: Press, user: User, at: datetime) -> Page:
    if press.verb == "escalate":
        seen = {"expected_step": press.step, "expected_loop": press.loop}
        return paging.escalate_now(page, **seen, by=user, at=at)
    verb = {"acknowledge": paging.acknowledge, "resolve": paging.resolve}[press.verb]
    return verb(page, by=user, at=at)
