"""Who may read a page that is not public: by its password, by an account of the portal, or by the page's key.

Whoever is let in gets a cookie of this page alone. It is signed, says nothing of the page, and ends when the
password changes, the account ends, or after a week.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from django.conf import settings
from django.contrib.auth import authenticate
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext

from oncall.edges.network import client_address
from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import catalogue, pages
from statuspage.edges.place import Moved, of
from statuspage.limits import wide
from statuspage.models import Audience, SignUp, StatusPage

WEEK = timedelta(days=7)
TRIES, WINDOW = 10, timedelta(minutes=15)
SCHEMES = ("oauth", "bearer")


def is_open(request: HttpRequest, page: StatusPage) -> bool:
    """Whether whoever asks may read this page."""
    if page.is_public:
        return True
    given = request.headers.get("Authorization", "")
    scheme, _blank, key = given.partition(" ")
    if scheme.lower() in SCHEMES and pages.has_key(page, key.strip()):
        return True
    if _has_cookie(request, page):
        return True
    user = getattr(request, "user", None) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    return user is not None and pages.may_read(page, user)


def let_in(request: HttpRequest, page: StatusPage, *, at: datetime) -> str | None:
    """The cookie's value for who knows the password, or has an account that may read it; None for a wrong one.

    Raises ``DomainError("slowed")`` after ten wrong ones from one network in a quarter of an hour.
    """
    mark = _network(request, page)
    if SignUp.objects.filter(network=mark, at__gt=at - WINDOW).count() >= TRIES:
        slowed = gettext("Too many wrong passwords from here. Wait 15 minutes, then try again.")
        raise DomainError("slowed", slowed)
    value = _proof(request, page)
    if value is None:
        SignUp.objects.create(network=mark, at=at)
        return None
    return _signer(page).sign(value)


def _proof(request: HttpRequest, page: StatusPage) -> str | None:
    password = request.POST.get("password", "")[:1000]
    if page.audience == Audience.PASSWORD:
        return _fingerprint(page) if page.opens_with(password) else None
    user = authenticate(request, username=request.POST.get("username", "")[:150], password=password)
    return _account(user) if user is not None and pages.may_read(page, user) else None


def keep(response: HttpResponse, page: StatusPage, value: str) -> None:
    """Give the cookie; it is sent back to this page only."""
    response.set_cookie(
        cookie_name(page),
        value,
        max_age=WEEK,
        path=f"{page.prefix}/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def leave(response: HttpResponse, page: StatusPage) -> None:
    response.delete_cookie(cookie_name(page), path=f"{page.prefix}/", samesite="Lax")


def cookie_name(page: StatusPage) -> str:
    return f"page-{page.public_id}"


def _has_cookie(request: HttpRequest, page: StatusPage) -> bool:
    given = request.COOKIES.get(cookie_name(page))
    if not given:
        return False
    try:
        value = _signer(page).unsign(given, max_age=WEEK)
    except signing.BadSignature:
        return False
    if page.audience == Audience.PASSWORD:
        return constant_time_compare(value, _fingerprint(page))
    number = value.partition(":")[0]
    user = User.objects.filter(pk=number).first() if number.isdecimal() else None
    return user is not None and constant_time_compare(value, _account(user)) and pages.may_read(page, user)


def _signer(page: StatusPage) -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=f"statuspage.door.{page.public_id}.{page.audience}")


def _fingerprint(page: StatusPage) -> str:
    return salted_hmac("statuspage.door", page.password, algorithm="sha256").hexdigest()


def _account(user: User) -> str:
    return f"{user.pk}:{user.get_session_auth_hash()}"


def _network(request: HttpRequest, page: StatusPage) -> str:
    words = f"{page.public_id}:{wide(client_address(request))}"
    return salted_hmac("statuspage.door.network", words, algorithm="sha256").hexdigest()


# -- every view of a page stands behind this -------------------------------------------------------------------
View = Callable[..., HttpResponse]


def guarded(view: View) -> View:
    """The view of the page that a request asks for, as ``request.place``, in that page's language; closed to who
    may not read it.

    Who asks for a page that has moved to a host of its own is sent there. ``statuspage.urls`` puts every view of a
    page behind this, so that a new one is closed unless it says by ``has_own_door`` that it judges by itself.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: str, slug: str = "", **kwargs: str) -> HttpResponse:
        try:
            place = request.place = of(request, slug)
        except Moved as moved:
            query = request.META.get("QUERY_STRING", "")
            return HttpResponseRedirect(f"{moved.page.url}{moved.path}{f'?{query}' if query else ''}")
        with translation.override(place.page.language):
            if not getattr(view, "has_own_door", False) and not is_open(request, place.page):
                return closed(request, place.page, catalogue.canonical(place.path))
            return view(request, *args, **kwargs)

    return wrapped


def has_own_door(view: View) -> View:
    """This view judges by itself: it signs in, or what it was called by is the right to act."""
    view.has_own_door = True
    return view


# -- what who may not read it sees: nothing of the page -----------------------------------------------------
def closed(
    request: HttpRequest, page: StatusPage, path: str, *, error: str = "", status: int = 401
) -> HttpResponse:
    """The form to sign in, the same for every path; for programs a refusal they understand."""
    document = catalogue.find(path, page)
    if document is not None and document.media not in ("html", "frame"):
        response: HttpResponse = JsonResponse(
            {"error": "This page is not public: send its key."}, status=status
        )
    else:
        context = {
            "prefix": page.prefix,
            "by_name": page.audience == Audience.STAFF,
            "next": path,
            "error": error,
        }
        response = HttpResponse(render_to_string("statuspage/door.html", context), status=status)
    response["WWW-Authenticate"] = 'Bearer realm="status page"'
    for name, value in catalogue.MEDIA["html"].closed_headers.items():
        response.headers.setdefault(name, value)
    return response


def nothing_here() -> HttpResponse:
    """404 where even the frame of the page is not for everybody."""
    response = HttpResponse(render_to_string("statuspage/door.html", {"lost": True}), status=404)
    for name, value in catalogue.MEDIA["html"].closed_headers.items():
        response.headers.setdefault(name, value)
    return response
