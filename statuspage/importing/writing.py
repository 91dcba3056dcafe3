"""Writing what was taken over: many rows at a time, each with its history, and not one mail.

Only ``taking`` calls it, inside its transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.utils.text import slugify
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from oncall.models import User
from statuspage import holding, rollup
from statuspage.importing.spells import Baseline
from statuspage.importing.value import Event, Part, Reader, Site, Spell
from statuspage.models import (
    Component,
    ComponentImpact,
    Origin,
    Post,
    PostUpdate,
    StatusPage,
    Subscriber,
    new_public_id,
)

AT_ONCE = 500
SLUG = 90
PART_FIELDS = (
    "name",
    "description",
    "parent",
    "is_group",
    "position",
    "status",
    "showcase",
    "start_date",
    "only_show_if_degraded",
    "visible",
    "updated_at",
)
EVENT_FIELDS = (
    "kind",
    "name",
    "status",
    "impact",
    "impact_override",
    "started_at",
    "monitoring_at",
    "resolved_at",
    "next_update_at",
    "backfilled",
    "scheduled_for",
    "scheduled_until",
    "auto_start",
    "auto_complete",
    "notify_at_start",
    "notify_at_end",
    "next_edge_at",
    "created_at",
    "updated_at",
)


def components_elsewhere(page: StatusPage) -> set[str]:
    """Public ids that other pages use."""
    return set(Component.objects.exclude(page=page).values_list("public_id", flat=True))


class Writer:
    """One taking over: the page, whose it is, and when."""

    def __init__(self, page: StatusPage, product: str, *, by: User | None, at: datetime) -> None:
        self.page, self.product, self.by, self.at = page, product, by, at
        self.said = {
            "batch_size": AT_ONCE,
            "default_user": by,
            "default_change_reason": f"Taken over from {product}",
            "default_date": at,
        }

    def site(self, site: Site) -> None:
        self.page.name, self.page.public_id = site.name, site.id
        self.page.time_zone = site.time_zone or self.page.time_zone
        self.page._change_reason = self.said["default_change_reason"]
        self.page.save()

    # -- components -------------------------------------------------------------------------------------------
    def parts(self, made: Sequence[Part], changed: Sequence[Part], baselines: Mapping[str, Baseline]) -> None:
        """Groups before what they hold, since a row names its group's."""
        rows = {row.public_id: row for row in self.page.components.all()}
        slugs = dict.fromkeys((row.slug for row in rows.values()), 1)
        for level in _levels(made):
            fresh = [self._part(part, Component(page=self.page), rows, baselines) for part in level]
            for row in fresh:
                row.slug = _slug(row.name, slugs)
            bulk_create_with_history(fresh, Component, **self.said)
            for row, part in zip(fresh, level, strict=True):
                row.created_at, row.updated_at = part.created_at or self.at, part.updated_at or self.at
            Component.objects.bulk_update(fresh, ["created_at", "updated_at"], batch_size=AT_ONCE)
            rows |= {row.public_id: row for row in fresh}
        was = {part.id: rows[part.id].status for part in changed}
        moved = [self._part(part, rows[part.id], rows, baselines) for part in changed]
        bulk_update_with_history(moved, Component, PART_FIELDS, **self.said)
        self._baselines([*made, *changed], rows, was, baselines)

    def _part(
        self,
        part: Part,
        row: Component,
        rows: Mapping[str, Component],
        baselines: Mapping[str, Baseline],
    ) -> Component:
        row.public_id, row.name, row.description = part.id, part.name, part.description
        row.parent = rows.get(part.group_id) if part.group_id else None
        row.is_group, row.position, row.visible = part.is_group, part.position, part.visible
        row.status = baselines.get(part.id, Baseline()).status
        row.showcase, row.start_date = part.showcase, part.start_date
        row.only_show_if_degraded = part.only_show_if_degraded
        row.updated_at = part.updated_at or self.at
        return row

    def _baselines(
        self,
        parts: Iterable[Part],
        rows: Mapping[str, Component],
        was: Mapping[str, str],
        baselines: Mapping[str, Baseline],
    ) -> None:
        """What a component is beyond all posts, as a stretch of time like every other."""
        for part in parts:
            baseline = baselines.get(part.id, Baseline())
            before = was.get(part.id, rollup.OPERATIONAL)
            if before == baseline.status:
                continue
            since = min(baseline.since or part.updated_at or self.at, self.at)
            for said in rows[part.id].impacts.filter(post=None, end=None):
                said.end = max(since, said.start)
                said.save()
            if baseline.status != rollup.OPERATIONAL:
                ComponentImpact.objects.create(component=rows[part.id], status=baseline.status, start=since)

    # -- posts ------------------------------------------------------------------------------------------------
    def make_events(self, events: Sequence[Event], spells: Mapping[str, tuple[Spell, ...]]) -> None:
        rows = [self._post(event, Post(page=self.page, public_id=event.id)) for event in events]
        bulk_create_with_history(rows, Post, **self.said)
        self._fill(events, rows, spells)
        self._hold(post for post in rows if post.status in holding.UNDER_WAY)

    def change_events(self, events: Sequence[Event], spells: Mapping[str, tuple[Spell, ...]]) -> None:
        """A changed post says afterwards exactly what came in: its updates are written anew."""
        known = {row.public_id: row for row in self.page.posts.all()} if events else {}
        rows = [self._post(event, known[event.id]) for event in events]
        bulk_update_with_history(rows, Post, EVENT_FIELDS, **self.said)
        for start in range(0, len(rows), AT_ONCE):
            some = [row.pk for row in rows[start : start + AT_ONCE]]
            Post.components.through.objects.filter(post__in=some).delete()
            PostUpdate.objects.filter(post__in=some).delete()
            ComponentImpact.objects.filter(post__in=some).delete()
        self._fill(events, rows, spells)
        self._hold(rows)

    def _post(self, event: Event, row: Post) -> Post:
        for name in EVENT_FIELDS:
            if hasattr(event, name):
                setattr(row, name, getattr(event, name))
        row.next_update_at = None
        row.next_edge_at = _edge(event)
        return row

    def _fill(
        self, events: Sequence[Event], posts: Sequence[Post], spells: Mapping[str, tuple[Spell, ...]]
    ) -> None:
        """Components, updates and stretches of posts that have none."""
        rows = {row.public_id: row for row in self.page.components.all()}
        through = Post.components.through
        links, updates, impacts = [], [], []
        for event, post in zip(events, posts, strict=True):
            links += [through(post_id=post.pk, component_id=rows[key].pk) for key in event.components]
            updates += [_update(post, told, rows) for told in event.updates]
            impacts += [
                ComponentImpact(
                    component=rows[spell.component],
                    post=post,
                    status=spell.status,
                    start=spell.start,
                    end=spell.end,
                )
                for spell in spells[event.id]
            ]
        through.objects.bulk_create(links, batch_size=AT_ONCE)
        bulk_create_with_history(updates, PostUpdate, **self.said)
        bulk_create_with_history(impacts, ComponentImpact, **self.said)

    def _hold(self, posts: Iterable[Post]) -> None:
        """Pages of services under maintenance are held, and let go when it is over."""
        for post in posts:
            holding.follow(post, by=self.by, at=self.at)

    # -- subscribers ------------------------------------------------------------------------------------------
    def readers(self, readers: Sequence[Reader]) -> None:
        """They have confirmed already; ids that others have are replaced."""
        components = {row.public_id: row.pk for row in self.page.components.filter(is_group=False)}
        taken = set(Subscriber.objects.values_list("public_id", flat=True))
        rows, links = [], []
        for reader in readers:
            chosen = [components[key] for key in reader.components if key in components]
            row = Subscriber(
                page=self.page,
                public_id=new_public_id() if reader.id in taken else reader.id,
                address=reader.address,
                state=Subscriber.State.ACTIVE,
                everything=not chosen,
                created_at=reader.created_at or self.at,
                confirmed_at=reader.created_at or self.at,
            )
            rows.append(row)
            links.append(chosen)
        Subscriber.objects.bulk_create(rows, batch_size=AT_ONCE)
        through = Subscriber.components.through
        through.objects.bulk_create(
            [
                through(subscriber_id=row.pk, component_id=key)
                for row, chosen in zip(rows, links, strict=True)
                for key in chosen
            ],
            batch_size=AT_ONCE,
        )

    def note(self, marks: Mapping[tuple[str, str], str]) -> None:
        """Write down how everything looked that was taken over."""
        Origin.objects.bulk_create(
            [
                Origin(
                    page=self.page,
                    what=what,
                    public_id=key,
                    product=self.product,
                    mark=mark,
                    imported_at=self.at,
                )
                for (what, key), mark in marks.items()
            ],
            batch_size=AT_ONCE,
            update_conflicts=True,
            unique_fields=["page", "what", "public_id"],
            update_fields=["product", "mark", "imported_at"],
        )


