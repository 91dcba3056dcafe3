"""Matrix over plain client-server HTTP: into a room, or to a person by a direct room that the bot makes.

The transaction's name is made from the letter's stable ID, so a repeat is the same event and no second
message. There are no buttons: the message has the answer link. Source: the client-server API (version 3) and
field/matrix.md.
"""

import re
from html import escape
from typing import Any
from urllib.parse import quote

from django.conf import settings

from oncall.messaging.errors import DeliveryError, DomainError
from oncall.messaging.mediums.base import Letter, Receipt, fingerprint
from oncall.messaging.mediums.card import card, cut, plain
from oncall.messaging.mediums.provider import Reply, Service, text_of

#: Room IDs of version 12 have no server part; all are case-sensitive.
_ADDRESS = re.compile(r"!\S{1,250}|[#@][^\s:]{1,200}:[A-Za-z0-9.:\[\]-]{1,230}")
_TITLE_LIMIT, _TEXT_LIMIT = 300, 8_000


class Matrix(Service):
    """The medium ``matrix``."""

    name = "matrix"
    label = "Matrix"
    hint = "A room such as !room:example.org or #ops:example.org, or a person such as @alice:example.org"
    changes = True
    needs = ("MATRIX_URL", "MATRIX_TOKEN")

    def check_address(self, address: str) -> str:
        address = address.strip()
        if not _ADDRESS.fullmatch(address):
            raise DomainError(
                "bad_address",
                "Enter a Matrix room such as !abc:example.org or #ops:example.org, "
                "or a person such as @alice:example.org.",
            )
        return address

    def stable_id(self, key: str) -> str:
        return f"muster-{fingerprint(key)}"

    def post(self, letter: Letter) -> Receipt:
        """Send it; the room and the event are kept for changing it."""
        room = self._room(self.check_address(letter.address))
        return self._send(room, letter, _content(letter), "Sent to Matrix.")

    def change(self, letter: Letter) -> Receipt:
        """Send a replacement, which clients show in place of the first."""
        room, _, event = letter.provider_id.partition(" ")
        content = _content(letter)
        replacement = {
            **content,
            "body": f"* {content['body']}",
            "m.new_content": content,
            "m.relates_to": {"rel_type": "m.replace", "event_id": event},
        }
        return self._send(room, letter, replacement, "Changed in Matrix.")

    def _send(self, room: str, letter: Letter, content: dict[str, Any], done: str) -> Receipt:
        path = f"rooms/{_quoted(room)}/send/m.room.message/{_quoted(letter.stable_id)}"
        reply = self._api("PUT", path, content)
        event = text_of(reply.body.get("event_id"))
        if not event:
            raise self.unreadable(reply)
        return Receipt(code="200", text=done, provider_id=f"{room} {event}")

    def _room(self, address: str) -> str:
        if address.startswith("!"):
            return address
        if address.startswith("#"):
            return self._resolved(address)
        return self._direct_room(address)

    def _resolved(self, alias: str) -> str:
        room = text_of(self._api("GET", f"directory/room/{_quoted(alias)}").body.get("room_id"))
        if not room:
            raise DeliveryError(f"Matrix does not say which room {alias} is.", code="no_room")
        return room

    def _direct_room(self, person: str) -> str:
        """The room of the bot and a person, found by an alias made from her name; made when there is none.

        Until she has accepted the invitation she reads nothing, so that counts as not delivered.
        """
        server = text_of(self._api("GET", "account/whoami").body.get("user_id")).partition(":")[2]
        local = f"muster-{fingerprint(person)[:16]}"
        try:
            room = self._resolved(f"#{local}:{server}")
        except DeliveryError as error:
            if error.code != "404":
                raise
            room = self._make_room(local, person, server)
        self._check_joined(room, person)
        return room

    def _make_room(self, alias: str, person: str, server: str) -> str:
        wanted = {
            "preset": "private_chat",
            "visibility": "private",
            "is_direct": True,
            "name": f"{settings.ORGANISATION} pages",
            "room_alias_name": alias,
            "invite": [person],
        }
        try:
            room = text_of(self._api("POST", "createRoom", wanted).body.get("room_id"))
        except DeliveryError as error:
            if "M_ROOM_IN_USE" not in error.text:  # another sender was faster
                raise
            return self._resolved(f"#{alias}:{server}")
        if not room:
            raise DeliveryError("Matrix made a room and does not say which.", code="no_room")
        return room

    def _check_joined(self, room: str, person: str) -> None:
        path = f"rooms/{_quoted(room)}/state/m.room.member/{_quoted(person)}"
        try:
            membership = text_of(self._api("GET", path).body.get("membership"))
        except DeliveryError as error:
            if error.code != "404":
                raise
            membership = "leave"
        if membership == "join":
            return
        if membership != "invite":
            self._api("POST", f"rooms/{_quoted(room)}/invite", {"user_id": person})
        raise DeliveryError(
            f"{person} has not accepted the invitation to the room. Accept it in Matrix, then send a test.",
            permanent=True,
            code="not_joined",
        )

    def _api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
        url = f"{settings.MATRIX_URL}/_matrix/client/v3/{path}"
        reply = self.call(method, url, body=body, token=settings.MATRIX_TOKEN)
        if reply.is_ok:
            return reply
        said = " ".join(filter(None, [text_of(reply.body.get(name)) for name in ("errcode", "error")]))
        raise self.refused(reply, said, retry_after_s=_asked_wait_s(reply))


def _asked_wait_s(reply: Reply) -> int | None:
    """Older servers say it in milliseconds in the body, newer ones in the header as well."""
    asked = reply.body.get("retry_after_ms")
    in_body = -(-int(asked) // 1000) if isinstance(asked, int | float) and 0 <= asked < 1e9 else None
    return max(filter(None, [in_body, reply.retry_after_s]), default=None)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _content(letter: Letter) -> dict[str, Any]:
    shown = card(letter)
    is_direct = letter.address.startswith("@")
    title = cut(shown.title, _TITLE_LIMIT)
    text = plain(shown, limit=_TEXT_LIMIT, with_link=is_direct)
    return {
        "msgtype": "m.text",
        "body": f"{title}\n\n{text}",
        "format": "org.matrix.custom.html",
        "formatted_body": f"<p><strong>{escape(title)}</strong></p><p>{escape(text).replace(chr(10), '<br>')}</p>",
        "m.mentions": {"room": True} if shown.is_loud and not shown.said and not is_direct else {},
    }
