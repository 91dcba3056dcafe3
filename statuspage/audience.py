"""Whom news is for: by what they chose, never by who they are."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from statuspage.models import Component, Post, PostUpdate, StatusPage, Subscriber


def wanting(
    page: StatusPage, kind: str, status: str, components: Iterable[Component], post: Post | None = None
) -> QuerySet[Subscriber]:
    """Who wants this: of the right kind, and of everything, of one of these components, or of this very post.

    Whoever follows the post itself hears all of it until it is over, but for its post-mortem.
    """
    wants = "maintenance" if kind == Post.Kind.MAINTENANCE else "incidents"
    if status == Post.Status.POSTMORTEM:
        wants = "postmortems"
    by_choice = Q(**{wants: True}) & of_components(page, components)
    if post is not None and post.pk and status != Post.Status.POSTMORTEM:
        followed = Subscriber.posts.through.objects.filter(post=post.pk)
        by_choice |= Q(pk__in=followed.values("subscriber"))
    return of_page(page).filter(by_choice)


def of_page(page: StatusPage) -> QuerySet[Subscriber]:
    """Whom this page may write to at all.

    A page that was taken from the public writes only to those who have confirmed since.
    """
    heard = Subscriber.objects.active().filter(page=page)
    if page.closed_at:  # who came while everybody could read the page may be anybody
        heard = heard.filter(confirmed_at__gte=page.closed_at)
    return heard


def of_components(page: StatusPage, components: Iterable[Component]) -> Q:
    """Of everything, or of one of these components or of a group that holds one."""
    wanted = with_groups(page, {row.pk for row in components})
    chosen = Subscriber.components.through.objects.filter(component__in=wanted)
    return Q(everything=True) | Q(pk__in=chosen.values("subscriber"))


def with_groups(page: StatusPage, keys: set[int]) -> set[int]:
    """These components and every group above them, by key. One query."""
    if not keys:
        return set()
    above = dict(Component.objects.filter(page=page).values_list("pk", "parent_id"))
    found: set[int] = set()
    for key in keys:
        while key is not None and key not in found:
            found.add(key)
            key = above.get(key)
    return found


def of_update(told: PostUpdate) -> QuerySet[Subscriber]:
    """Whom this update is for, whether or not it notifies."""
    post = told.post
    return wanting(post.page, post.kind, told.status, post.components.all(), post)
