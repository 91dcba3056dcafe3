"""The pages of a subscriber. GET shows, POST acts: scanners that follow links in mail change nothing.

No cookie, no session, so nothing to forge: the link itself is the right to act. No cache stores an answer.
"""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from oncall import clock
from oncall.edges.network import client_address
from oncall.messaging.errors import DomainError
from statuspage import forms, links, public, subscriptions
from statuspage.documents import words
from statuspage.edges import door
from statuspage.models import StatusPage, Subscriber
from statuspage.views.pages import HTML, framed, missing, plain

EVERYTHING = subscriptions.Choice()


def page_of(template: str, *, page: StatusPage | None = None, status: int = 200, **context) -> HttpResponse:
    """A page in the public frame that belongs to one reader."""
    page = page or StatusPage.main()
    body = plain(template, page, **context)
    response = HttpResponse(body, status=status, content_type=HTML)
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex"
    return framed(response)


def notice(title: str, text: str, *, again: bool = False, status: int = 200, **context) -> HttpResponse:
    """One sentence, and the ways on."""
    return page_of("notice", title=title, text=text, again=again, status=status, **context)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """The form. The answer to a good address is always the same, whatever becomes of it."""
    page = request.place.page
    if request.method != "POST":
        return page_of("subscribe", page=page, **forms.fields(page, EVERYTHING))
    asked = forms.read(request, page)
    if not asked.is_robot:
        try:
            subscriptions.subscribe(
                asked.address, asked.choice, network=client_address(request), at=clock.now(), page=page
            )
        except DomainError as refusal:
            return page_of(
                "subscribe",
                page=page,
                status=400,
                error=refusal.detail,
                address=asked.address.strip()[:254],
                **forms.fields(page, asked.choice),
            )
    return notice(
        gettext("Look into your mail"),
        gettext(
            "If that address can be subscribed, a message is on its way to it. Press the button in it to confirm; "
            "nothing else comes before that."
        ),
        status=202,
        page=page,
    )


@csrf_exempt
@door.has_own_door
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the confirmation mail: a button to say yes, and one to say "this was not me"."""
    at = clock.now()
    subscriber = links.by_confirm_token(token, at=at)
    if subscriber is None:
        return _used_up(request.place.page)
    if away := _away(request, subscriber):
        return away
    if request.method != "POST":
        return page_of(
            "confirm",
            page=subscriber.page,
            masked=_masked(subscriber.address),
            kinds=subscriptions.kinds_of(subscriber),
            what=subscriptions.subject_of(subscriber),
        )
    try:
        return _answered(request, subscriber, at)
    except DomainError:
        return _used_up(subscriber.page)


def _answered(request: HttpRequest, subscriber: Subscriber, at: datetime) -> HttpResponse:
    if request.POST.get("answer") == "not_me":
        subscriptions.refuse(subscriber, at=at)
        told = gettext("%(address)s is never asked again.") % {"address": _masked(subscriber.address)}
        return notice(gettext("Thank you"), told, page=subscriber.page)
    subscriber = subscriptions.confirm(subscriber, at=at)
    chosen = {"kinds": subscriptions.kinds_of(subscriber), "what": subscriptions.subject_of(subscriber)}
    return notice(
        gettext("You are subscribed"),
        gettext("%(address)s receives %(kinds)s of %(what)s.") % {"address": subscriber.address, **chosen},
        manage=links.manage_url(subscriber),
        page=subscriber.page,
    )


def _away(request: HttpRequest, subscriber: Subscriber) -> HttpResponse | None:
    """Who opens a link at another page's address is sent to the right one; a closed page asks who reads it."""
    page = subscriber.page
    if page.pk != request.place.page.pk and request.method != "POST":
        return HttpResponseRedirect(f"{page.url}{request.place.path}")
    return None if door.is_open(request, page) else door.closed(request, page, request.place.path)


def _used_up(page: StatusPage) -> HttpResponse:
    return notice(
        gettext("This link is used up"),
        gettext(
            "A confirmation works for 48 hours, and only the newest one. Subscribe again to get another."
        ),
        again=True,
        status=404,
        page=page,
    )


@csrf_exempt
@door.has_own_door
@require_http_methods(["GET", "HEAD", "POST"])
def manage(request: HttpRequest, token: str) -> HttpResponse:
    """Change what one receives, or leave."""
    subscriber = links.by_manage_token(token)
    if subscriber is None:
        return missing(request)
    if away := _away(request, subscriber):
        return away
    if request.method == "POST" and request.POST.get("answer") == "leave":
        return _leave(subscriber)
    if subscriber.state != Subscriber.State.ACTIVE:
        return notice(
            gettext("You are not subscribed"),
            _nothing(subscriber),
            again=True,
            page=subscriber.page,
        )
    saved = request.method == "POST"
    if saved:
        subscriptions.choose(subscriber, forms.read_choice(request.POST, subscriber.page))
    zone = public.zone_of(subscriber.page)
    return page_of(
        "manage",
        page=subscriber.page,
        saved=saved,
        address=subscriber.address,
        since=words.day(subscriber.confirmed_at.astimezone(zone).date(), year=True),
        **forms.fields(subscriber.page, forms.choice_of(subscriber)),
    )


@csrf_exempt
@door.has_own_door
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The way out, for people and for mail clients (RFC 8058): POST acts at once, whatever its body.

    An address that is gone already is answered as if it had just left.
    """
    subscriber = links.by_manage_token(token)
    if subscriber is None:
        return notice(
            gettext("You are unsubscribed"),
            gettext("This link belongs to no address that we know."),
            again=True,
            page=request.place.page,
        )
    if request.method == "POST":
        return _leave(subscriber)
    if subscriber.state != Subscriber.State.ACTIVE:
        return notice(
            gettext("You are unsubscribed"),
            _nothing(subscriber),
            again=True,
            page=subscriber.page,
        )
    return page_of(
        "unsubscribe", page=subscriber.page, address=subscriber.address, manage=links.manage_url(subscriber)
    )


def _leave(subscriber: Subscriber) -> HttpResponse:
    subscriptions.unsubscribe(subscriber, at=clock.now())
    return notice(
        gettext("You are unsubscribed"),
        gettext("%(address)s receives nothing more. Your address is deleted within a day.")
        % {"address": subscriber.address},
        again=True,
        page=subscriber.page,
    )


def _nothing(subscriber: Subscriber) -> str:
    return gettext("%(address)s receives nothing from this page.") % {"address": subscriber.address}


def _masked(address: str) -> str:
    """ "a…e@shop.example": enough for its owner, too little for anybody else."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}…{local[-1:]}@{domain}"
