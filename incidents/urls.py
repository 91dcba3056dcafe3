"""The addresses of alert sources. Each takes its path with and without the last slash: nothing redirects."""

from django.urls import path, re_path

from incidents import webhooks

urlpatterns = [
    path("in/<str:dialect>", webhooks.receive),
    path("in/<str:dialect>/", webhooks.receive),
    # Any rest belongs to the key, so that a mistyped address is refused here and not logged as a missing page.
    path("in/<str:dialect>/<path:key>", webhooks.receive, name="alerts-in"),
    re_path(r"^v2/enqueue/?$", webhooks.pagerduty_enqueue),
    re_path(r"^v2/change/enqueue/?$", webhooks.pagerduty_change),
]
