"""Who asked to be told."""

from datetime import datetime
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from oncall.models import User
from statuspage.models.page import Component, StatusPage, main_page, new_public_id
from statuspage.models.posts import Post


class SubscriberQuerySet(models.QuerySet):
    def active(self) -> "SubscriberQuerySet":
        return self.filter(state=Subscriber.State.ACTIVE)

    def forgettable(self, now: datetime) -> "SubscriberQuerySet":
        """Never confirmed in time, or gone: their addresses are deleted."""
        return self.filter(forget_at__lte=now)

    def let_out(self, now: datetime) -> "SubscriberQuerySet":
        """Held back for bounces that may have passed."""
        return self.filter(state=Subscriber.State.QUARANTINED, held_until__lte=now)


class Subscriber(models.Model):
    """An address that wants the page's news, on one channel.

    Changed only by ``subscriptions`` and its neighbours (``suppression``, ``endpoints``, ``importing``).
    ``address`` is the normalised form, unique on a page and channel. What is wanted is everything, or
    ``components`` (a group stands for what it holds, also later) and ``posts`` that are followed until they are
    over. Links and the webhook's secret are derived from ``public_id`` and ``salt`` with the server's secret and
    stored nowhere: a stolen table gives nobody a working link.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"
        SLACK = "slack", "Slack"
        TEAMS = "teams", "Microsoft Teams"

    class State(models.TextChoices):
        PENDING = "pending", "Not confirmed"
        ACTIVE = "active", "Subscribed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        REFUSED = "refused", "Refused: its owner never asked"
        QUARANTINED = "quarantined", "Held back: mail bounced for some days"
        SUPPRESSED = "suppressed", "Suppressed: mail bounced for good, or was called spam"
        SWITCHED_OFF = "switched_off", "Switched off: the address failed for days"

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="subscribers", default=main_page)
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    salt = models.CharField(max_length=12, default=new_public_id, editable=False)
    channel = models.CharField(max_length=7, choices=Channel, default=Channel.EMAIL, db_default="email")
    address = models.CharField(max_length=1000)
    owner = models.CharField(
        "e-mail of its owner", max_length=254, blank=True, help_text="Told when a webhook is switched off."
    )
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    everything = models.BooleanField(default=True, help_text="New components are included.")
    components = models.ManyToManyField(Component, related_name="subscribers", blank=True)
    posts = models.ManyToManyField(
        Post, related_name="followers", blank=True, help_text="Followed until they are over."
    )
    incidents = models.BooleanField(default=True)
    maintenance = models.BooleanField(default=True)
    postmortems = models.BooleanField("post-mortems", default=False)
    created_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True, help_text="The last confirmation was sent.")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    forget_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True, help_text="Then it is tried again.")
    secret_number = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["page", "channel", "address"], name="subscriber_is_on_a_page_once_a_channel"
            ),
            models.CheckConstraint(
                name="subscriber_by_webhook_has_an_owner", condition=~Q(channel="webhook") | ~Q(owner="")
            ),
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
            models.Index(fields=["channel", "address"], name="subscriber_by_address"),
            models.Index(
                fields=["held_until"], condition=Q(held_until__isnull=False), name="subscriber_held_back"
            ),
        ]

    def __str__(self) -> str:
        return self.shown

    @property
    def is_by_mail(self) -> bool:
        return self.channel == self.Channel.EMAIL

    @property
    def shown(self) -> str:
        """The address as others may see it: that of a webhook is a secret beyond its host."""
        if self.is_by_mail:
            return self.address
        return f"{self.get_channel_display()} at {urlsplit(self.address).hostname or '?'}"

    @property
    def recipient(self) -> str:
        """The outbox's name for this person; cancelled together when she leaves."""
        return f"subscriber:{self.public_id}"


class SubscriberEvent(models.Model):
    """One thing that happened to a subscription: asked, confirmed, chose, left; ``by`` none: the subscriber."""

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    text = models.CharField(max_length=200)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return self.text


class SignUp(models.Model):
    """That somebody asked: counted for an hour, then deleted. The network is kept as a keyed hash, and so is the
    host of a webhook, in a row of its own.
    """

    network = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["network", "at"], name="sign_up_by_network"),
            models.Index(fields=["at"], name="sign_up_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.network[:8]} at {self.at}"
