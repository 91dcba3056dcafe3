"""What is said, to which address, and how each try ended."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q


class Message(models.Model):
    """One text, written once and shared by everybody it goes to.

    ``subject``, ``text``, ``html`` and ``brief`` may hold ``{{name}}`` placeholders, filled for each delivery
    from its own ``values`` when it is sent. ``headers`` are extra mail headers, filled the same way. ``brief``
    is for chat and push, where buttons do what a mail has a link for; where it is empty, ``text`` is used.
    """

    class Purpose(models.TextChoices):
        PAGE = "page"
        NOTICE = "notice"
        UPDATE = "update"
        CONFIRM = "confirm"
        REMINDER = "reminder"
        CANARY = "canary"
        FOLLOW_UP = "follow_up", "Follow-up"  # changes a message sent before

    purpose = models.CharField(max_length=20, choices=Purpose)
    subject = models.CharField(max_length=255)
    text = models.TextField()
    html = models.TextField(blank=True)
    # The database knows the default too: a sender of the version before goes on during an upgrade.
    brief = models.TextField(blank=True, default="", db_default="")
    headers = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.subject


class DeliveryQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "DeliveryQuerySet":
        """Whatever wants a sender: waiting rows whose time has come, and rows whose sender went silent."""
        return self.filter(due_at__lte=now)

    def out_there(self) -> "DeliveryQuerySet":
        """Whose message its provider has named, or may be about to: a try is under way."""
        trying = Attempt.objects.filter(delivery=OuterRef("pk"), ended_at__isnull=True)
        return self.filter(~Q(provider_id="") | Exists(trying))

    def open(self) -> "DeliveryQuerySet":
        """Not ended yet: waiting, or in a sender's hands."""
        return self.filter(state__in=Delivery.OPEN)


