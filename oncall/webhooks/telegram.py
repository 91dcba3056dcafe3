"""``/callbacks/telegram/``: somebody pressed a button of the bot's, or wrote to it.

The proof is the secret that we gave Telegram with ``setWebhook``; it signs no time. An update that was here
before is answered 200 without being done again: it is Telegram itself that repeats one whose answer was lost,
and a refusal would hold up all that follow. Answers ride on the response, so no call of ours has to be waited
for.
"""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare

from oncall import presses
from oncall.edges.network import client_address
from oncall.messaging.mediums.card import cut
from oncall.presses import VERBS, Press
from oncall.webhooks.door import Rejected, door, number, parse, place, within, words


@door("telegram")
def telegram(request: HttpRequest, *, body: bytes, at: datetime) -> HttpResponse:
    """Verify, act, and say to whoever pressed what came of it."""
    given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
    if not settings.TELEGRAM_WEBHOOK_SECRET or not given:
        raise Rejected(401, "The call carries no secret.")
    if not constant_time_compare(given, settings.TELEGRAM_WEBHOOK_SECRET):
        raise Rejected(401, "The secret is not Telegram's.")
    told = parse(body)
    verb, _, rest = words(within(told, "callback_query", "data")).partition(":")
    if verb in VERBS:
        return _pressed(request, told, verb, rest, at)
    return (
        _introduced(told) if words(within(told, "message", "text")).startswith("/start") else HttpResponse()
    )


def _pressed(request: HttpRequest, told: dict, verb: str, rest: str, at: datetime) -> HttpResponse:
    page, _, stood = rest.partition(":")
    step, loop = place(stood)
    pressed = Press(
        medium="telegram",
        call=f"{settings.TELEGRAM_BOT_TOKEN.partition(':')[0]}:{words(told.get('update_id'))}",
        verb=verb,
        page=number(page),
        step=step,
        loop=loop,
        address=words(within(told, "callback_query", "from", "id")),
        client=client_address(request),
    )
    try:
        answered = presses.press(pressed, at=at)
    except presses.Repeated:
        presses.note_rejected("telegram", "The same update was here before.", client=pressed.client, at=at)
        return HttpResponse()
    return JsonResponse(
        {
            "method": "answerCallbackQuery",
            "callback_query_id": words(within(told, "callback_query", "id")),
            "text": cut(answered.said, 200),
            "show_alert": not answered.done,
        }
    )


def _introduced(told: dict) -> HttpResponse:
    """``/start`` in a private chat: what to enter as an address in the portal."""
    chat = words(within(told, "message", "chat", "id"))
    if within(told, "message", "chat", "type") != "private":
        return HttpResponse()
    text = f"Your chat ID is {chat}. Enter it in {settings.ORGANISATION}'s portal as your Telegram address."
    return JsonResponse({"method": "sendMessage", "chat_id": number(chat), "text": text})
