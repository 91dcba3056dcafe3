"""Answers public requests before Django hears of them: no database, no session, no cookie, no middleware.

Every document is ready as bytes with its headers (``following``). What is not there, and everything that is not a
plain reading, goes on to Django. The Host that a request claims chooses among the pages that there are, and any
other Host gets the main page; links in documents come from the page's own address, never from the request.
"""

from collections.abc import Callable, Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from oncall import clock
from statuspage import catalogue
from statuspage.edges import strips
from statuspage.edges.following import Answer, Copies, Following
from statuspage.edges.place import MARK, host_of

Environ = dict[str, Any]
Application = Callable[[Environ, Callable], Iterable[bytes]]
SERVER_ERROR = "5"


class Serve:
    """The WSGI application around Django's."""

    def __init__(self, application: Application, following: Following | None = None) -> None:
        self._application = application
        self._following = following or Following()
        self._is_started = False

    def __call__(self, environ: Environ, start_response: Callable) -> Iterable[bytes]:
        if not self._is_started:
            self._following.start()
            self._is_started = True
        if self._following.knows_hosts:
            at_host = self._following.by_host.get(host_of(environ))
            environ[MARK] = at_host.slug if at_host else ""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._application(environ, start_response)
        copies, found = self._find(environ)
        if found is None:
            return self._application(environ, start_response)
        if copies.is_behind:
            return self._prefer_django(copies, found, environ, start_response)
        return answer(self._as_it_is_now(copies, found), environ, start_response)

    def _find(self, environ: Environ) -> tuple[Copies | None, Answer | None]:
        """The document at this path of the page that is asked for, or what a form asks for by its question."""
        copies, path = self._following.at(host_of(environ), environ["PATH_INFO"])
        if copies is None:
            return None, None
        answers = copies.answers
        found = answers.get(path)
        if found is None and not path.endswith("/"):
            found = answers.get(catalogue.canonical(path))
        query = environ.get("QUERY_STRING")
        return copies, answers.get(catalogue.asked(found.rendered.path, query)) if found and query else found

    def _as_it_is_now(self, copies: Copies, found: Answer) -> Answer:
        """With an emergency's line, and with its age where nobody has kept it up for minutes."""
        if found.rendered.media != "html":
            return found
        line = self._following.line(copies.slug)
        age = strips.age_of(copies.made_at, copies.time_zone, clock.now())
        rendered = strips.on_top(found.rendered, line, age)
        return found if rendered is found.rendered else Answer.of(rendered, clock.now())

    def _prefer_django(
        self, copies: Copies, found: Answer, environ: Environ, start_response: Callable
    ) -> Iterable[bytes]:
        """Nobody keeps the copies up: let a view make the document, and fall back on the copy if it cannot."""
        begun: list[tuple] = []
        found = self._as_it_is_now(copies, found)

        def note(status: str, headers: list, *failure: Any) -> None:
            begun[:] = [(status, headers, *failure)]

        try:
            body = self._application(environ, note)
        except Exception:  # whatever has befallen it, the page has a good copy
            return answer(found, environ, start_response)
        if not begun or begun[0][0].startswith(SERVER_ERROR):
            if hasattr(body, "close"):
                body.close()
            return answer(found, environ, start_response)
        start_response(*begun[0])
        return body


def answer(found: Answer, environ: Environ, start_response: Callable) -> Iterable[bytes]:
    """200 with the bytes, plain or compressed; 304 where the reader has them; no body for HEAD."""
    zipped = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
    if _has_it(found, environ):
        start_response("304 Not Modified", found.zipped_brief if zipped else found.brief)
        return []
    start_response("200 OK", found.zipped_headers if zipped else found.headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return [found.rendered.zipped if zipped else found.rendered.body]


def _has_it(found: Answer, environ: Environ) -> bool:
    """Marks are compared weakly, either form's: a proxy that compresses makes ``"x"`` into ``W/"x"``."""
    marks = environ.get("HTTP_IF_NONE_MATCH")
    if marks is not None:
        ours = found.rendered.etag
        given = (mark.strip().removeprefix("W/").strip('"') for mark in marks.split(","))
        return any(mark == "*" or mark.removesuffix("-gz") == ours for mark in given)
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    if since is None:
        return False
    try:
        told = parsedate_to_datetime(since)
    except ValueError:
        return False
    return found.changed_at <= (told if told.tzinfo else told.replace(tzinfo=UTC))