class Delivery(models.Model):
    """One message to one address: a row of the outbox.

    Changed only by ``outbox`` and ``claims``. ``due_at`` is the next moment at which somebody must look at
    the row: its next try, or the end of the lease under which it is being sent. ``generation`` grows with
    every claim and every cancellation; a sender that read an older one has lost.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        KEPT = "kept"  # no relay is configured: readable here, sent nowhere
        DEAD = "dead"
        CANCELLED = "cancelled"
        EXPIRED = "expired"

    class Lane(models.TextChoices):
        PAGE = "page"
        BULK = "bulk"

    OPEN = (State.PENDING, State.SENDING)
    was_lost = False  # no column: a claim says so of what a sender died with in its hands

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    medium = models.CharField(max_length=20)
    address = models.CharField(max_length=2000)
    recipient = models.CharField(
        max_length=200, blank=True, help_text="Who it is for, in words of the caller."
    )
    topic = models.CharField(max_length=100, blank=True, help_text="What it belongs to; cancelled together.")
    lane = models.CharField(max_length=4, choices=Lane, default=Lane.BULK)
    follows = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # but where it is set: see the indexes
        help_text="The delivery whose message this one changes.",
    )
    priority = models.PositiveSmallIntegerField(default=5, help_text="Within the lane; lower goes first.")
    about = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="What it is about, coarsely: after one message more about the same is held back.",
    )
    values = models.JSONField(default=dict, blank=True)
    idempotency_key = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    due_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    attempt_count = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=100, blank=True)
    generation = models.PositiveIntegerField(default=0)
    stable_id = models.CharField(  # not `message_id`: Django gives that name to the column of `message`
        max_length=300,
        help_text="Message-ID or webhook-id: the same on every try, so that receivers can fold.",
    )
    provider_id = models.CharField(max_length=200, blank=True)
    reported = models.CharField(
        max_length=20,
        blank=True,
        help_text="What the provider said of it later: delivered, undelivered, no-answer.",
    )
    reported_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="A limit let it wait until then, so that it went with others."
    )
    bundled_into = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="bundled",
        db_index=False,
        help_text="The delivery in whose message it went out.",
    )

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="delivery_key_is_used_once"),
            models.CheckConstraint(name="delivery_has_an_address", condition=~Q(address="")),
            models.CheckConstraint(
                name="delivery_is_due_exactly_while_open",
                condition=Q(state__in=["pending", "sending"], due_at__isnull=False, finished_at__isnull=True)
                | Q(
                    state__in=["sent", "kept", "dead", "cancelled", "expired"],
                    due_at__isnull=True,
                    finished_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="delivery_has_a_lease_exactly_while_sending",
                condition=Q(state="sending", lease_until__isnull=False)
                | (~Q(state="sending") & Q(lease_until__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="delivery_due"),
            models.Index(
                fields=["medium", "-lane", "priority", "due_at"],
                condition=Q(due_at__isnull=False),
                name="delivery_in_order_of_urgency",
            ),
            models.Index(fields=["topic"], condition=~Q(topic=""), name="delivery_by_topic"),
            models.Index(fields=["recipient"], condition=~Q(recipient=""), name="delivery_by_recipient"),
            models.Index(fields=["state", "finished_at"], name="delivery_by_state"),
            # No mass mail has these, and each index of theirs would be written three times for each.
            models.Index(fields=["follows"], condition=Q(follows__isnull=False), name="delivery_following"),
            models.Index(
                fields=["bundled_into"], condition=Q(bundled_into__isnull=False), name="delivery_bundled"
            ),
            models.Index(
                fields=["stable_id"],
                condition=Q(medium__in=["sms", "voice"]),
                name="delivery_called_back",
            ),
            models.Index(
                fields=["recipient", "finished_at"],
                condition=Q(lane="page") & ~Q(recipient=""),
                name="delivery_lately_to_a_person",
            ),
        ]

    def __str__(self) -> str:
        # Not the address: that of a webhook often holds a secret.
        return f"{self.message} to {self.recipient or self.medium}"


class Attempt(models.Model):
    """One try to hand a delivery over: written before the socket opens, completed after.

    An attempt without an end belongs to a sender that is at work or has died; whoever takes the delivery
    over writes ``unknown``: it may have arrived.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted"
        KEPT = "kept"
        TEMPORARY = "temporary"
        PERMANENT = "permanent"
        UNKNOWN = "unknown"
        FAULT = "fault"  # our own failure: the row is poison until somebody looks

    delivery = models.ForeignKey(  # its constraint below is index enough
        Delivery, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    n = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    code = models.CharField(
        max_length=20, blank=True, help_text="The provider's own: an SMTP or HTTP status."
    )
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["n"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "n"], name="attempt_is_numbered_once"),
            models.CheckConstraint(
                name="attempt_has_an_outcome_exactly_when_ended",
                condition=Q(ended_at__isnull=True, outcome="") | (Q(ended_at__isnull=False) & ~Q(outcome="")),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.n}"


class Callback(models.Model):
    """What came in from a provider of text messages or calls, and whether it counted.

    Written by ``callbacks`` alone. ``digest`` names what was said, so that the same is taken once; ``outcome``
    says why a request had no effect. ``sender`` is the number that a reply came from.
    """

    class Kind(models.TextChoices):
        STATUS = "status", "How it went on"
        KEY = "key", "A key was pressed"
        REPLY = "reply", "A text message came in"

    class Outcome(models.TextChoices):
        TAKEN = "taken", "Taken"
        NO_NEWS = "no_news", "Nothing new"
        REPEATED = "repeated", "Refused: said before"
        LATE = "late", "Refused: too late"
        UNSIGNED = "unsigned", "Refused: no proof of who sent it"
        FORGED = "forged", "Refused: the proof is wrong"
        UNKNOWN = "unknown", "Refused: about nothing of ours"
        WRONG = "wrong", "Refused: the code fits nothing"
        LIMITED = "limited", "Refused: too many from there"

    provider = models.CharField(max_length=20)
    kind = models.CharField(max_length=6, choices=Kind)
    at = models.DateTimeField(db_index=True)
    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, null=True, blank=True, related_name="callbacks"
    )
    provider_id = models.CharField(max_length=200, blank=True)
    sender = models.CharField(max_length=40, blank=True)
    said = models.CharField(max_length=20, blank=True, help_text="A status, or the key that was pressed.")
    code = models.CharField(max_length=20, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome)
    text = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["digest"],
                condition=Q(outcome__in=["taken", "no_news"]),
                name="callback_is_taken_once",
            )
        ]
        indexes = [models.Index(fields=["sender", "at"], condition=~Q(sender=""), name="callback_by_sender")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.said or self.outcome}"
