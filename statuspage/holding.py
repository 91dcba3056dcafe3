"""While a maintenance is under way, nobody is woken for the services behind its components.

News goes down by a plain call: the on-call floor holds their pages (field/oncall.md rule 26).
"""

from datetime import datetime

from oncall import maintenance
from oncall.models import Service, User
from statuspage.models import Post

UNDER_WAY = (Post.Status.IN_PROGRESS, Post.Status.VERIFYING)


def follow(post: Post, *, by: User | None, at: datetime) -> None:
    """Hold pages until the maintenance's planned end once it is under way, and let go of them when it is over.

    After its planned end nothing is held: a maintenance that somebody forgot to end must not silence alerts.
    """
    if post.kind != Post.Kind.MAINTENANCE:
        return
    if post.status not in UNDER_WAY:
        maintenance.finish_all(reference=post.topic, by=by, at=at)
        return
    end = min(post.scheduled_until, at + maintenance.LONGEST)
    if end <= at:
        return
    for service in Service.objects.filter(components__in=post.components.all()).distinct():
        maintenance.begin(service, end=end, reason=post.name, reference=post.topic, by=by, at=at)
