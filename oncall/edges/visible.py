"""What of the outbox a person may see."""

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from oncall.messaging.models import Delivery
from oncall.models import Page, User


def visible_deliveries(deliveries: QuerySet[Delivery], user: User) -> QuerySet[Delivery]:
    """Without those of private pages that the person has no part in: their subjects tell what they are about."""
    if user.has_perm("oncall.view_private_page"):
        return deliveries
    hidden = Page.objects.filter(private=True).exclude(pk__in=Page.objects.visible_to(user).values("pk"))
    topic = Concat(Value("page:"), Cast("pk", CharField()), output_field=CharField())
    return deliveries.exclude(topic__in=hidden.annotate(of=topic).values("of"))
