"""What is public: the allow-list. Every document is made from what this module returns, and from nothing else.

It reads the public models only (page, components, posts, updates, impacts), never an incident, a service or a
person. A component that is not visible, or stands below one that is not, does not exist here.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import Min, Q, QuerySet

from statuspage import models, rollup, uptime
from statuspage.documents.page import Affected, Component, Page, Post, Site, Spell, Update

UPTIME_DAYS = 90
RECENT = timedelta(days=UPTIME_DAYS + 1)
NEWEST = 50
YEAR_DAYS = 400


def recent(page: models.StatusPage, *, at: datetime) -> Page:
    """The present: open and planned posts, and those that ended within the days of the bars."""
    posts = page.posts.filter(Q(resolved_at=None) | Q(resolved_at__gte=at - RECENT))
    return gather(page, posts, since=at - RECENT, at=at)


def newest(page: models.StatusPage, kind: str, *, at: datetime) -> Page:
    """The 50 newest posts of one kind, whatever their state."""
    order = "-scheduled_for" if kind == models.Post.Kind.MAINTENANCE else "-started_at"
    chosen = page.posts.filter(kind=kind).order_by(order, "-id").values_list("pk", flat=True)[:NEWEST]
    return gather(page, page.posts.filter(pk__in=list(chosen)), since=at, at=at)


def latest(page: models.StatusPage, *, at: datetime) -> Page:
    """The posts that were last told of, of either kind; their components stand as they are now."""
    chosen = page.posts.order_by("-updated_at", "-id").values_list("pk", flat=True)[:NEWEST]
    return gather(page, page.posts.filter(pk__in=list(chosen)), since=at, at=at)


def one(page: models.StatusPage, public_id: str, *, at: datetime) -> Page:
    """A single post, or none if there is no such post on this page."""
    return gather(page, page.posts.filter(public_id=public_id), since=at, at=at)


def year(page: models.StatusPage, *, at: datetime) -> Page:
    """What twelve months of uptime are made of: posts and spells that reach into them."""
    since = at - timedelta(days=YEAR_DAYS)
    return gather(page, page.posts.filter(Q(resolved_at=None) | Q(resolved_at__gte=since)), since=since, at=at)


def everything(page: models.StatusPage, *, at: datetime) -> Page:
    """All posts there ever were, for who renders the whole past at once."""
    return gather(page, page.posts.all(), since=datetime.min.replace(tzinfo=UTC), at=at)


def between(page: models.StatusPage, first: date, last: date, *, at: datetime) -> Page:
    """What began from ``first`` to the day before ``last``, both local days of the page."""
    zone = zone_of(page)
    start, end = uptime.midnight(first, zone), uptime.midnight(last, zone)
    # A maintenance belongs to the day it ran, which may be long after it was announced.
    posts = page.posts.filter(
        Q(kind="incident", started_at__gte=start, started_at__lt=end)
        | Q(
            kind="maintenance",
            scheduled_for__gte=start - timedelta(days=1),
            scheduled_for__lt=end + timedelta(days=1),
        )
    )
    return gather(page, posts, since=start, at=at)


def frame(page: models.StatusPage, *, at: datetime) -> Page:
    """The page with no post: what forms and notices stand in."""
    return gather(page, page.posts.none(), since=at, at=at)


def first_month(page: models.StatusPage) -> date | None:
    """The month of the oldest post."""
    oldest = page.posts.aggregate(oldest=Min("started_at"))["oldest"]
    return oldest.astimezone(zone_of(page)).date().replace(day=1) if oldest else None


def zone_of(page: models.StatusPage):
    """The page's zone; its clock and its midnights."""
    return Site("", "", "", page.time_zone, page.updated_at).zone


def gather(page: models.StatusPage, posts: QuerySet[models.Post], *, since: datetime, at: datetime) -> Page:
    """The public value with these posts, as of ``at``. Five queries, however much there is."""
    rows = visible(page.components.all())
    told = list(posts.order_by("-started_at", "-id").prefetch_related("updates", "components"))
    impacts = list(
        models.ComponentImpact.objects.filter(component__in=[row.pk for row in rows], start__lte=at)
        .filter(Q(end=None) | Q(end__gt=since) | Q(post__in=[post.pk for post in told]))
        .select_related("post")
    )
    components = _components(page, rows, impacts, since=since, at=at)
    by_pk = {row.pk: component for row, component in zip(rows, components, strict=True)}
    public_posts = tuple(_post(post, by_pk, impacts) for post in told)
    return Page(
        site=_site(page, components, public_posts), as_of=at, components=components, posts=public_posts
    )


def visible(rows: Iterable[models.Component]) -> list[models.Component]:
    """What may be shown, in tree order: parents before their children, siblings by position."""
    below = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.position, row.name, row.pk)):
        if row.visible:
            below[row.parent_id].append(row)
    found: list[models.Component] = []

    def walk(parent: int | None) -> None:
        for row in below[parent]:
            found.append(row)
            walk(row.pk)

    walk(None)
    return found


