"""The incident list's saved views (tabs) and the filters that stock Django has no word for."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.admin import SimpleListFilter
from django.db.models import Count, Q, QuerySet

from incidents.models import OPEN_STATES, Incident, Role, RoleAssignment, State
from oncall import clock
from oncall.models import User

LATELY = timedelta(days=90)
FOUND_BY_USERS = [Incident.Detection.SUPPORT, Incident.Detection.SOCIAL]
DEFAULT = "open"


def views(user: User) -> dict[str, tuple[str, Q]]:
    """The saved views: name in the address, words, condition."""
    mine = RoleAssignment.objects.filter(user=user, role=Role.MANAGER, until__isnull=True).values("incident")
    since = clock.now() - LATELY
    return {
        DEFAULT: ("Open", Q(state__in=OPEN_STATES)),
        "mine": ("I manage", Q(pk__in=mine) & ~Q(state__in=[State.CLOSED, State.CANCELLED, State.MERGED])),
        "major": ("Major, 90 days", Q(severity__rank=1, created_at__gte=since)),
        "unreviewed": ("Not reviewed yet", Q(state__in=[State.RESOLVED, State.IN_REVIEW])),
        "customers": ("Found by customers", Q(detection_method__in=FOUND_BY_USERS)),
        "all": ("All", Q()),
    }


@dataclass(frozen=True)
class Tab:
    """One saved view above the list."""

    label: str
    url: str
    count: int
    current: bool


class ViewFilter(SimpleListFilter):
    """The tab that is chosen. Drawn above the list, so its own chip is empty."""

    title = "view"
    parameter_name = "view"
    template = "admin/incidents/incident/no_chip.html"

    def lookups(self, request, model_admin) -> list[tuple[str, str]]:
        return [(name, words) for name, (words, _) in views(request.user).items()]

    def value(self) -> str:
        found = super().value()
        return found if found in dict(self.lookup_choices) else DEFAULT

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        return queryset.filter(views(request.user)[self.value()][1])


def tabs(user: User, chosen: str) -> list[Tab]:
    """Every saved view with its number of incidents, in one query."""
    seen = Incident.objects.visible_to(user).order_by()
    saved = views(user)
    counts = seen.aggregate(**{f"n_{name}": Count("pk", filter=q) for name, (_, q) in saved.items()})
    return [
        Tab(words, f"?view={name}", counts[f"n_{name}"], name == chosen) for name, (words, _) in saved.items()
    ]


class ManagerFilter(SimpleListFilter):
    """Who manages the incident now, of those who manage any."""

    title = "manager"
    parameter_name = "manager"

    def lookups(self, request, model_admin) -> list[tuple[str, str]]:
        now_managing = RoleAssignment.objects.filter(role=Role.MANAGER, until__isnull=True)
        people = User.objects.filter(pk__in=now_managing.values("user")).order_by("first_name", "username")
        return [("none", "Nobody yet"), *((str(user.pk), str(user)) for user in people[:100])]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        managed = RoleAssignment.objects.filter(role=Role.MANAGER, until__isnull=True)
        if self.value() == "none":
            return queryset.exclude(pk__in=managed.values("incident"))
        if self.value() in dict(self.lookup_choices):
            return queryset.filter(pk__in=managed.filter(user=self.value()).values("incident"))
        return queryset


class MyRoleFilter(SimpleListFilter):
    """Incidents in which the viewer holds a role."""

    title = "my role"
    parameter_name = "my_role"

    def lookups(self, request, model_admin) -> list[tuple[str, str]]:
        return [("any", "Any role"), *Role.choices]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        held = RoleAssignment.objects.filter(user=request.user, until__isnull=True)
        if self.value() in Role.values:
            held = held.filter(role=self.value())
        return queryset.filter(pk__in=held.values("incident"))
