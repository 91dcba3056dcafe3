"""Who asked to be told."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from statuspage.models.page import Component, StatusPage, main_page, new_public_id


class SubscriberQuerySet(models.QuerySet):
    def active(self) -> "SubscriberQuerySet":
        return self.filter(state=Subscriber.State.ACTIVE)

    def forgettable(self, now: datetime) -> "SubscriberQuerySet":
        """Never confirmed in time, or gone: their addresses are deleted."""
        return self.filter(forget_at__lte=now)


class Subscriber(models.Model):
    """An address that wants the page's news.

    Changed only by ``subscriptions``. ``address`` is the normalised form, unique on a page. Links are
    derived from ``public_id`` and ``salt`` with the server's secret and stored nowhere: a stolen table
    gives nobody a working link.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Not confirmed"
        ACTIVE = "active", "Subscribed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        REFUSED = "refused", "Refused: its owner never asked"

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="subscribers", default=main_page)
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    salt = models.CharField(max_length=12, default=new_public_id, editable=False)
    address = models.CharField(max_length=254)
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    everything = models.BooleanField(default=True, help_text="New components are included.")
    components = models.ManyToManyField(Component, related_name="subscribers", blank=True)
    incidents = models.BooleanField(default=True)
    maintenance = models.BooleanField(default=True)
    postmortems = models.BooleanField("post-mortems", default=False)
    created_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True, help_text="The last confirmation was sent.")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    forget_at = models.DateTimeField(null=True, blank=True)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["page", "address"], name="subscriber_is_on_a_page_once"),
            models.CheckConstraint(
                name="subscriber_active_has_confirmed",
                condition=~Q(state="active") | Q(confirmed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["page", "id"], condition=Q(state="active"), name="subscriber_active"),
            models.Index(
                fields=["forget_at"], condition=Q(forget_at__isnull=False), name="subscriber_forgettable"
            ),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def recipient(self) -> str:
        """The outbox's name for this person; cancelled together when she leaves."""
        return f"subscriber:{self.public_id}"


class SignUp(models.Model):
    """That somebody in a network asked: counted for an hour, then deleted. The network is kept as a keyed hash."""

    network = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["network", "at"], name="sign_up_by_network")]

    def __str__(self) -> str:
        return f"{self.network[:8]} at {self.at}"
