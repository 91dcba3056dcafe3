"""The addresses of alert sources, each with and without the last slash since nothing redirects, and of reports."""

from django.urls import path, re_path

from incidents import views, webhooks

urlpatterns = [
    path("report/", views.report, name="report"),
    path("report/INC-<int:number>/", views.sent, name="report-sent"),
    path("in/<str:dialect>", webhooks.receive),
    path("in/<str:dialect>/", webhooks.receive),
    # Any rest belongs to the key, so that a mistyped address is refused here and not logged as a missing page.
    path("in/<str:dialect>/<path:key>", webhooks.receive, name="alerts-in"),
    path("heartbeats/<path:key>", webhooks.heartbeat),
    re_path(r"^opsgenie/v2/heartbeats/(?P<name>[^/]+)/ping/?$", webhooks.opsgenie_ping),
    re_path(r"^v2/enqueue/?$", webhooks.pagerduty_enqueue),
    re_path(r"^v2/change/enqueue/?$", webhooks.pagerduty_change),
]
