"""What providers of mail tell of mail that came back, as one kind of value. Pure: JSON in, ``Returned`` out.

Each parser takes what ``json.loads`` gave and returns None where the shape is not its own. Sources: Postmark's
"Bounce webhook" and "Spam complaint webhook", Amazon's "SNS notification contents for SES" and "event publishing",
Mailgun's "Webhooks" (failed, complained), SendGrid's "Event Webhook" (bounce, dropped, deferred, spamreport).
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

HARD, SOFT, COMPLAINT = "hard", "soft", "complaint"
MOST = 1_000
_ENHANCED = re.compile(r"\b([45])\.(\d{1,3})\.(\d{1,3})\b")
#: RFC 3463: the address, its system or its mailbox are wrong for good. A full mailbox (5.2.2) may be emptied.
_GONE = {("1", code) for code in ("0", "1", "2", "3", "4", "6", "10")} | {("2", "1")}
#: Replies about the recipient where the relay gives no enhanced code.
_ABOUT_THE_RECIPIENT = {"550", "551", "553"}


@dataclass(frozen=True)
class Returned:
    """A mail to ``address`` did not arrive (``hard``, ``soft``) or was called spam (``complaint``).

    ``digest`` is the same for the same event told again. ``at`` is None where nobody says when.
    """

    address: str
    kind: str
    source: str
    digest: str
    at: datetime | None = None
    text: str = ""


def judge(code: str, text: str) -> str:
    """What an SMTP refusal means for the recipient: hard, soft, or nothing about her (policy, content, size)."""
    enhanced = _ENHANCED.search(text)
    if enhanced:
        group, subject, detail = enhanced.groups()
        if group == "5" and (subject, detail) in _GONE:
            return HARD
        return SOFT if subject == "2" else ""
    if code in _ABOUT_THE_RECIPIENT:
        return HARD
    return SOFT if code == "552" else ""


def read(told: Any) -> list[Returned] | None:
    """All that a provider's body tells; None where nobody here knows its shape."""
    for parser in (postmark, ses, mailgun, sendgrid, generic):
        found = parser(told)
        if found is not None:
            return found[:MOST]
    return None


def postmark(told: Any) -> list[Returned] | None:
    """``{"RecordType": "Bounce" | "SpamComplaint", "Type", "Email", "ID", "BouncedAt"}``."""
    if not isinstance(told, dict) or "RecordType" not in told:
        return None
    if told["RecordType"] == "SpamComplaint":
        kind = COMPLAINT
    elif told["RecordType"] == "Bounce":
        kind = _POSTMARK.get(_text(told.get("Type")), "")
    else:
        return []
    row = (told.get("Email"), kind, told.get("ID"), told.get("BouncedAt"), told.get("Description"))
    return _all("postmark", [row])


_POSTMARK = {
    "HardBounce": HARD,
    "BadEmailAddress": HARD,
    "ManuallyDeactivated": HARD,
    "SpamComplaint": COMPLAINT,
    "SoftBounce": SOFT,
    "Transient": SOFT,
    "DnsError": SOFT,
    "Undeliverable": SOFT,
}


def ses(told: Any) -> list[Returned] | None:
    """Amazon SES, through SNS or as its ``Message`` alone; other notices of SNS say nothing."""
    if not isinstance(told, dict):
        return None
    if {"Type", "TopicArn"} <= told.keys():
        return (ses(_json(told.get("Message"))) or []) if told["Type"] == "Notification" else []
    kind = told.get("notificationType") or told.get("eventType")
    if kind not in ("Bounce", "Complaint") or not isinstance(told.get(kind.lower()), dict):
        return [] if "mail" in told and kind else None
    part = told[kind.lower()]
    ident, when = part.get("feedbackId"), part.get("timestamp")
    if kind == "Complaint":
        people = _list(part, "complainedRecipients")
        return _all("ses", ((_of(one, "emailAddress"), COMPLAINT, ident, when, "") for one in people))
    found = {"Permanent": HARD, "Transient": SOFT}.get(_text(part.get("bounceType")), SOFT)
    return _all(
        "ses",
        (
            (_of(one, "emailAddress"), found, ident, when, _of(one, "diagnosticCode"))
            for one in _list(part, "bouncedRecipients")
        ),
    )


