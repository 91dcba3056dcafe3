"""The admin site: the stock admin with our frame around it and our first page in it."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse

#: The sidebar's groups: a title and the models under it, in order. What is not named here goes to the last.
GROUPS = [
    ("Respond", ["incidents.Incident", "incidents.Alert", "oncall.Page", "messaging.Delivery"]),
    (
        "On call",
        [
            "oncall.Schedule",
            "oncall.ScheduleException",
            "oncall.EscalationPolicy",
            "oncall.Team",
            "oncall.User",
        ],
    ),
    (
        "Status page",
        ["statuspage.Component", "statuspage.Post", "statuspage.Maintenance", "statuspage.Subscriber"],
    ),
    ("Learn", ["postmortems.PostMortem", "postmortems.ActionItem"]),
    ("Set up", ["oncall.Service", "incidents.AlertSource", "oncall.Runbook", "incidents.Severity"]),
]
#: The main navigation: words and the model whose list it opens.
NAVIGATION = [
    ("Incidents", "incidents.Incident"),
    ("Pages", "oncall.Page"),
    ("Schedules", "oncall.Schedule"),
    ("Status page", "statuspage.Post"),
    ("Post-mortems", "postmortems.PostMortem"),
]


@dataclass(frozen=True)
class NavigationItem:
    """One link of the main navigation; ``alarm`` shows its count in red."""

    label: str
    url: str
    current: bool
    count: int = 0
    alarm: bool = False


class PortalSite(AdminSite):
    """The portal's console, on the stock admin."""

    site_header = settings.ORGANISATION
    site_title = settings.ORGANISATION
    index_title = "Now"

    def each_context(self, request: HttpRequest) -> dict:
        context = super().each_context(request)
        if not context["has_permission"]:
            return context
        return {**context, "navigation": self._navigation(request), "banners": self._banners()}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict]:
        """The models in the groups that people think in, instead of one group per app."""
        apps = super().get_app_list(request, app_label)
        if app_label:
            return apps
        found = {
            f"{app['app_label']}.{model['object_name']}": model for app in apps for model in app["models"]
        }
        groups = [
            (title, [found.pop(label) for label in labels if label in found]) for title, labels in GROUPS
        ]
        groups[-1][1].extend(sorted(found.values(), key=lambda model: model["name"]))
        return [
            {"name": title, "app_label": title.lower().replace(" ", "-"), "app_url": "", "models": models}
            for title, models in groups
            if models
        ]

    def _navigation(self, request: HttpRequest) -> list[NavigationItem]:
        index = reverse("admin:index")
        items = [NavigationItem("Now", index, request.path == index)]
        registered = {model._meta.label: model._meta for model in self._registry}
        for label, name in NAVIGATION:
            if name in registered:
                opts = registered[name]
                url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
                items.append(NavigationItem(label, url, request.path.startswith(url)))
        return items

    def _banners(self) -> list[dict]:
        if settings.EMAIL_CONFIGURED:
            return []
        return [
            {
                "tone": "warning",
                "text": "No mail server is set: messages stay readable under Deliveries. Set EMAIL_URL.",
            }
        ]