def _levels(parts: Sequence[Part]) -> Iterable[list[Part]]:
    """What stands in no new group, then what stands in those, and so on."""
    waiting = {part.id: part for part in parts}
    while waiting:
        ready = [part for part in waiting.values() if part.group_id not in waiting]
        yield ready
        for part in ready:
            del waiting[part.id]


def _slug(name: str, taken: dict[str, int]) -> str:
    """A slug that is free; each name looks at its next number only, not at all before it."""
    wanted = slug = slugify(name)[:SLUG].strip("-") or "component"
    while slug in taken:
        taken[wanted] += 1
        slug = f"{wanted}-{taken[wanted]}"
    taken[slug] = 1
    return slug


def _edge(event: Event) -> datetime | None:
    """When the clock begins or ends it."""
    if event.status == Post.Status.SCHEDULED:
        return event.scheduled_for if event.auto_start else None
    if event.status in holding.UNDER_WAY:
        return event.scheduled_until if event.auto_complete else None
    return None


def _update(post: Post, told, rows: Mapping[str, Component]) -> PostUpdate:
    return PostUpdate(
        post=post,
        public_id=told.id,
        status=told.status,
        body=told.body,
        display_at=told.display_at,
        affected=[
            {"code": key, "name": rows[key].name, "old_status": old, "new_status": new}
            for key, old, new in told.affected
        ],
        deliver_notifications=told.delivered,
        created_at=told.created_at,
        updated_at=told.updated_at,
    )
