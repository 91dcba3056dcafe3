"""The public addresses, at the root of the host: clients of Statuspage's API replace the whole path."""

from django.urls import path, re_path

from statuspage import webhooks
from statuspage.views import pages, signing_up, subscribers, v2

PUBLIC_ID = r"(?P<public_id>[a-z0-9]{12})"
TOKEN = r"(?P<token>[A-Za-z0-9_-]{12,64})"  # noqa: S105 - a pattern, no secret

urlpatterns = [
    path("", pages.document),
    re_path(r"^(history|uptime|embed)/?$", pages.document),
    re_path(r"^history/20\d\d-\d\d/?$", pages.document),
    re_path(rf"^(incidents|uptime)/{PUBLIC_ID}/?$", pages.document),
    re_path(rf"^(incidents|uptime|components)/{PUBLIC_ID}\.(atom|rss|ics|csv)$", pages.document),
    re_path(rf"^components/{PUBLIC_ID}/badge\.svg$", pages.document),
    re_path(r"^(history\.atom|history\.rss|maintenance\.ics|badge\.svg|badge\.json)$", pages.document),
    re_path(r"^subscribe/?$", signing_up.by_mail),
    re_path(r"^subscribe/(?P<channel>webhook|slack|teams)/?$", signing_up.by_endpoint),
    re_path(r"^subscribe/(?P<what>feeds|calendar)/?$", signing_up.reading),
    re_path(r"^subscribe/webhook/format/?$", signing_up.webhook_format),
    re_path(rf"^confirm/{TOKEN}/?$", subscribers.confirm),
    re_path(rf"^manage/{TOKEN}/?$", subscribers.manage),
    re_path(rf"^u/{TOKEN}/?$", subscribers.unsubscribe),
    re_path(r"^api/v2/subscribers\.json$", v2.subscribers),
    re_path(r"^api/v2/subscribers/(?P<which>[A-Za-z0-9_-]{12,64})\.json$", v2.subscriber),
    re_path(r"^callbacks/bounces/(?P<key>[!-.0-~]{1,200})/?$", webhooks.bounces_told),
    re_path(r"^api/v2/[a-z0-9/-]+\.json$", pages.document),
]
