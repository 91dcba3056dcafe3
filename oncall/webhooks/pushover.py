"""``/callbacks/pushover/<key>/``: somebody acknowledged an emergency on her phone.

Pushover signs nothing. The address is a secret of one message (page, time and a MAC), the receipt must be
that of a message of this page, and who acknowledged must be a person's verified contact.
"""

from datetime import datetime
from urllib.parse import parse_qs

from django.http import HttpRequest, HttpResponse

from oncall import presses, receipts
from oncall.edges.network import client_address
from oncall.messaging.mediums.pushover import read_callback_key
from oncall.webhooks.door import Rejected, check_age, door, number


@door("pushover")
def pushover(request: HttpRequest, *, body: bytes, at: datetime, key: str) -> HttpResponse:
    """Verify and acknowledge."""
    told = read_callback_key(key)
    if told is None:
        raise Rejected(401, "The address is not ours.")
    page, made = told
    check_age(made, at)
    form = {name: values[0] for name, values in _form(body).items()}
    delivery = receipts.of_page(number(page), form.get("receipt", ""))
    if delivery is None or form.get("acknowledged") != "1":
        raise Rejected(403, "This is no receipt of a message of that page.")
    press = receipts.press_of(delivery, form.get("acknowledged_by", ""), client=client_address(request))
    presses.press(press, at=at)
    return HttpResponse()


def _form(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode(), max_num_fields=50)
    except ValueError:
        raise Rejected(400, "The body is not a form.") from None
