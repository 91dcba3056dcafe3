"""``/callbacks/ntfy/``: a button of a notification was pressed, on a phone or in ntfy's web app.

The button's key comes as ``Authorization: Bearer``, in no address and so in no log. It proves which answer
link it was made from, hence who was paged for what; it is good as long as that link, once for each button.
The answer page (``/a/<token>/``) takes no such call: its link works once, and a button must not use it up.
"""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from oncall import answers, presses
from oncall.edges.network import client_address
from oncall.messaging.mediums.ntfy import token_of
from oncall.presses import Press
from oncall.webhooks.door import Rejected, door, parse, place, words

#: ntfy's web app calls from a page of its own. There is no cookie here for another page to misuse.
_OPEN_TO_PAGES = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


@csrf_exempt
def ntfy(request: HttpRequest) -> HttpResponse:
    """A browser asks first whether it may call; then comes the press."""
    answer = HttpResponse(status=204) if request.method == "OPTIONS" else _press(request)
    for name, value in _OPEN_TO_PAGES.items():
        answer.headers[name] = value
    return answer


@door("ntfy")
def _press(request: HttpRequest, *, body: bytes, at: datetime) -> HttpResponse:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Rejected(401, "The call carries no key.")
    link = answers.find(token_of(key.strip()) or "-")
    if link is None:
        raise Rejected(401, "The key is not ours.")
    if link.expires_at <= at or not link.user.is_active:
        raise Rejected(403, "This button was made more than a day ago. Open the newest message.")
    told = parse(body)
    step, loop = place(told.get("step"))
    pressed = Press(
        medium="ntfy",
        call=f"{link.token_hash}:{words(told.get('verb'))}",
        verb=words(told.get("verb")),
        page=link.page_id,
        step=step,
        loop=loop,
        user=link.user,
        client=client_address(request),
    )
    answered = presses.press(pressed, at=at)
    return JsonResponse({"detail": answered.said}, status=200 if answered.done else 409)
