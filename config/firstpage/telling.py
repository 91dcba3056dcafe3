"""The card of what the public waits for: posts that fall silent, last words not said, plans that failed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from oncall.edges import times
from oncall.models import User
from statuspage import rights, watch
from statuspage.models import PlannedPost, Post

ROWS = 10


@dataclass(frozen=True)
class TellingRow:
    """One thing to say to the public: of what, why, and where it is said."""

    name: str
    why: str
    url: str
    label: str


def telling(user: User, now: datetime) -> list[TellingRow]:
    """For those who may speak to the public; empty when nobody waits."""
    if not user.has_perm(rights.UPDATE):
        return []
    return [*_refused(), *_over_inside(), *_silent(now)][:ROWS]


def _refused() -> Iterator[TellingRow]:
    for planned in PlannedPost.objects.refused().select_related("post")[:ROWS]:
        url = reverse("admin:statuspage_plannedpost_change", args=[planned.pk])
        yield TellingRow(str(planned), f"Could not be published. {planned.refusal}", url, "Look")


def _over_inside() -> Iterator[TellingRow]:
    over = Post.objects.open_incidents().filter(incident__resolved_at__isnull=False, incident__private=False)
    for post in over[:ROWS]:
        words = "Its incident is resolved; the public has not been told that it is over."
        yield TellingRow(post.name, words, f"{_update(post)}?propose=resolved", "Tell them")


def _silent(now: datetime) -> Iterator[TellingRow]:
    for post in watch.overdue(now):
        if post.incident is not None and post.incident.resolved_at is not None:
            continue
        if post.next_update_at is not None:
            words = f"An update was promised {times.ago(post.next_update_at, now)}."
        else:
            words = f"Nothing was said since {times.span(now - post.updated_at)}."
        yield TellingRow(post.name, words, _update(post), "Post an update")


def _update(post: Post) -> str:
    return reverse("admin:statuspage_post_update", args=[post.pk])