def _site(page: models.StatusPage, components: tuple[Component, ...], posts: tuple[Post, ...]) -> Site:
    changed = [page.updated_at, *(one.updated_at for one in components), *(one.updated_at for one in posts)]
    return Site(
        id=page.public_id,
        name=page.name,
        url=settings.PUBLIC_URL.rstrip("/"),
        time_zone=page.time_zone,
        updated_at=max(changed),
    )


def _components(
    page: models.StatusPage,
    rows: list[models.Component],
    impacts: list[models.ComponentImpact],
    *,
    since: datetime,
    at: datetime,
) -> tuple[Component, ...]:
    ids = {row.pk: row.public_id for row in rows}
    children, position = defaultdict(list), {}
    for row in rows:
        children[row.parent_id].append(row)
        position[row.pk] = len(children[row.parent_id])
    of_component = defaultdict(list)
    for impact in impacts:
        of_component[impact.component_id].append(impact)
    status = {row.pk: status_of(row, of_component[row.pk], at) for row in rows if not row.is_group}
    for row in reversed(rows):  # children come after their parents, so this goes from the leaves up
        if row.is_group:
            status[row.pk] = rollup.worst(status[child.pk] for child in children[row.pk])
    days_wanted = since <= at - RECENT
    return tuple(
        Component(
            id=row.public_id,
            name=row.name,
            status=status[row.pk],
            created_at=row.created_at,
            updated_at=_changed_at(row, of_component[row.pk], at),
            position=position[row.pk],
            description=row.description,
            showcase=row.showcase,
            start_date=row.start_date,
            group_id=ids.get(row.parent_id),
            group=row.is_group,
            only_show_if_degraded=row.only_show_if_degraded,
            children=tuple(child.public_id for child in children[row.pk]) if row.is_group else (),
            days=_days(page, row, of_component[row.pk], at) if days_wanted and not row.is_group else (),
            spells=tuple(_spell(impact) for impact in of_component[row.pk]),
        )
        for row in rows
    )


def status_of(row: models.Component, impacts: Iterable[models.ComponentImpact], at: datetime) -> str:
    """The derived status: the worst of the baseline and of every impact at this instant."""
    present = [one.status for one in impacts if one.start <= at and (one.end is None or one.end > at)]
    return rollup.worst([row.status, *present])


def _changed_at(row: models.Component, impacts: Iterable[models.ComponentImpact], at: datetime) -> datetime:
    edges = [edge for one in impacts for edge in (one.start, one.end) if edge is not None and edge <= at]
    return max([row.updated_at, *edges])


def _days(
    page: models.StatusPage, row: models.Component, impacts: list[models.ComponentImpact], at: datetime
) -> tuple[uptime.Day, ...]:
    intervals = [uptime.Interval(one.status, one.start, one.end) for one in impacts]
    zone = zone_of(page)
    return tuple(
        uptime.days(intervals, now=at, zone=zone, window_days=UPTIME_DAYS, start_date=row.start_date)
    )


def _spell(impact: models.ComponentImpact) -> Spell:
    post_id = impact.post.public_id if impact.post else None
    return Spell(impact.status, impact.start, impact.end, post_id)


def _post(row: models.Post, components: dict[int, Component], impacts: list[models.ComponentImpact]) -> Post:
    shown = {
        component.pk: components[component.pk]
        for component in row.components.all()
        if component.pk in components
    }
    worst = dict.fromkeys(shown, rollup.OPERATIONAL)
    for impact in impacts:
        if impact.post_id == row.pk and impact.component_id in worst:
            worst[impact.component_id] = rollup.worst([worst[impact.component_id], impact.status])
    names = {component.id: full_name(component, components) for component in shown.values()}
    return Post(
        id=row.public_id,
        kind=row.kind,
        name=row.name,
        status=row.status,
        impact=row.shown_impact,
        created_at=row.created_at,
        updated_at=row.updated_at,
        started_at=row.started_at,
        monitoring_at=row.monitoring_at,
        resolved_at=row.resolved_at,
        next_update_at=row.next_update_at,
        scheduled_for=row.scheduled_for,
        scheduled_until=row.scheduled_until,
        updates=tuple(_update(update, names) for update in row.updates.all()),
        affected=tuple((shown[pk].id, worst[pk]) for pk in components if pk in shown),
    )


def full_name(component: Component, components: dict[int, Component]) -> str:
    """ "Group - Child", as Statuspage sends it."""
    by_id = {one.id: one for one in components.values()}
    above = by_id.get(component.group_id)
    return f"{above.name} - {component.name}" if above else component.name


def _update(row: models.PostUpdate, names: dict[str, str]) -> Update:
    affected = tuple(
        Affected(one["code"], names[one["code"]], one["old_status"], one["new_status"])
        for one in row.affected
        if one["code"] in names
    )
    return Update(
        id=row.public_id,
        status=row.status,
        body=row.body,
        created_at=row.created_at,
        updated_at=row.updated_at,
        display_at=row.display_at,
        affected=affected or None,
        deliver_notifications=row.deliver_notifications,
    )
