"""The pages of a subscriber. GET shows, POST acts: scanners that follow links in mail change nothing.

No cookie, no session, so nothing to forge: the link itself is the right to act. No cache stores an answer.
"""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from oncall import clock
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums.endpoint import signing_secret
from statuspage import channels, endpoints, forms, links, public, subscriptions
from statuspage.documents import words
from statuspage.edges import door
from statuspage.models import StatusPage, Subscriber
from statuspage.views.pages import HTML, framed, missing, plain

MOST_OPEN_POSTS = 50


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
    if request.method != "POST" and subscriber.state == Subscriber.State.ACTIVE and not subscriber.is_by_mail:
        return _subscribed(subscriber)  # it repeated its challenge; its owner comes for the secret
    if request.method != "POST":
        return page_of(
            "confirm",
            page=subscriber.page,
            masked=_masked(subscriber),
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
        told = gettext("%(address)s is never asked again.") % {"address": _masked(subscriber)}
        return notice(gettext("Thank you"), told, page=subscriber.page)
    return _subscribed(subscriptions.confirm(subscriber, at=at))


def _subscribed(subscriber: Subscriber) -> HttpResponse:
    chosen = {"kinds": subscriptions.kinds_of(subscriber), "what": subscriptions.subject_of(subscriber)}
    return notice(
        gettext("You are subscribed"),
        gettext("%(address)s receives %(kinds)s of %(what)s.") % {"address": subscriber.shown, **chosen},
        manage=links.manage_url(subscriber),
        page=subscriber.page,
        secret=_secret(subscriber),
    )


def _away(request: HttpRequest, subscriber: Subscriber) -> HttpResponse | None:
    """Who opens a link at another page's address is sent to the right one; a closed page asks who reads it."""
    page = subscriber.page
    if page.pk != request.place.page.pk and request.method != "POST":
        return HttpResponseRedirect(f"{page.url}{request.place.path}")
    return None if door.is_open(request, page) else door.closed(request, page, request.place.path)


def _secret(subscriber: Subscriber) -> str:
    """With what a webhook checks our signatures; nothing for the other channels."""
    if subscriber.channel != Subscriber.Channel.WEBHOOK:
        return ""
    return signing_secret(subscriber.recipient, channels.secret_id(subscriber))


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
    answer = request.POST.get("answer") if request.method == "POST" else None
    if answer == "leave":
        return _leave(subscriber)
    if subscriber.state == Subscriber.State.SWITCHED_OFF:
        if answer != "on":
            return page_of("switched_off", page=subscriber.page, address=subscriber.shown)
        subscriber = endpoints.switch_on(subscriber, by=None, at=clock.now())
    if subscriber.state != Subscriber.State.ACTIVE:
        return notice(
            gettext("You are not subscribed"),
            _nothing(subscriber),
            again=True,
            page=subscriber.page,
        )
    if answer == "secret":
        subscriber = endpoints.new_secret(subscriber, at=clock.now())
    elif answer and answer != "on":
        wanted = forms.read_choice(request.POST, subscriber.page)
        subscriber = subscriptions.change(subscriber, wanted, at=clock.now())
    return _managed(subscriber, saved=bool(answer))


def _managed(subscriber: Subscriber, *, saved: bool) -> HttpResponse:
    zone, choice = public.zone_of(subscriber.page), forms.choice_of(subscriber)
    open_posts = subscriber.page.posts.open().order_by("-started_at")[:MOST_OPEN_POSTS]
    return page_of(
        "manage",
        page=subscriber.page,
        saved=saved,
        address=subscriber.shown,
        since=words.day(subscriber.confirmed_at.astimezone(zone).date(), year=True),
        secret=_secret(subscriber),
        owner=subscriber.owner,
        **forms.fields(subscriber.page, choice, posts=open_posts),
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
        "unsubscribe", page=subscriber.page, address=subscriber.shown, manage=links.manage_url(subscriber)
    )


def _leave(subscriber: Subscriber) -> HttpResponse:
    subscriptions.unsubscribe(subscriber, at=clock.now())
    return notice(
        gettext("You are unsubscribed"),
        gettext("%(address)s receives nothing more. Your address is deleted within a day.")
        % {"address": subscriber.shown},
        again=True,
        page=subscriber.page,
    )


def _nothing(subscriber: Subscriber) -> str:
    return gettext("%(address)s receives nothing from this page.") % {"address": subscriber.shown}


def _masked(subscriber: Subscriber) -> str:
    """ "a…e@shop.example": enough for its owner, too little for anybody else."""
    if not subscriber.is_by_mail:
        return subscriber.shown
    local, _, domain = subscriber.address.partition("@")
    return f"{local[:1]}…{local[-1:]}@{domain}"
