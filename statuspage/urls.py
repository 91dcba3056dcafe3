"""The public addresses: of the main page and of pages with a host of their own at the root, since clients of
Statuspage's API replace the whole path; of the other pages below ``/p/<slug>/``.
"""

from django.urls import URLPattern, include, path, re_path

from statuspage import webhooks
from statuspage.edges.door import guarded
from statuspage.views import door, pages, signing_up, subscribers, v2

PUBLIC_ID = r"(?P<public_id>[a-z0-9]{12})"
TOKEN = r"(?P<token>[A-Za-z0-9_-]{12,64})"  # noqa: S105 - a pattern, no secret

OF_A_PAGE = [
    path("", pages.document),
    re_path(r"^(history|uptime|embed)/?$", pages.document),
    re_path(r"^history/20\d\d-\d\d/?$", pages.document),
    re_path(rf"^(incidents|uptime)/{PUBLIC_ID}/?$", pages.document),
    re_path(rf"^(incidents|uptime|components)/{PUBLIC_ID}\.(atom|rss|ics|csv)$", pages.document),
    re_path(rf"^components/{PUBLIC_ID}/badge\.svg$", pages.document),
    re_path(r"^(history\.atom|history\.rss|maintenance\.ics|badge\.svg|badge\.json)$", pages.document),
    re_path(r"^look/[0-9a-f]{16}\.(css|png|jpeg|webp)$", pages.document),
    re_path(r"^subscribe/?$", signing_up.by_mail),
    re_path(r"^subscribe/(?P<channel>webhook|slack|teams)/?$", signing_up.by_endpoint),
    re_path(r"^subscribe/(?P<what>feeds|calendar)/?$", signing_up.reading),
    re_path(r"^subscribe/webhook/format/?$", signing_up.webhook_format),
    re_path(rf"^confirm/{TOKEN}/?$", subscribers.confirm),
    re_path(rf"^manage/{TOKEN}/?$", subscribers.manage),
    re_path(rf"^u/{TOKEN}/?$", subscribers.unsubscribe),
    re_path(r"^sign-in/?$", door.sign_in),
    re_path(r"^sign-out/?$", door.sign_out),
    re_path(r"^api/v2/subscribers\.json$", v2.subscribers),
    re_path(r"^api/v2/subscribers/(?P<which>[A-Za-z0-9_-]{12,64})\.json$", v2.subscriber),
    re_path(r"^api/v2/[a-z0-9/-]+\.json$", pages.document),
]


def behind_its_door(patterns: list[URLPattern]) -> list[URLPattern]:
    """Each with the page that the request asks for, and closed to who may not read that page."""
    return [URLPattern(one.pattern, guarded(one.callback), one.default_args, one.name) for one in patterns]


urlpatterns = [
    *behind_its_door(OF_A_PAGE),
    re_path(r"^callbacks/bounces/(?P<key>[!-.0-~]{1,200})/?$", webhooks.bounces_told),
    *behind_its_door([path("p/<slug:slug>", pages.document)]),
    path("p/<slug:slug>/", include(behind_its_door(OF_A_PAGE))),
]
#: On the host of a page this list is the whole site.
handler404 = "statuspage.views.pages.missing"
