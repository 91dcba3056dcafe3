"""Signing in to a page that is not public, and out again."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from oncall import clock
from oncall.messaging.errors import DomainError
from statuspage.catalogue import canonical
from statuspage.edges import door
from statuspage.edges.place import Place

SIGN_IN = "/sign-in/"


@csrf_exempt  # whoever is made to sign in here has gained the right to read, and lost nothing
@door.has_own_door
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The page's password, or a portal account's; then on to where the reader wanted to go."""
    place = _closed(request)
    wanted = _within(request.POST.get("next", "/"))
    if request.method != "POST":
        return door.closed(request, place.page, "/")
    try:
        value = door.let_in(request, place.page, at=clock.now())
    except DomainError as refusal:
        return door.closed(request, place.page, wanted, error=refusal.detail, status=429)
    if value is None:
        wrong = gettext("That is not right. Ask whoever gave you this address.")
        return door.closed(request, place.page, wanted, error=wrong)
    response = _on(f"{place.page.prefix}{wanted}")
    door.keep(response, place.page, value)
    return response


@csrf_exempt
@door.has_own_door
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Forget the reader."""
    place = _closed(request)
    response = _on(f"{place.page.prefix}/")
    door.leave(response, place.page)
    return response


def _closed(request: HttpRequest) -> Place:
    if request.place.page.is_public:
        raise Http404
    return request.place


def _within(path: str) -> str:
    """A path of this page; an address of any other place is not believed."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return canonical(path) if good and path != SIGN_IN and len(path) <= 200 else "/"


def _on(path: str) -> HttpResponse:
    """Go on by GET; the path is ours, so no host is named."""
    response = HttpResponse(status=303, headers={"Location": path})
    response["Cache-Control"] = "private, no-store"
    return response
