"""What is learnt: the post-mortem of an incident, its sections, its approvals, and what shall change."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from incidents.models import Incident
from oncall.models import User


class PostMortemQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "PostMortemQuerySet":
        """Those of the incidents that this person may see."""
        return self.filter(incident__in=Incident.objects.visible_to(user))


class PostMortem(models.Model):
    """The written review of one incident. Changed by ``postmortems.drafting`` and ``postmortems.review``.

    ``facts`` is Markdown made from the incident (milestones, impact, timeline) and can be made anew at any time;
    what people write stands in the sections and is never touched by that.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_REVIEW = "in_review", "In review"
        APPROVED = "approved", "Approved"
        PUBLISHED = "published", "Published"

    incident = models.OneToOneField(Incident, models.PROTECT, related_name="postmortem")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    lead = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="led_postmortems")
    facts = models.TextField(blank=True, editable=False)
    facts_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When it should be approved.")
    meeting_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    reminded_at = models.DateTimeField(null=True, editable=False)

    objects = PostMortemQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["facts", "facts_at", "reminded_at"])

    class Meta:
        ordering = ["-id"]
        verbose_name = "post-mortem"
        permissions = [("approve_postmortem", "Can approve and publish post-mortems")]
        constraints = [
            models.CheckConstraint(
                name="postmortem_published_was_approved",
                condition=~Q(state__in=["approved", "published"]) | Q(approved_at__isnull=False),
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(state__in=["draft", "in_review"]), name="postmortem_due"
            )
        ]

    def __str__(self) -> str:
        return f"Post-mortem of {self.incident.key}"


class Section(models.Model):
    """One part of a post-mortem, written by people in Markdown."""

    class Kind(models.TextChoices):
        SUMMARY = "summary", "In short"
        IMPACT = "impact", "Who was hurt, and how"
        CAUSES = "causes", "Contributing factors"
        WHYS = "whys", "Five whys"
        DETECTION = "detection", "How we found out"
        RESPONSE = "response", "How we responded"
        WENT_WELL = "went_well", "What went well"
        WENT_BADLY = "went_badly", "What went badly"
        LUCKY = "lucky", "Where we were lucky"

    #: What belongs into each, for whoever sits before an empty one.
    HINTS: ClassVar[dict[str, str]] = {
        Kind.SUMMARY: "Three sentences for somebody who was not there: what broke, who was hurt for how long, "
        "what ended it.",
        Kind.IMPACT: "Who could not do what, how many, for how long. Numbers, and where they come from.",
        Kind.CAUSES: "Everything that had to be true for this to happen, one per line: code, set-up, load, "
        "habits, things that were missing. It is seldom one.",
        Kind.WHYS: "Begin with what users saw; ask why until the answer is something that we can change.",
        Kind.DETECTION: "What told us first, how long after the impact began, and what could have told us sooner?",
        Kind.RESPONSE: "Who did what, which turns led nowhere, what ended it, what made it slow.",
        Kind.WENT_WELL: "What helped, and should stay as it is.",
        Kind.WENT_BADLY: "What hindered: missing access, a misleading alarm, unclear roles. Not people.",
        Kind.LUCKY: "What could have made it worse, and only by chance did not.",
    }

    postmortem = models.ForeignKey(PostMortem, models.CASCADE, related_name="sections")
    kind = models.CharField(max_length=10, choices=Kind)
    position = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True, help_text="Markdown.")

    history = HistoricalRecords()

    class Meta:
        ordering = ["postmortem", "position"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "kind"], name="postmortem_has_each_section_once")
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def hint(self) -> str:
        """What belongs here."""
        return self.HINTS.get(self.kind, "")


class Approval(models.Model):
    """Somebody other than the lead read it and agrees."""

    postmortem = models.ForeignKey(PostMortem, models.CASCADE, related_name="approvals")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["postmortem", "id"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "user"], name="postmortem_is_approved_once_by_each")
        ]


class ActionItemQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "ActionItemQuerySet":
        """Those of the incidents that this person may see, and her own."""
        return self.filter(Q(postmortem__in=PostMortem.objects.visible_to(user)) | Q(owner=user))

    def open(self) -> "ActionItemQuerySet":
        return self.filter(state=ActionItem.State.OPEN)

    def due(self, now: datetime) -> "ActionItemQuerySet":
        """Open ones whose owner must be reminded by now."""
        return self.open().filter(remind_at__lte=now).order_by("remind_at")


class ActionItem(models.Model):
    """Something that shall change because of an incident, owned by one person, due on a day.

    ``remind_at`` is when its owner is reminded next; null once done or waived. Changed by ``postmortems.actions``.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        WAIVED = "waived", "Waived"

    class Priority(models.TextChoices):
        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"

    postmortem = models.ForeignKey(PostMortem, models.PROTECT, related_name="actions")
    title = models.CharField(max_length=300)
    details = models.TextField(blank=True, help_text="Markdown.")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="actions")
    priority = models.CharField(max_length=6, choices=Priority, blank=True)
    essential = models.BooleanField(
        default=True, help_text="The incident stays open until it is done or waived."
    )
    due_on = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN, editable=False)
    remind_at = models.DateTimeField(null=True, editable=False)
    reminders = models.PositiveIntegerField(default=0, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_by = models.ForeignKey(User, models.SET_NULL, null=True, editable=False, related_name="+")
    waived_because = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    objects = ActionItemQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["remind_at", "reminders"])

    class Meta:
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(
                name="action_waived_says_why", condition=~Q(state="waived") | ~Q(waived_because="")
            ),
            models.CheckConstraint(
                name="action_ended_reminds_nobody",
                condition=Q(state="open") | Q(remind_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["remind_at"], condition=Q(remind_at__isnull=False), name="action_reminder_due"
            ),
            models.Index(fields=["owner", "state"], name="action_by_owner"),
        ]

    def __str__(self) -> str:
        return self.title
