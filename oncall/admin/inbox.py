"""Inbox: the messages that the portal kept for whoever is signed in. Nobody reads another's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from oncall import clock, inbox
from oncall.messaging.models import Delivery
from oncall.messaging.render import fill

PER_PAGE = 25


@dataclass(frozen=True)
class Kept:
    """One message as its reader sees it, with her own link where it has one."""

    pk: int
    at: datetime
    subject: str
    text: str
    link: str
    why: str
    unread: bool


class Inbox:
    """The views, mounted by the admin of people."""

    def __init__(self, site: AdminSite) -> None:
        self.site = site

    def urls(self) -> list:
        def at(route: str, view: Callable[..., HttpResponse], name: str) -> Any:
            return path(route, self.site.admin_view(view), name=name)

        return [
            at("inbox/", require_safe(self.page), "oncall_inbox"),
            at("inbox/read/", require_POST(self.read), "oncall_inbox_read"),
        ]

    def page(self, request: HttpRequest) -> HttpResponse:
        found = Paginator(inbox.messages(request.user), PER_PAGE).get_page(request.GET.get("p"))
        shown = {
            **self.site.each_context(request),
            "title": "Inbox",
            "now": clock.now(),
            "kept": [_kept(delivery) for delivery in found],
            "pages": found,
            "unread": inbox.unread(request.user).count(),
        }
        response = TemplateResponse(request, "admin/oncall/inbox/page.html", shown)
        response.headers["Cache-Control"] = "no-store"
        return response

    def read(self, request: HttpRequest) -> HttpResponse:
        """One message, or all of them, has been read."""
        number = request.POST.get("message", "")
        only = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None
        if only is not None or not number:
            inbox.mark_read(request.user, only=only, at=clock.now())
        return HttpResponseRedirect(reverse("admin:oncall_inbox"))


def _kept(delivery: Delivery) -> Kept:
    values = delivery.values
    link = values.get("link", "")
    return Kept(
        pk=delivery.pk,
        at=delivery.created_at,
        subject=fill(delivery.message.subject, values),
        text=fill(delivery.message.text, values).strip(),
        link=link if link.startswith(("http://", "https://")) else "",
        why="" if delivery.medium == "inbox" else "No mail server is set, so this mail was kept here.",
        unread=not hasattr(delivery, "reading"),
    )
