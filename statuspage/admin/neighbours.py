"""What this floor hangs on the page of an internal incident: the way to the public, or what it was told."""

from django.urls import reverse

from incidents.admin.incident import IncidentAdmin
from incidents.admin.page import Link
from incidents.models import Incident
from oncall.models import User
from statuspage import rights
from statuspage.models import Post


def public_links(incident: Incident, user: User) -> list[Link]:
    """Its posts, and "Tell the public" while there is none; nothing for a private incident."""
    if incident.private:
        return []
    posts = list(Post.objects.filter(incident=incident, kind=Post.Kind.INCIDENT))
    links = []
    if user.has_perm(rights.UPDATE) and incident.resolved_at is not None:
        links = [_last_word(post) for post in posts if post.is_open]
    if user.has_perm("statuspage.view_post") or user.has_perm(rights.UPDATE):
        links += [
            Link(f"Public post: {post.get_status_display().lower()}", _change(post), "globe")
            for post in posts
        ]
    if not posts and user.has_perm(rights.PUBLISH):
        add = reverse("admin:statuspage_post_add")
        links.append(Link("Tell the public", f"{add}?incident={incident.pk}", "megaphone"))
    return links


def _last_word(post: Post) -> Link:
    """The proposal of the last word: what is over inside is not over for the public until somebody says so."""
    url = reverse("admin:statuspage_post_update", args=[post.pk])
    return Link("Tell the public that it is over", f"{url}?propose=resolved", "megaphone")


def _change(post: Post) -> str:
    return reverse("admin:statuspage_post_change", args=[post.pk])


IncidentAdmin.neighbours.append(public_links)
