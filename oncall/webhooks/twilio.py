"""``/callbacks/twilio/…``: how a message or call went on, a key pressed during a call, a text message sent back.

Every request is a form POST that Twilio signs; one without a signature, with a wrong one, about another account or
said before is refused, has no effect, and is written down. The address that is signed is the one under PUBLIC_URL.
"""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.exceptions import BadRequest, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from oncall import clock, replies, undelivered
from oncall.messaging import callbacks
from oncall.messaging.callbacks import Kind, Outcome, Said
from oncall.messaging.mediums import phone, twilio
from oncall.messaging.models import Delivery
from oncall.webhooks.answers import refused, taken

PROVIDER = "twilio"
Field = tuple[str, str]
View = Callable[..., HttpResponse]

#: Twilio's words for calls that reached a machine.
_MACHINE = ("machine", "fax")


def _door(kind: str) -> Callable[[View], View]:
    """Signed by Twilio, for our account, and not said before; else refused.

    Exempt from CSRF checks: the signature proves the sender, and no cookie is looked at.
    """

    def around(view: View) -> View:
        @csrf_exempt
        @require_POST
        @wraps(view)
        def guarded(request: HttpRequest, **where: str) -> HttpResponse:
            if not settings.TWILIO:
                raise Http404("Twilio is not set up.")
            fields = _fields(request)
            said = _said(request, kind, fields)
            fault = _fault(request, fields, said)
            if fault:
                callbacks.write_down(said, fault, at=clock.now())
                return refused(fault)
            return view(request, said=said, **where)

        return guarded

    return around


def _fields(request: HttpRequest) -> list[Field]:
    try:
        return [(name, value) for name, values in request.POST.lists() for value in values]
    except TooManyFieldsSent as error:
        raise BadRequest("Too many fields.") from error


def _said(request: HttpRequest, kind: str, fields: list[Field]) -> Said:
    posted = request.POST
    return Said(
        provider=PROVIDER,
        kind=kind,
        digest=callbacks.digest(request.get_full_path(), fields),
        provider_id=posted.get("MessageSid") or posted.get("CallSid", ""),
        word=_word(posted),
        code=posted.get("ErrorCode", ""),
        sender=posted.get("From", "") if kind == Kind.REPLY else "",
    )


def _word(posted: dict[str, str]) -> str:
    """The status in one word; a machine that picks up is one of its own."""
    if posted.get("Digits"):
        return posted["Digits"]
    if posted.get("AnsweredBy", "").startswith(_MACHINE):
        return "machine"
    return posted.get("MessageStatus") or posted.get("CallStatus") or posted.get("AnsweredBy", "")


def _fault(request: HttpRequest, fields: list[Field], said: Said) -> str:
    given = request.headers.get("X-Twilio-Signature", "")
    if not given:
        return Outcome.UNSIGNED
    account = request.POST.get("AccountSid")
    signed = twilio.is_signed(given, request.get_full_path(), fields)
    if not signed or account != settings.TWILIO.account_sid:
        return Outcome.FORGED
    return Outcome.REPEATED if callbacks.was_taken(said) else ""


@_door(Kind.STATUS)
def status(request: HttpRequest, *, medium: str, ref: str, said: Said) -> HttpResponse:
    """How a message or a call went on. What failed makes the person's next rule leave at once."""
    delivery = callbacks.about(ref, medium)
    if delivery is None:
        callbacks.write_down(said, Outcome.UNKNOWN, at=clock.now())
        return refused(Outcome.UNKNOWN)
    outcome = callbacks.take(delivery, said, at=clock.now())
    if outcome == Outcome.TAKEN and said.word in callbacks.IN_VAIN:
        undelivered.note(delivery, at=clock.now())
    return taken() if outcome in (Outcome.TAKEN, Outcome.NO_NEWS) else refused(outcome)


@_door(Kind.KEY)
def keys(request: HttpRequest, *, ref: str, said: Said) -> HttpResponse:
    """A key was pressed in a call of ours; the answer is what the call goes on to say."""
    delivery = callbacks.about(ref, "voice")
    if delivery is None or not _same_call(delivery, said, request.POST.get("To", "")):
        callbacks.write_down(said, Outcome.UNKNOWN, at=clock.now())
        return refused(Outcome.UNKNOWN)
    answer = replies.by_key(delivery, said, at=clock.now())
    if answer.outcome == Outcome.REPEATED:
        return refused(answer.outcome)
    if answer.outcome == Outcome.WRONG:
        return _twiml(twilio.menu(answer.words, ref))
    return _twiml(twilio.response(twilio.say(f"{answer.words} Goodbye.")))


def _same_call(delivery: Delivery, said: Said, number: str) -> bool:
    """A call that this portal made, to that number; its id may not be written down yet."""
    known = not delivery.provider_id or delivery.provider_id == said.provider_id
    return known and number == phone.check_number(delivery.address)


@_door(Kind.REPLY)
def reply(request: HttpRequest, *, said: Said) -> HttpResponse:
    """A text message to our number. It acts with the code that went to its sender, and with nothing else."""
    answer = replies.by_text(said, request.POST.get("Body", ""), at=clock.now())
    if answer.outcome == Outcome.REPEATED:
        return refused(answer.outcome)
    return _twiml(twilio.response(twilio.message(answer.words)) if answer.words else twilio.response())


def _twiml(document: str) -> HttpResponse:
    return HttpResponse(document, content_type="text/xml; charset=utf-8")
