"""What of the outbox a person may see."""

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from oncall.messaging.models import Delivery
from oncall.models import Page, User

#: What floors above put before the topic of a message about something private.
PRIVATE = "private:"


def visible_deliveries(deliveries: QuerySet[Delivery], user: User) -> QuerySet[Delivery]:
    """Without those about private things that the person has no part in: their subjects tell what they are about.

    Those are the messages of private pages, and whatever has a topic that begins with ``private:``; what was sent
    to her she sees.
    """
    if user.has_perm("oncall.view_private_page"):
        return deliveries
    hidden = Page.objects.filter(private=True).exclude(pk__in=Page.objects.visible_to(user).values("pk"))
    topic = Concat(Value("page:"), Cast("pk", CharField()), output_field=CharField())
    private = Q(topic__in=hidden.annotate(of=topic).values("of")) | Q(topic__startswith=PRIVATE)
    return deliveries.exclude(private & ~Q(recipient=user.get_username()))