def mailgun(told: Any) -> list[Returned] | None:
    """``{"event-data": {"event": "failed" | "complained", "severity", "recipient", "id", "timestamp"}}``."""
    event = told.get("event-data") if isinstance(told, dict) else None
    if not isinstance(event, dict):
        return None
    kind = {"complained": COMPLAINT}.get(_text(event.get("event")), "")
    if event.get("event") == "failed":
        kind = HARD if event.get("severity") == "permanent" else SOFT
        # "Permanent" is also what Mailgun itself will not send: it has tried no recipient then.
        if kind == HARD and event.get("reason") not in ("bounce", "suppress-bounce"):
            kind = SOFT
    status = event.get("delivery-status")
    text = _of(status, "message") or _of(status, "description")
    return _all("mailgun", [(event.get("recipient"), kind, event.get("id"), event.get("timestamp"), text)])


def sendgrid(told: Any) -> list[Returned] | None:
    """A list of ``{"email", "event", "type", "sg_event_id", "timestamp", "reason", "status"}``."""
    if not isinstance(told, list) or not all(isinstance(one, dict) and "event" in one for one in told):
        return None
    return _all(
        "sendgrid",
        (
            (
                one.get("email"),
                _sendgrid(one),
                one.get("sg_event_id"),
                one.get("timestamp"),
                one.get("reason"),
            )
            for one in told
        ),
    )


def _sendgrid(one: dict) -> str:
    event = one.get("event")
    if event == "spamreport":
        return COMPLAINT
    if event == "bounce":
        return SOFT if one.get("type") == "blocked" else HARD
    if event == "dropped":
        return {"Bounced Address": HARD, "Invalid": HARD, "Spam Reporting Address": COMPLAINT}.get(
            _text(one.get("reason")), ""
        )
    return SOFT if event == "deferred" else ""


def generic(told: Any) -> list[Returned] | None:
    """``{"address", "kind": "hard" | "soft" | "complaint", "id"?, "at"?, "text"?}``, or a list of such."""
    rows = told if isinstance(told, list) else [told]
    if not rows or not all(isinstance(one, dict) and {"address", "kind"} <= one.keys() for one in rows):
        return None
    if not all(one["kind"] in (HARD, SOFT, COMPLAINT) for one in rows):
        return None
    return _all(
        "json", ((one["address"], one["kind"], one.get("id"), one.get("at"), one.get("text")) for one in rows)
    )


def subscription_of(told: Any) -> str:
    """The address with which Amazon SNS wants its subscription confirmed; empty where it asks for none."""
    if not isinstance(told, dict) or told.get("Type") != "SubscriptionConfirmation":
        return ""
    url = _text(told.get("SubscribeURL"))
    return url if re.match(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/", url) else ""


# -- reading what may be anything ----------------------------------------------------------------------------
Row = tuple[Any, str, Any, Any, Any]


def _all(source: str, rows: Iterable[Row]) -> list[Returned]:
    found = []
    for address, kind, ident, when, text in rows:
        address = _text(address).strip().rpartition("<")[2].rstrip(">").lower()
        if kind and "@" in address and len(address) <= 254 and address.isprintable():
            named = f"{source}\n{address}\n{kind}\n{_text(ident) or when}"
            digest = hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()
            found.append(Returned(address, kind, source, digest, _instant(when), _text(text)[:300]))
    return found


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _of(value: Any, key: str) -> str:
    return _text(value.get(key)) if isinstance(value, dict) else ""


def _list(value: dict, key: str) -> list:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


def _instant(value: Any) -> datetime | None:
    """Seconds since 1970, or ISO 8601; None for anything else and for what lies beyond our years."""
    readers: dict[type, Callable[[Any], datetime]] = {
        int: lambda seconds: datetime.fromtimestamp(seconds, UTC),
        float: lambda seconds: datetime.fromtimestamp(seconds, UTC),
        str: datetime.fromisoformat,
    }
    try:
        found = readers[type(value)](value)
    except (KeyError, ValueError, OverflowError, OSError):
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if 2000 <= found.year < 2100 else None
