"""One answer for everything that wakes a person at the moment (field/oncall.md rule 29)."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from oncall import answers, paging
from oncall.models import AnswerToken, Page, User

MOST = 500


def others(page: Page, person: User) -> QuerySet[Page]:
    """The other pages that wait for an answer and have reached this person, oldest first."""
    reached = Page.objects.filter(notified__user=person).values("pk")
    return Page.objects.waiting().filter(pk__in=reached).exclude(pk=page.pk).order_by("pk")


@transaction.atomic
def acknowledge_all(token: AnswerToken, *, at: datetime) -> list[Page]:
    """The link's person takes on its page and all others that wait for her; the link is used up.

    Pages are locked first and in one order, so that two who do this at once do not stand in each other's way.
    Raises ``DomainError("link_used")``.
    """
    answers.spend(token, use="acknowledge", at=at)
    waiting = others(token.page, token.user)[:MOST]
    pages = paging.lock([token.page, *waiting])
    return [paging.acknowledge(page, by=token.user, at=at) for page in pages]
