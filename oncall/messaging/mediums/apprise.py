"""Apprise: the long tail of services, where the operator has installed the extra and names the schemas.

Apprise opens connections of its own, past our guard against private addresses. So only the schemas of
APPRISE_SCHEMAS are taken; one that calls a host of the user's choice only where EGRESS_ALLOW names that host;
redirects are off. It reports a sentence: no provider's ID, no Retry-After. Source: field/integrations.md
section 4.1, measured on 2.2.
"""

import functools
import importlib
import importlib.util
import logging
import re
import threading
from collections.abc import Callable
from types import ModuleType
from urllib.parse import unquote, urlsplit, urlunsplit

from django.conf import settings

from oncall.messaging.errors import DeliveryError, DomainError, Unsure
from oncall.messaging.mediums.base import Letter, Receipt
from oncall.messaging.mediums.card import card, cut, plain, quiet
from oncall.messaging.mediums.provider import LIMIT_S, NOT_SET_UP, Service

#: Schemas whose plugins call their maker's servers and nobody else's, whatever the URL says.
FIXED_HOSTS = {
    *("discord", "gchat", "wxteams", "webex", "zulip", "line", "lark", "feishu", "dingtalk", "wecombot"),
    *("flock", "ryver", "groupme", "guilded", "kook", "viber", "whatsapp", "threema", "cliq", "twist"),
    *("pbul", "join", "prowl", "spush", "simplepush", "pushed", "pushy", "onesignal", "notifiarr", "ifttt"),
    *("pagerduty", "opsgenie", "splunk", "victorops", "squadcast", "signl4", "spike", "ilert", "incidentio"),
    *("twilio", "vonage", "nexmo", "plivo", "sinch", "msgbird", "clicksend", "clickatell", "bulksms"),
    *("elks", "seven", "d7sms", "voipms", "telnyx", "msg91", "burstsms", "httpsms", "sns", "ses"),
}
#: What the portal decides, not whoever enters the address.
_OURS = {"redirect", "verify", "cto", "rto", "retry", "wait", "overflow"}
_TITLE_LIMIT, _TEXT_LIMIT = 200, 1_500
_STATUS = re.compile(r"error=([1-5][0-9]{2})\b")


class Apprise(Service):
    """The medium ``apprise``: the address is an Apprise URL. One way only."""

    name = "apprise"
    label = "Apprise"
    hint = "An Apprise URL such as discord://webhook_id/webhook_token"
    needs = ("APPRISE_SCHEMAS",)

    def missing(self) -> str:
        if settings.APPRISE_SCHEMAS and _is_installed():
            return ""
        return "Apprise is not set up here: install requirements/apprise.txt and set APPRISE_SCHEMAS."

    def check_address(self, address: str) -> str:
        """A URL of a schema that the operator allows, leading to a host that she allows."""
        address = address.strip()
        try:
            parts = urlsplit(address)
            host = (parts.hostname or "").lower()
        except ValueError:
            parts, host = urlsplit(""), ""
        if not parts.scheme or not address.isascii() or re.search(r"[\x00-\x20\x7f]", address):
            raise DomainError(
                "bad_address", "Enter an Apprise URL such as discord://webhook_id/webhook_token."
            )
        if parts.scheme not in settings.APPRISE_SCHEMAS:
            allowed = ", ".join(sorted(settings.APPRISE_SCHEMAS)) or "none"
            raise DomainError(
                "bad_address", f"{parts.scheme}:// is not allowed here. Allowed (APPRISE_SCHEMAS): {allowed}."
            )
        if parts.scheme not in FIXED_HOSTS and host not in settings.EGRESS_ALLOW:
            raise DomainError(
                "bad_address",
                f"{parts.scheme}:// goes to a host that the address names. "
                f"An administrator has to list {host or 'that host'} in the setting EGRESS_ALLOW.",
            )
        return address

    def send(self, letter: Letter) -> Receipt:
        """Hand the letter to Apprise, and wait for it no longer than for any other service."""
        if unset := self.missing():
            raise DeliveryError(unset, permanent=True, code=NOT_SET_UP)
        url, shown = ours(self.check_address(letter.address)), card(letter)
        title = quiet(cut(shown.title, _TITLE_LIMIT))
        body = quiet(plain(shown, limit=_TEXT_LIMIT)) or title
        said = _within(LIMIT_S, lambda: _notify(url, title, body))
        if said is None:
            return Receipt(text="Taken by Apprise.")
        raise _failure(said)


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("apprise") is not None


@functools.cache
def _library() -> ModuleType:
    """Loaded when the first letter goes out: it takes seconds, and most portals have none."""
    return importlib.import_module("apprise")


def ours(address: str) -> str:
    """The address with our own choices in place of the user's: no redirects, short waits, no repeats."""
    parts = urlsplit(address)
    kept = [
        one for one in parts.query.split("&") if one and unquote(one.partition("=")[0]).lower() not in _OURS
    ]
    return urlunsplit(parts._replace(query="&".join([*kept, "redirect=no", "cto=3", "rto=5", "retry=0"])))


def _notify(url: str, title: str, body: str) -> str | None:
    """None if the service took it, else what Apprise logged about it.

    The plugin is called as it is: Apprise's own dispatcher has threads that a process waits for when it ends.
    """
    plugin = _library().Apprise.instantiate(url)
    if plugin is None:
        text = "Apprise does not understand this address. Compare it with Apprise's page on the service."
        raise DeliveryError(text, permanent=True, code="bad_address")
    with _Overheard() as overheard:
        taken = plugin.notify(title=title, body=body)
    return None if taken else " ".join(overheard.lines)


class _Overheard(logging.Handler):
    """What Apprise logs in this thread: the only place where it says why something failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())

    def __enter__(self) -> "_Overheard":
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("apprise").removeHandler(self)


def _within(limit_s: float, work: Callable[[], str | None]) -> str | None:
    """The result of ``work``, or ``Unsure`` after ``limit_s``: Apprise's own limits are for one read."""
    found: list[str | None] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:  # any plugin of 170: handed to the waiting thread below
            errors.append(error)

    thread = threading.Thread(target=run, name="apprise", daemon=True)
    thread.start()
    thread.join(limit_s)
    if errors:
        raise errors[0]
    if not found:
        raise Unsure(f"No complete answer within {limit_s:g} s.", code="timeout")
    return found[0]


def _failure(said: str) -> DeliveryError:
    """What Apprise logged, as an error. A 4xx in its sentence is final, but for those that ask for patience."""
    status = _STATUS.search(said)
    code = status[1] if status else ""
    permanent = code.startswith("4") and code not in {"408", "425", "429"}
    text = said or "Apprise could not send it and does not say why."
    return DeliveryError(text[:500], permanent=permanent, code=code)
