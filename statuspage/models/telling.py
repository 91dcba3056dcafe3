"""What is told on other channels than mail: the texts of an update, and changes of components for machines."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from oncall.messaging.models import Message
from statuspage.models.page import Component, ComponentStatus, new_public_id
from statuspage.models.posts import PostUpdate
from statuspage.models.subscribers import Subscriber


class ChannelMessage(models.Model):
    """What an update says on one channel; written once, when the first subscriber there is told."""

    update = models.ForeignKey(PostUpdate, models.CASCADE, related_name="channel_messages")
    channel = models.CharField(max_length=7, choices=Subscriber.Channel)
    message = models.ForeignKey(Message, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["update", "channel"], name="update_has_one_message_for_each_channel"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.update}"


class ComponentNewsQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "ComponentNewsQuerySet":
        """Changes that webhooks still have to be told."""
        return self.filter(tell_at__lte=now)


class ComponentNews(models.Model):
    """A component was seen in another status than before. Written by ``component_news`` alone.

    The newest one of a component is what webhooks were told last; the first is its status when we began to look,
    and is told to nobody.
    """

    component = models.ForeignKey(Component, models.CASCADE, related_name="news")
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    old_status = models.CharField(max_length=20, choices=ComponentStatus)
    new_status = models.CharField(max_length=20, choices=ComponentStatus)
    at = models.DateTimeField()
    tell_at = models.DateTimeField(null=True, blank=True)

    objects = ComponentNewsQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["component", "-id"], name="component_news_newest"),
            models.Index(fields=["tell_at"], condition=Q(tell_at__isnull=False), name="component_news_due"),
        ]

    def __str__(self) -> str:
        return f"{self.component}: {self.old_status} to {self.new_status}"
