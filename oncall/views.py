"""``/a/<token>/``: a paged person answers from a message, without signing in.

GET and HEAD show how things stand and change nothing, so mail scanners and previews may open the link; POST acts.
The unguessable token in the address is the credential. It is no cookie, so no other site can make a browser send
it: there is nothing for a CSRF token to protect, and none is asked for.

``/calendars/<token>.ics``: shifts for a calendar program, which cannot sign in either.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from oncall import answering, answers, calendars, clock, paging
from oncall.edges import answer_page
from oncall.messaging.errors import DomainError
from oncall.models import AnswerToken, Page

CHOICES = {"acknowledge", "acknowledge_all", "escalate", "resolve"}


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page of a link, or do what its person chose."""
    at = clock.now()
    found = answers.find(token)
    if found is None:
        return _shown(answer_page.nothing_here(), 404)
    fault = answers.fault(found, at=at)
    if fault == "expired":
        return _shown(answer_page.expired(), 410)
    if fault == "used":
        return _shown(answer_page.spent(found, at=at), 410 if request.method == "POST" else 200)
    if request.method == "POST":
        return _act(request, found, token, at)
    return _shown(answer_page.state_of(found, at=at, action=_path(token)))


def _answered(token: AnswerToken, choice: str, seen: dict[str, int | None], at: datetime) -> Page:
    if choice == "acknowledge_all":
        taken = answering.acknowledge_all(token, at=at)
        return next(page for page in taken if page.pk == token.page_id)
    return paging.answer(token, choice, **seen, at=at)


def _act(request: HttpRequest, token: AnswerToken, text: str, at) -> HttpResponse:
    choice = request.POST.get("answer", "")
    if choice not in CHOICES:
        refusal = "Choose one of the buttons."
        return _shown(answer_page.state_of(token, at=at, action=_path(text), refusal=refusal), 400)
    try:
        with transaction.atomic():
            seen = {"expected_step": _number(request, "step"), "expected_loop": _number(request, "loop")}
            token.page = _answered(token, choice, seen, at)
            fresh = answers.issue(token.page, token.user, at=at)
    except DomainError as error:
        token = answers.find(text)
        if answers.fault(token, at=at):  # of two who pressed at the same moment, this was the second
            return _shown(answer_page.spent(token, at=at), 410)
        return _shown(answer_page.state_of(token, at=at, action=_path(text), refusal=error.detail), 409)
    return _shown(answer_page.state_of(token, at=at, action=_path(fresh), did=choice))


def _number(request: HttpRequest, name: str) -> int | None:
    """The step or pass that the person saw, None where her form had none; what is no number fits no step."""
    given = request.POST.get(name)
    if given is None:
        return -1 if name == "step" else None
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else -1


def _path(token: str) -> str:
    return f"/a/{token}/"


def _shown(context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The page, kept by nobody: no cookie, no cache, no trace of the link on other sites."""
    response = HttpResponse(render_to_string("oncall/answer.html", context), status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar that a secret address opens; 404 for one that never was, is revoked, or of who has left.

    Each reading asks anew, so that a revoked address ends at once; who has the calendar already is told so by 304.
    """
    at = clock.now()
    feed = calendars.find(token, at=at)
    if feed is None:
        raise Http404("There is no such calendar.")
    body = calendars.document(feed, at=at)
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response.headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response.headers["Content-Length"] = str(len(body))
    response.headers["Content-Disposition"] = 'inline; filename="on-call.ics"'
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response = get_conditional_response(request, etag=response.headers["ETag"], response=response)
    if request.method == "HEAD" and response.status_code == 200:
        response.content = b""
    return response
