"""Chat and push services as they call the portal back: each signs, or proves itself, in its own way."""

import json
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from oncall import answers
from oncall.messaging.mediums.base import Letter
from oncall.messaging.mediums.card import card
from oncall.messaging.mediums.mattermost import context
from oncall.messaging.mediums.ntfy import key_of
from oncall.messaging.mediums.pushover import callback_key
from oncall.messaging.mediums.slack import signature
from oncall.messaging.models import Delivery
from oncall.models import Page, User

SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TELEGRAM_SECRET = "a-secret-of-the-portal"
RECEIPT = "r" * 30


class Caller:
    """One service. ``request(…)`` is the call as path, body and headers, made at an instant; ``send`` makes it."""

    medium: str
    settings: dict[str, str]
    addresses = {"alice": "", "bob": "", "carol": ""}

    def request(
        self, page: Page, who: User, verb: str, at: datetime, *, step: int | str | None = None
    ) -> dict:
        raise NotImplementedError

    def unsigned(self, call: dict) -> dict:
        return {**call, "headers": {}}

    def forged(self, call: dict) -> dict:
        raise NotImplementedError

    def send(self, web: Client, call: dict) -> HttpResponse:
        return web.post(call["path"], call["body"], content_type=call["type"], headers=call["headers"])


class Slack(Caller):
    medium = "slack"
    settings = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": SLACK_SECRET}
    addresses = {"alice": "U0ALICE01", "bob": "U0BOB0001", "carol": "U0CAROL01"}

    def request(self, page, who, verb, at, *, step=None):
        told = {
            "type": "block_actions",
            "team": {"id": "T0TEAM001"},
            "user": {"id": self.addresses[who.username], "username": "whatever"},
            "container": {"type": "message", "message_ts": "1503435956.000247", "channel_id": "D024BE7RE"},
            "actions": [{"action_id": verb, "type": "button", "value": f"{page.pk}:{_step(page, step)}"}],
            "response_url": "https://hooks.slack.com/actions/T0TEAM001/1/x",
        }
        body = urlencode({"payload": json.dumps(told)}).encode()
        return self.signed(body, at)

    def signed(self, body: bytes, at: datetime, secret: str = SLACK_SECRET) -> dict:
        stamp = str(int(at.timestamp()))
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(secret, stamp, body),
        }
        return {
            "path": "/callbacks/slack/",
            "body": body,
            "type": "application/x-www-form-urlencoded",
            "headers": headers,
        }

    def forged(self, call):
        return {**call, "body": call["body"].replace(b"acknowledge", b"resolve0000")}


class Mattermost(Caller):
    medium = "mattermost"
    settings = {"MATTERMOST_URL": "http://127.0.0.1:1", "MATTERMOST_TOKEN": "token"}
    addresses = {"alice": "a" * 26, "bob": "b" * 26, "carol": "c" * 26}

    def request(self, page, who, verb, at, *, step=None, to=None):
        values = {"page": str(page.pk), "step": str(_step(page, step)), "verbs": verb}
        letter = _letter(to or self.addresses[who.username], values, at)
        told = {
            "user_id": self.addresses[who.username],
            "user_name": "whatever",
            "post_id": "p" * 26,
            "trigger_id": "dHJpZ2dlcg==",
            "context": context(verb, card(letter), letter),
        }
        body = json.dumps(told).encode()
        return {"path": "/callbacks/mattermost/", "body": body, "type": "application/json", "headers": {}}

    def unsigned(self, call):
        told = json.loads(call["body"])
        del told["context"]["mac"]
        return {**call, "body": json.dumps(told).encode()}

    def forged(self, call):
        told = json.loads(call["body"])
        told["context"]["page"] += "1"
        return {**call, "body": json.dumps(told).encode()}


class Telegram(Caller):
    medium = "telegram"
    settings = {"TELEGRAM_BOT_TOKEN": "42:AbC_d", "TELEGRAM_WEBHOOK_SECRET": TELEGRAM_SECRET}
    addresses = {"alice": "10001", "bob": "10002", "carol": "10003"}

    def request(self, page, who, verb, at, *, step=None, update=1):
        told = {
            "update_id": update,
            "callback_query": {
                "id": "4382bfdwdsb323b2d9",
                "from": {"id": int(self.addresses[who.username]), "is_bot": False, "first_name": "X"},
                "message": {"message_id": 77, "date": 1773050400, "chat": {"id": 1, "type": "private"}},
                "data": f"{verb}:{page.pk}:{_step(page, step)}",
            },
        }
        return {
            "path": "/callbacks/telegram/",
            "body": json.dumps(told).encode(),
            "type": "application/json",
            "headers": {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET},
        }

    def forged(self, call):
        return {**call, "headers": {"X-Telegram-Bot-Api-Secret-Token": "guessed-secret-16"}}


class Ntfy(Caller):
    """The key says who was written to, so it is made for the one who presses."""

    medium = "ntfy"
    settings = {"NTFY_URL": "http://127.0.0.1:1"}
    addresses = {"alice": "topic-alice", "bob": "topic-bob", "carol": "topic-carol"}

    def request(self, page, who, verb, at, *, step=None):
        link = answers.address(answers.issue(page, who, at=at))
        return {
            "path": "/callbacks/ntfy/",
            "body": json.dumps({"verb": verb, "step": str(_step(page, step))}).encode(),
            "type": "application/json",
            "headers": {"Authorization": f"Bearer {key_of(link)}"},
        }

    def forged(self, call):
        """The answer link alone, which is no key."""
        return {**call, "headers": {"Authorization": call["headers"]["Authorization"].partition(".")[0]}}


class Pushover(Caller):
    medium = "pushover"
    settings = {"PUSHOVER_TOKEN": "t" * 30}
    addresses = {"alice": "A" * 30, "bob": "B" * 30, "carol": "C" * 30}

    def request(self, page, who, verb, at, *, step=None):
        delivery = Delivery.objects.filter(topic=page.topic).first()
        Delivery.objects.filter(pk=delivery.pk).update(
            medium="pushover", provider_id=RECEIPT, values={**delivery.values, "urgency": "high"}
        )
        told = {
            "receipt": RECEIPT,
            "acknowledged": "1",
            "acknowledged_at": str(int(at.timestamp())),
            "acknowledged_by": self.addresses[who.username],
            "acknowledged_by_device": "phone",
        }
        return {
            "path": f"/callbacks/pushover/{callback_key(str(page.pk), at)}/",
            "body": urlencode(told).encode(),
            "type": "application/x-www-form-urlencoded",
            "headers": {},
        }

    def unsigned(self, call):
        return {**call, "path": "/callbacks/pushover/1-1-00/"}

    def forged(self, call):
        return {**call, "path": call["path"].replace("pushover/", "pushover/9", 1)}


CALLERS: list[Caller] = [Slack(), Mattermost(), Telegram(), Ntfy(), Pushover()]


def _step(page: Page, step: int | str | None) -> int | str:
    return Page.objects.get(pk=page.pk).place if step is None else step


def _letter(address: str, values: dict[str, str], at: datetime) -> Letter:
    told = {"recipient": "", "purpose": "page", "subject": "", "text": "", "html": "", "headers": {}}
    return Letter(address=address, values=values, stable_id="x", written_at=at, sent_at=at, **told)
