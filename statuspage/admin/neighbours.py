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
    posts = Post.objects.filter(incident=incident, kind=Post.Kind.INCIDENT)
    links = []
    if user.has_perm("statuspage.view_post") or user.has_perm(rights.UPDATE):
        links = [
            Link(f"Public post: {post.get_status_display().lower()}", _change(post), "globe")
            for post in posts
        ]
    if not links and user.has_perm(rights.PUBLISH):
        add = reverse("admin:statuspage_post_add")
        links.append(Link("Tell the public", f"{add}?incident={incident.pk}", "megaphone"))
    return links


def _change(post: Post) -> str:
    return reverse("admin:statuspage_post_change", args=[post.pk])


IncidentAdmin.neighbours.append(public_links)
