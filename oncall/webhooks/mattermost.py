"""``/callbacks/mattermost/``: a button in Mattermost was pressed.

Mattermost signs nothing; the proof is the MAC in the button's context, which clients never see. A button of a
direct message counts for the person it was sent to and nobody else, so what leaks of it acts for nobody else
either.
"""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse, JsonResponse

from oncall import presses
from oncall.edges.network import client_address
from oncall.messaging.mediums.mattermost import is_ours
from oncall.presses import Press
from oncall.webhooks.door import Rejected, check_age, door, number, parse, place, within, words

_TOLD = ("verb", "page", "step", "to", "at", "mac")


@door("mattermost")
def mattermost(request: HttpRequest, *, body: bytes, at: datetime) -> HttpResponse:
    """Verify, act, and say to whoever pressed what came of it; the post itself is changed by a follow-up."""
    told = parse(body)
    context = {name: words(within(told, "context", name)) for name in _TOLD}
    if not context["mac"]:
        raise Rejected(401, "The call carries no proof.")
    if not is_ours(context):
        raise Rejected(401, "The button is not ours.")
    check_age(datetime.fromtimestamp(number(context["at"]), UTC), at)
    presser = words(told.get("user_id"))
    if not context["to"].startswith("channel:") and context["to"] != presser:
        raise Rejected(403, "Somebody else pressed a button of a direct message.")
    step, loop = place(context["step"])
    pressed = Press(
        medium="mattermost",
        call=f"{context['mac']}:{presser}:{words(told.get('trigger_id'))[:500]}",
        verb=context["verb"],
        page=number(context["page"]),
        step=step,
        loop=loop,
        address=presser,
        client=client_address(request),
    )
    return JsonResponse({"ephemeral_text": presses.press(pressed, at=at).said})
