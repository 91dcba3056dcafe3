"""Subscribers as a CSV file: read with a verdict for each line, then taken in as a whole.

Who is there already keeps what she chose, who left stays away, who is suppressed stays suppressed. Without the
operator's word that they agreed, the new ones are asked like anybody who signs up.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext

from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import User
from statuspage import addresses, challenges, links, public, subscriptions, suppression
from statuspage.documents import mail
from statuspage.models import BounceKind, StatusPage, Subscriber, SubscriberEvent, Suppression

COLUMNS = ["channel", "address", "owner", "components", "kinds", "state", "confirmed_at", "page"]
KINDS = ("incidents", "maintenance", "postmortems")
MOST_LINES = 50_000
MOST_FAULTS = 200
BATCH = 500
State, Channel = Subscriber.State, Subscriber.Channel
#: What stays as it is, whoever vouches for it. Of those who left there is nothing to take in.
KEPT = {State.REFUSED, State.SUPPRESSED, State.SWITCHED_OFF}


@dataclass(frozen=True)
class Row:
    """One line that is in order. ``components`` are keys; none means everything."""

    number: int
    channel: str
    address: str
    owner: str = ""
    components: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ("incidents", "maintenance")
    state: str = ""
    confirmed_at: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """What a file would do: rows to take in, and the number of lines that change nothing."""

    rows: tuple[Row, ...] = ()
    faults: tuple[tuple[int, str], ...] = ()
    there: int = 0
    left: int = 0
    suppressed: int = 0


@dataclass
class _Reading:
    page: str
    components: dict[str, int]
    at: datetime
    ours: frozenset[str]
    seen: dict[tuple[str, str], int] = field(default_factory=dict)


# -- out -----------------------------------------------------------------------------------------------------
def lines(subscribers: Iterable[Subscriber]) -> Iterator[dict[str, str]]:
    """Subscribers as the columns of the file; their page and components are expected to be fetched with them."""
    for one in subscribers:
        yield {
            "channel": one.channel,
            "address": one.address,
            "owner": one.owner,
            "components": " ".join(sorted(row.slug for row in one.components.all())),
            "kinds": " ".join(kind for kind in KINDS if getattr(one, kind)),
            "state": one.state,
            "confirmed_at": _utc(one.confirmed_at) if one.confirmed_at else "",
            "page": one.page.slug,
        }


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# -- in ------------------------------------------------------------------------------------------------------
def plan(text: str, page: StatusPage, *, at: datetime) -> Plan:
    """Read a file and say line by line what is wrong. Writes nothing.

    Raises ``DomainError("no_csv")`` for what is not such a file at all.
    """
    reading = _Reading(page.slug, dict(page.components.values_list("slug", "pk")), at, addresses.own_hosts())
    rows, faults = [], []
    for number, cells in _cells(text):
        try:
            rows.append(_row(number, cells, reading))
        except DomainError as refusal:
            faults.append((number, refusal.detail))
    return _against_what_is_there(rows, faults, page)


def _cells(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    first = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff").replace("\x00", "\ufffd")), delimiter=delimiter)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        names = ["address" if name == "email" and "address" not in names else name for name in names]
        if "address" not in names:
            raise DomainError("no_csv", f"The first line must name the columns: {', '.join(COLUMNS)}.")
        for row in reader:
            if reader.line_num > MOST_LINES:
                raise DomainError("no_csv", f"A file has at most {MOST_LINES:,} lines.")
            if any(cell.strip() for cell in row):
                yield reader.line_num, dict(zip(names, map(_plain, row), strict=False))
    except csv.Error as error:
        raise DomainError("no_csv", f"Line {reader.line_num} cannot be read as CSV: {error}.") from None


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from running it."""
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") else cell


def _row(number: int, cells: dict[str, str], reading: _Reading) -> Row:
    if cells.get("page", "") not in ("", reading.page):
        raise DomainError("page", f"This line is of the page {cells['page'][:60]!r}.")
    channel = cells.get("channel", "").lower() or Channel.EMAIL
    if channel not in Channel.values:
        raise DomainError("channel", f"The channel is one of: {', '.join(Channel.values)}.")
    given = cells.get("address", "")
    if given != clean_header(given, limit=2000):
        raise DomainError("bad_address", "The address holds a line end or another character that none has.")
    address = addresses.normalised(given, channel, ours=reading.ours)
    twin = reading.seen.setdefault((channel, address), number)
    if twin != number:
        raise DomainError("twice", f"The same address stands in line {twin}.")
    state = cells.get("state", "").lower()
    if state and state not in State.values:
        raise DomainError("state", f"The state is one of: {', '.join(State.values)}.")
    return Row(
        number=number,
        channel=channel,
        address=address,
        owner=addresses.owner_of(cells.get("owner", ""), ours=reading.ours)
        if channel == Channel.WEBHOOK
        else "",
        components=_components(cells.get("components", ""), reading),
        kinds=_kinds(cells.get("kinds", "")),
        state=state,
        confirmed_at=_instant(cells.get("confirmed_at", ""), reading.at),
    )


def _components(text: str, reading: _Reading) -> tuple[int, ...]:
    names = text.replace(",", " ").split()
    unknown = [name for name in names if name not in reading.components]
    if unknown:
        raise DomainError("components", f"There is no component {unknown[0][:100]!r}.")
    return tuple(reading.components[name] for name in dict.fromkeys(names))


