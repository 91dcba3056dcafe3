"""Pages: an escalation under way, what happened in it, and the links by which people answer."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from oncall.models.contacts import Urgency
from oncall.models.directory import Service, Team, User
from oncall.models.policies import EscalationPolicy


class PageQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "PageQuerySet":
        """Pages whose next step, or end of a snooze or hold, should have come by ``now``, oldest first."""
        return self.filter(next_step_at__lte=now).order_by("next_step_at", "id")

    def unanswered_too_long(self, now: datetime) -> "PageQuerySet":
        """Acknowledged pages whose acknowledgement has run out, oldest first."""
        return self.filter(state=Page.State.ACKNOWLEDGED, unacknowledge_at__lte=now).order_by(
            "unacknowledge_at", "id"
        )

    def waiting(self) -> "PageQuerySet":
        """Pages that nobody has answered yet, or not everybody who must; whether or not anybody is still paged."""
        return self.filter(state__in=Page.WAITING)

    def with_told(self) -> "PageQuerySet":
        """Each with whom it has reached, as ``told``, in one query for all of them."""
        rows = Notified.objects.select_related("user").order_by("pk")
        return self.prefetch_related(models.Prefetch("notified", rows, to_attr="told"))

    def open(self) -> "PageQuerySet":
        """Everything not ended."""
        return self.exclude(state=Page.State.RESOLVED)

    def visible_to(self, user: User) -> "PageQuerySet":
        """What this person may see: everything but private pages that she has no part in."""
        if user.has_perm("oncall.view_private_page"):
            return self
        part = Q(created_by=user) | Q(acknowledged_by=user) | Q(pk__in=user.notified.values("page"))
        return self.filter(Q(private=False) | part)


class Page(models.Model):
    """One escalation: a policy working through its steps until somebody answers.

    Changed only by ``oncall.paging``. ``generation`` grows with every change; a writer that read an older one
    has lost. ``plan`` is the policy as it was when the page began (``oncall.plans``, field/oncall.md rule 23);
    people are looked up when a step fires. ``facts`` is what the answer page shows, written by the floor above.
    A ``step`` past the plan's last one is a last resort: first the team's admins, then the portal's catch-all.
    A held page waits for what ``held_for`` names, until ``next_step_at``.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Waiting for an answer"
        HELD = "held", "Held"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        SNOOZED = "snoozed", "Snoozed"
        EXHAUSTED = "exhausted", "Nobody answered"
        RESOLVED = "resolved", "Over"

    #: Nobody has answered, or not everybody who must.
    WAITING = (State.ACTIVE, State.HELD, State.EXHAUSTED)

    class Hold(models.TextChoices):
        HOURS = "hours", "until the step's hours begin"
        DUTY = "duty", "until somebody is on call"
        MAINTENANCE = "maintenance", "until the maintenance is over"

    title = models.CharField(max_length=500)
    text = models.TextField(blank=True)
    reference = models.CharField(max_length=40, blank=True, help_text="The key of what it is about: INC-47.")
    url = models.CharField(max_length=500, blank=True, help_text="Where in the portal it is about.")
    facts = models.JSONField(default=dict, blank=True)
    private = models.BooleanField(default=False, help_text="Shown only to those who have a part in it.")
    urgency = models.CharField(max_length=4, choices=Urgency, default=Urgency.HIGH)
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="pages")
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="pages")
    policy = models.ForeignKey(EscalationPolicy, models.SET_NULL, null=True, blank=True, related_name="pages")
    plan = models.JSONField(default=dict)

    state = models.CharField(max_length=12, choices=State, default=State.ACTIVE)
    held_for = models.CharField(max_length=11, choices=Hold, blank=True)
    step = models.PositiveIntegerField(default=0, help_text="The step that fires next, from 0.")
    loop = models.PositiveIntegerField(default=0, help_text="How often all steps have been gone through.")
    cycle = models.PositiveIntegerField(default=0, help_text="How often it began anew at the first step.")
    next_step_at = models.DateTimeField(null=True, blank=True)
    unacknowledge_at = models.DateTimeField(
        null=True, blank=True, help_text="When the acknowledgement runs out, first with a reminder."
    )
    reminded_at = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0, help_text="Failed tries at the next step.")
    reached_anybody = models.BooleanField(
        default=False, help_text="A message went to a person in this cycle."
    )

    # The database knows the default too: an engine of the version before goes on during an upgrade.
    policy_reason = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text="Whose policy it is, if not its service's.",
    )
    ack_timeout = models.DurationField(
        null=True,
        blank=True,
        help_text="How long an acknowledgement lasts, in place of what the policy says.",
    )

    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("view_private_page", "Can see private pages")]
        constraints = [
            models.CheckConstraint(
                name="page_active_has_a_next_step",
                condition=~Q(state="active") | Q(next_step_at__isnull=False),
            ),
            models.CheckConstraint(
                name="page_snoozed_has_a_wake_time",
                condition=~Q(state="snoozed") | Q(next_step_at__isnull=False),
            ),
            models.CheckConstraint(
                name="page_answered_has_no_next_step",
                condition=Q(state__in=["active", "snoozed", "held"]) | Q(next_step_at__isnull=True),
            ),
            models.CheckConstraint(
                name="page_held_says_for_what_and_until_when",
                condition=Q(state="held", next_step_at__isnull=False) & ~Q(held_for="")
                | ~Q(state="held") & Q(held_for=""),
            ),
        ]
        indexes = [
            models.Index(fields=["next_step_at"], condition=Q(next_step_at__isnull=False), name="page_due"),
            models.Index(
                fields=["unacknowledge_at"],
                condition=Q(unacknowledge_at__isnull=False),
                name="page_unack_due",
            ),
            models.Index(fields=["state"], condition=~Q(state="resolved"), name="page_open"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}".strip()

    @property
    def topic(self) -> str:
        """Under which every delivery of this page can be cancelled."""
        return f"page:{self.pk}"

    @property
    def place(self) -> str:
        """Where it stands, ``1.0`` for step and pass: a button made now brings it back when it is pressed."""
        return f"{self.step}.{self.loop}"


class PageEvent(models.Model):
    """One thing that happened to a page; the answer to "why me?". Append-only, written by ``oncall.paging``."""

    class Kind(models.TextChoices):
        OPENED = "opened"
        PAGED = "paged", "Somebody is paged"
        ALREADY_PAGED = "already_paged", "Not paged again"
        FALLBACK = "fallback", "Reached another way"
        UNREACHABLE = "unreachable", "No way to reach somebody"
        UNDELIVERED = "undelivered", "A message did not arrive"
        QUIET = "quiet", "Held by quiet hours"
        SKIPPED = "skipped", "A step is passed outside its hours"
        HELD = "held", "The next step waits"
        RELEASED = "released", "The wait is over"
        WEBHOOK = "webhook", "A program is told"
        NOBODY = "nobody", "A step reaches nobody"
        REPEATED = "repeated", "The steps begin again"
        FAILED = "failed", "A step could not be worked"
        EXHAUSTED = "exhausted", "Nobody is left to page"
        ACKNOWLEDGED = "acknowledged"
        ALSO_ACKNOWLEDGED = "also_acknowledged", "Acknowledged by one more"
        ANSWERED = "answered", "Acknowledged by one of several who must"
        REMINDED = "reminded", "Asked whether it is still being worked on"
        CONFIRMED = "confirmed", "Still being worked on"
        UNACKNOWLEDGED = "unacknowledged", "The acknowledgement ran out"
        GIVEN_BACK = "given_back", "The acknowledgement was taken back"
        ESCALATED = "escalated", "Escalated by hand"
        SNOOZED = "snoozed"
        WOKE = "woke", "The snooze ended"
        RESTARTED = "restarted", "Begun again with the current policy"
        MOVED = "moved", "It follows another policy from here"
        LOUDER = "louder", "The urgency was raised"
        QUIETER = "quieter", "The urgency was lowered"
        MERGED = "merged", "It belongs to another incident from here"
        RESOLVED = "resolved"

    page = models.ForeignKey(Page, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=30, choices=Kind)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    text = models.CharField(max_length=500)
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["page", "id"]


class Notified(models.Model):
    """A person whom a page reached in one cycle and pass: held once by the database, so paged once.

    ``must_acknowledge``: the step asks everyone, so that no other's answer stands for hers.
    """

    page = models.ForeignKey(Page, models.CASCADE, related_name="notified")
    user = models.ForeignKey(User, models.CASCADE, related_name="notified")
    cycle = models.PositiveIntegerField()
    loop = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    at = models.DateTimeField()
    why = models.CharField(max_length=300)
    must_acknowledge = models.BooleanField(default=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["page", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["page", "user", "cycle", "loop"], name="person_is_paged_once_in_a_pass"
            )
        ]


class AnswerToken(models.Model):
    """The right to answer one page from a message, once; stored as a hash, shown only in the message."""

    page = models.ForeignKey(Page, models.CASCADE, related_name="answer_tokens")
    user = models.ForeignKey(User, models.CASCADE, related_name="answer_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_for = models.CharField(max_length=12, blank=True)
