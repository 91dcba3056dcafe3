"""The admin site: the stock admin with our frame around it and our first page in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from urllib.parse import unquote_plus

from django.conf import settings
from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils import timezone

from config import health, trends
from config.firstpage import duty, incidents, links, mine, reaching, telling
from config.sign_in import StaffSignInForm
from incidents.models import Incident, StoredEvent
from oncall import clock, inbox
from oncall.edges.admin import Button
from oncall.models import Schedule

#: How long the frame of every page tells of alerts that nobody could read.
UNREAD_FOR = timedelta(days=1)
#: The sidebar's groups: a title and the models under it, in order. What is not named here goes to the last.
GROUPS = [
    (
        "Respond",
        [
            "incidents.Incident",
            "incidents.Alert",
            "oncall.Page",
            "messaging.Delivery",
            "oncall.Callback",
            "messaging.Callback",
        ],
    ),
    (
        "On call",
        [
            "oncall.Schedule",
            "oncall.ScheduleException",
            "oncall.Swap",
            "oncall.Absence",
            "oncall.HandOverNote",
            "oncall.HolidayCalendar",
            "oncall.NoticePreference",
            "oncall.CalendarImport",
            "oncall.CalendarFeed",
            "oncall.EscalationPolicy",
            "oncall.ServiceMaintenance",
            "oncall.Team",
            "oncall.User",
        ],
    ),
    (
        "Status page",
        [
            "statuspage.Component",
            "statuspage.Post",
            "statuspage.PlannedPost",
            "statuspage.Maintenance",
            "statuspage.MaintenanceRule",
            "statuspage.Template",
            "statuspage.Subscriber",
            "statuspage.Suppression",
            "statuspage.ComponentChange",
            "statuspage.StatusPage",
        ],
    ),
    ("Learn", ["postmortems.PostMortem", "postmortems.ActionItem"]),
    (
        "Set up",
        [
            "oncall.Service",
            "incidents.AlertSource",
            "incidents.Heartbeat",
            "oncall.Runbook",
            "incidents.Severity",
        ],
    ),
]
#: The main navigation: words and the model whose list it opens.
NAVIGATION = [
    ("Incidents", "incidents.Incident"),
    ("Pages", "oncall.Page"),
    ("Schedules", "oncall.Schedule"),
    ("Status page", "statuspage.Post"),
    ("Post-mortems", "postmortems.PostMortem"),
]


#: Pages without a model of their own: group, place in it, words, address, and the right to see them.
PAGES = [
    ("On call", 0, "Who is on call", "admin:oncall_on_call", "oncall.view_schedule"),
    ("On call", 1, "My shifts", "admin:oncall_my_shifts", "oncall.view_schedule"),
]

#: Pages that count as a part of a model's list in the navigation.
BESIDE = {"oncall.Schedule": ["admin:oncall_on_call", "admin:oncall_my_shifts"]}

ANSWERS = {"acknowledge", "escalate"}
RESEND = {"send-again"}


@dataclass(frozen=True)
class NavigationItem:
    """One link of the main navigation; ``alarm`` shows its count in red."""

    label: str
    url: str
    current: bool
    count: int = 0
    alarm: bool = False


def headline(open_count: int, waiting_count: int) -> str:
    """``5 open incidents, 2 pages waiting``; when there is nothing, "All quiet"."""
    parts = []
    if open_count:
        parts.append(f"{open_count} open incident{'s' * (open_count != 1)}")
    if waiting_count:
        parts.append(f"{waiting_count} page{'s' * (waiting_count != 1)} waiting")
    return ", ".join(parts) or "All quiet"


class PortalSite(AdminSite):
    """The portal's console, on the stock admin."""

    site_header = settings.ORGANISATION
    site_title = settings.ORGANISATION
    index_title = "Now"
    login_form = StaffSignInForm

    def get_urls(self) -> list:
        """With the pages that stand beside a model's own."""
        beside = [urls for admin in self._registry.values() for urls in getattr(admin, "site_urls", list)()]
        return [*beside, *super().get_urls()]

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False):
        """Refuse an address with a NUL in it: no row holds one, and PostgreSQL faults on the question."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def inner(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if "\0" in unquote_plus(request.META.get("QUERY_STRING", "")):
                return HttpResponseBadRequest("The address holds a NUL character.", content_type="text/plain")
            return guarded(request, *args, **kwargs)

        return inner

    def each_context(self, request: HttpRequest) -> dict:
        """The frame of every page: navigation with counts, the viewer's own duty, what is not set up yet."""
        context = super().each_context(request)
        if not context["has_permission"]:
            return context
        now, zone = clock.now(), timezone.get_current_timezone()
        return {
            **context,
            "navigation": self._navigation(request),
            "duty": duty.own_duty(request.user, now, zone),
            "declare_url": self._declare_url(request),
            "unread": inbox.unread(request.user).count(),
            "banners": self._banners(request, now),
        }

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The first page. Its heading is the news."""
        now, zone = clock.now(), timezone.get_current_timezone()
        open_now = incidents.open_incidents(request.user)
        waiting = reaching.waiting(request.user, lambda page: self._buttons(request, page, ANSWERS))
        on_call, left_out = duty.on_call(request.user, now)
        cards = {
            "now": now,
            "headline": headline(open_now.count, waiting.count),
            "pulse": health.pulse_state(now),
            "incidents": open_now,
            "last_resolved": incidents.last_resolved(request.user) if not open_now.count else None,
            "waiting": waiting,
            "dead": reaching.dead(request.user, lambda delivery: self._buttons(request, delivery, RESEND)),
            "on_call": on_call,
            "on_call_left_out": left_out,
            "my_work": mine.my_work(request.user, now),
            "telling": telling.telling(request.user, now),
            "trends": trends.trends(request.user, now, zone),
            "incidents_url": links.listing(Incident),
            "schedules_url": links.listing(Schedule),
            "on_call_url": reverse("admin:oncall_on_call"),
            "readiness_url": links.readiness(request.user),
        }
        return super().index(request, {**cards, **(extra_context or {})})

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
        for title, place, name, url, right in PAGES:
            if request.user.has_perm(right):
                page = {
                    "name": name,
                    "object_name": url,
                    "admin_url": reverse(url),
                    "add_url": None,
                }
                dict(groups)[title].insert(place, page)
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
                current = request.path.startswith((url, *map(reverse, BESIDE.get(name, ()))))
                items.append(NavigationItem(label, url, current, *self._count(request, name)))
        return items

    def _count(self, request: HttpRequest, name: str) -> tuple[int, bool]:
        """What the link's number counts, and whether it is in red."""
        if name == "incidents.Incident":
            return Incident.objects.visible_to(request.user).open().count(), False
        if name == "oncall.Page":
            return reaching.visible_waiting(request.user).count(), True
        return 0, False

    def _declare_url(self, request: HttpRequest) -> str:
        return (
            reverse("admin:incidents_incident_add")
            if self.get_model_admin(Incident).has_add_permission(request)
            else ""
        )

    def _buttons(self, request: HttpRequest, obj: Model, names: set[str]) -> list[Button]:
        """The verbs of these names that the viewer may use, each leading back to the first page."""
        if not self.is_registered(type(obj)):
            return []
        model_admin = self.get_model_admin(type(obj))
        back = reverse("admin:index")
        return [button for button in model_admin.buttons(request, obj, back=back) if button.name in names]

    def _banners(self, request: HttpRequest, now: datetime) -> list[dict]:
        """What everybody should know who can do something about it."""
        banners = []
        if not settings.EMAIL_CONFIGURED:
            text = "No mail server is set: messages stay readable under Deliveries. Set EMAIL_URL."
            banners.append({"tone": "warning", "text": text})
        may_look = request.user.has_perm("incidents.view_storedevent")
        unread = StoredEvent.objects.unread(now - UNREAD_FOR).count() if may_look else 0
        if unread:
            text = (
                f"{unread} request{'s' * (unread != 1)} of alert sources could not be read and paged nobody."
            )
            url = reverse("admin:incidents_storedevent_changelist")
            banners.append({"tone": "error", "text": text, "url": url, "link": "Look and replay."})
        return banners