def _kinds(text: str) -> tuple[str, ...]:
    names = text.lower().replace(",", " ").split()
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise DomainError("kinds", f"Kinds are {', '.join(KINDS)}, not {unknown[0][:100]!r}.")
    return tuple(names) or Row.kinds


def _instant(text: str, at: datetime) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise DomainError("confirmed_at", "confirmed_at is a time such as 2026-03-09T13:00:00Z.") from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if not 2000 <= found.year < 2100 or found > at:
        raise DomainError("confirmed_at", "confirmed_at lies in the past, and not before the year 2000.")
    return found


def _against_what_is_there(rows: list[Row], faults: list[tuple[int, str]], page: StatusPage) -> Plan:
    mails = [row.address for row in rows if row.channel == Channel.EMAIL]
    stopped = suppression.among(mails)
    there = set(Subscriber.objects.filter(page=page).values_list("channel", "address"))
    unknown = [row for row in rows if (row.channel, row.address) not in there]
    fresh = [
        replace(row, state=State.SUPPRESSED) if row.address in stopped else row
        for row in unknown
        if row.state != State.UNSUBSCRIBED
    ]
    return Plan(
        rows=tuple(fresh),
        faults=tuple(sorted(faults)),
        there=len(rows) - len(unknown),
        left=len(unknown) - len(fresh),
        suppressed=sum(row.state == State.SUPPRESSED for row in fresh),
    )


# -- doing it ------------------------------------------------------------------------------------------------
@transaction.atomic
def carry_out(found: Plan, page: StatusPage, *, consent: bool, by: User | None, at: datetime) -> int:
    """Take the rows of a plan in; how many. With ``consent`` they count as confirmed, else each is asked.

    Raises ``DomainError`` (``faults`` while a line is wrong, ``changed`` where somebody subscribed meanwhile).
    """
    if found.faults:
        raise DomainError(
            "faults", "Mend the lines that are wrong, or take them out; nothing has been taken in."
        )
    made = [_subscriber(row, page, consent, at) for row in found.rows]
    try:
        with transaction.atomic():
            made = Subscriber.objects.bulk_create(made, batch_size=BATCH)
    except IntegrityError:
        raise DomainError("changed", "Somebody subscribed meanwhile. Check the file again.") from None
    pairs = list(zip(found.rows, made, strict=True))
    through = Subscriber.components.through
    through.objects.bulk_create(
        [through(subscriber_id=one.pk, component_id=key) for row, one in pairs for key in row.components],
        batch_size=BATCH,
    )
    text = "Imported; the operator has the consent" if consent else "Imported, and asked to confirm"
    SubscriberEvent.objects.bulk_create(
        [SubscriberEvent(subscriber=one, at=at, text=text, by=by) for one in made], batch_size=BATCH
    )
    _keep_suppressed([row for row in found.rows if row.state == State.SUPPRESSED], at)
    with translation.override(page.language):
        _ask_all([one for one in made if one.state == State.PENDING], page, at)
    return len(made)


def _subscriber(row: Row, page: StatusPage, consent: bool, at: datetime) -> Subscriber:
    state = row.state if row.state in KEPT else State.ACTIVE if consent else State.PENDING
    pending = state == State.PENDING
    return Subscriber(
        page=page,
        public_id=subscriptions.public_id_of(page, row.channel, row.address),
        channel=row.channel,
        address=row.address,
        owner=row.owner,
        state=state,
        everything=not row.components,
        created_at=at,
        asked_at=at if pending else None,
        confirmed_at=row.confirmed_at or (at if state == State.ACTIVE else None),
        forget_at=at + links.CONFIRM_WITHIN if pending else None,
        **{kind: kind in row.kinds for kind in KINDS},
    )


def _keep_suppressed(rows: list[Row], at: datetime) -> None:
    marks = [suppression.marks(row.address)[0] for row in rows if row.channel == Channel.EMAIL]
    new = [Suppression(mark=mark, reason=BounceKind.HARD, at=at, text="Imported") for mark in marks]
    Suppression.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)


def _ask_all(asked: list[Subscriber], page: StatusPage, at: datetime) -> None:
    """One text for everybody by mail, each with her own link; each endpoint is challenged."""
    for one in asked:
        if not one.is_by_mail:
            challenges.ask(one, what=subscriptions.subject_of(one), at=at)
    by_mail = [one for one in asked if one.is_by_mail]
    if not by_mail:
        return
    site = public.frame(page, at=at).site
    letter = mail.letter(
        site,
        title=gettext("Confirm your subscription"),
        subject=gettext("Confirm your subscription to %(site)s status") % {"site": site.name},
        body=gettext(
            "You are on our list for news of %(site)s. Nothing comes before you confirm. "
            "The link works for 48 hours."
        )
        % {"site": site.name},
        button=gettext("Confirm"),
        url="{{confirm_url}}",
        foot=gettext("You do not want that? Do nothing: we never ask again."),
    )
    message = outbox.compose(
        purpose="confirm", subject=clean_header(letter.subject), text=letter.text, html=letter.html, at=at
    )
    to = [
        outbox.To(
            one.address,
            key=f"confirm:{one.public_id}:{at.timestamp():.0f}",
            recipient=one.recipient,
            values={"confirm_url": links.confirm_url(one)},
        )
        for one in by_mail
    ]
    outbox.send_many(message, to, medium="email", at=at, expires_at=at + links.CONFIRM_WITHIN)
