"""What the public is told: posts, their updates, and the stretches in which components were not well."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from incidents.models import Incident
from oncall.messaging.models import Message
from oncall.models import User
from statuspage.models.page import (
    Component,
    ComponentStatus,
    Public,
    StatusPage,
    main_page,
    new_public_id,
)

HOUR = timedelta(hours=1)


class Impact(models.TextChoices):
    NONE = "none", "No effect on service"
    MINOR = "minor", "Minor"
    MAJOR = "major", "Major"
    CRITICAL = "critical", "Critical"
    MAINTENANCE = "maintenance", "Maintenance"


class PostQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "PostQuerySet":
        """Maintenances whose start or end has come."""
        return self.filter(next_edge_at__lte=now)

    def to_remind(self, now: datetime) -> "PostQuerySet":
        """Maintenances of which subscribers are reminded by now."""
        return self.filter(remind_at__lte=now)

    def quiet(self, now: datetime) -> "PostQuerySet":
        """Open incidents of which nothing has been heard for too long."""
        return self.filter(watch_at__lte=now)

    def open_incidents(self) -> "PostQuerySet":
        """Open incidents, with their pages, oldest word first."""
        told = self.filter(kind=Post.Kind.INCIDENT).open()
        return told.select_related("page", "incident").order_by("updated_at")

    def open(self) -> "PostQuerySet":
        """Not over yet, planned maintenance included."""
        return self.exclude(status__in=Post.CLOSED)


class Post(Public):
    """An incident or a maintenance as the public reads it. Whatever stands here is public.

    Changed only by ``publishing`` and ``maintenance``. ``incident`` points at the internal incident it
    tells about and is never shown. ``next_edge_at`` is when the clock starts or ends a maintenance, ``remind_at``
    when subscribers are reminded of it, ``watch_at`` when the writers of an open incident are reminded that
    nothing was said for long. ``rule`` and ``occurrence`` (a local day) are of a maintenance that a rule has
    planned; once somebody has changed it by itself it is ``touched``, and the rule lets it be.
    """

    class Kind(models.TextChoices):
        INCIDENT = "incident"
        MAINTENANCE = "maintenance"

    class Status(models.TextChoices):
        INVESTIGATING = "investigating", "Investigating"
        IDENTIFIED = "identified", "Identified"
        MONITORING = "monitoring", "Monitoring"
        RESOLVED = "resolved", "Resolved"
        POSTMORTEM = "postmortem", "Post-mortem"
        SCHEDULED = "scheduled", "Scheduled"
        IN_PROGRESS = "in_progress", "In progress"
        VERIFYING = "verifying", "Verifying"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"

    OF_INCIDENT = ("investigating", "identified", "monitoring", "resolved", "postmortem")
    OF_MAINTENANCE = ("scheduled", "in_progress", "verifying", "completed", "cancelled")
    CLOSED = ("resolved", "postmortem", "completed", "cancelled")

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="posts", default=main_page)
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=11, choices=Kind, default=Kind.INCIDENT)
    name = models.CharField("title", max_length=200)
    status = models.CharField(max_length=13, choices=Status)
    impact = models.CharField(max_length=11, choices=Impact, default=Impact.NONE)
    impact_override = models.CharField(
        max_length=11, choices=Impact, blank=True, help_text="Shown instead of what the components amount to."
    )
    components = models.ManyToManyField(Component, related_name="posts", blank=True)
    incident = models.ForeignKey(
        Incident, models.SET_NULL, null=True, blank=True, related_name="posts", help_text="Never shown."
    )
    started_at = models.DateTimeField()
    monitoring_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    next_update_at = models.DateTimeField(null=True, blank=True, help_text="Promised to readers.")
    backfilled = models.BooleanField(default=False, help_text="Told after the fact; nobody was mailed.")
    scheduled_for = models.DateTimeField(null=True, blank=True)
    scheduled_until = models.DateTimeField(null=True, blank=True)
    auto_start = models.BooleanField(default=True, help_text="The clock starts it.")
    auto_complete = models.BooleanField(default=True, help_text="The clock ends it.")
    notify_at_start = models.BooleanField(default=True)
    notify_at_end = models.BooleanField(default=True)
    remind_before = models.DurationField(
        null=True,
        blank=True,
        default=HOUR,
        help_text="Subscribers are reminded so long before; empty: never.",
    )
    reminded_at = models.DateTimeField(null=True, blank=True, editable=False)
    rule = models.ForeignKey(
        "MaintenanceRule",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="occurrences",
        editable=False,
        help_text="That planned it.",
    )
    occurrence = models.DateField(null=True, blank=True, editable=False)
    touched = models.BooleanField(default=False, editable=False)
    next_edge_at = models.DateTimeField(null=True, blank=True, editable=False)
    remind_at = models.DateTimeField(null=True, blank=True, editable=False)
    watch_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    objects = PostQuerySet.as_manager()
    # Without the incident: it never changes, and its title is not for everybody who may read this history.
    history = HistoricalRecords(
        m2m_fields=[components], excluded_fields=["incident", "remind_at", "watch_at"]
    )

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="post_status_is_of_its_kind",
                condition=Q(
                    kind="incident",
                    status__in=["investigating", "identified", "monitoring", "resolved", "postmortem"],
                )
                | Q(
                    kind="maintenance",
                    status__in=["scheduled", "in_progress", "verifying", "completed", "cancelled"],
                ),
            ),
            models.CheckConstraint(
                name="maintenance_has_a_window",
                condition=Q(kind="incident")
                | Q(scheduled_for__isnull=False, scheduled_until__gt=F("scheduled_for")),
            ),
            models.CheckConstraint(
                name="post_is_closed_exactly_when_it_has_an_end",
                condition=Q(
                    status__in=["resolved", "postmortem", "completed", "cancelled"], resolved_at__isnull=False
                )
                | (
                    ~Q(status__in=["resolved", "postmortem", "completed", "cancelled"])
                    & Q(resolved_at__isnull=True)
                ),
            ),
            models.UniqueConstraint(
                fields=["rule", "occurrence"],
                condition=Q(rule__isnull=False),
                name="maintenance_rule_plans_each_day_once",
            ),
        ]
        indexes = [
            models.Index(fields=["page", "-started_at"], name="post_by_start"),
            models.Index(
                fields=["next_edge_at"], condition=Q(next_edge_at__isnull=False), name="post_edge_due"
            ),
            models.Index(
                fields=["remind_at"], condition=Q(remind_at__isnull=False), name="post_reminder_due"
            ),
            models.Index(fields=["watch_at"], condition=Q(watch_at__isnull=False), name="post_quiet_due"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.status not in self.CLOSED

    @property
    def shown_impact(self) -> str:
        """What the public sees: the override, else what the components amounted to."""
        return self.impact_override or self.impact

    @property
    def topic(self) -> str:
        """The outbox's name for everything mailed about this post."""
        return f"post:{self.public_id}"


class Maintenance(Post):
    """A post of the kind maintenance, with a list of its own in the console; rights are those of posts."""

    class Meta:
        proxy = True
        verbose_name = "planned maintenance"
        verbose_name_plural = "planned maintenance"
        default_permissions = ()


class PostUpdateQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "PostUpdateQuerySet":
        """Updates that subscribers still have to be told."""
        return self.filter(fan_out_at__lte=now)


class ShownUpdates(models.Manager.from_queryset(PostUpdateQuerySet)):
    """The updates that stand on the page: without reminders, which are only mailed."""

    def get_queryset(self) -> PostUpdateQuerySet:
        return super().get_queryset().filter(is_reminder=False)


class PostUpdate(Public):
    """One message to the public.

    ``affected`` keeps what it changed, ``[{"code","name","old_status","new_status"}]``. While
    ``fan_out_at`` is set, subscribers after ``fan_out_cursor`` have not been put into the outbox yet. A reminder
    is mailed and stands nowhere on the page: ``objects``, and so ``post.updates``, leave it out; whoever mails
    asks ``mailings``.
    """

    post = models.ForeignKey(Post, models.CASCADE, related_name="updates")
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    status = models.CharField(max_length=13, choices=Post.Status)
    body = models.TextField(help_text="Markdown. Everybody can read it.")
    display_at = models.DateTimeField(help_text="The time shown.")
    affected = models.JSONField(default=list, blank=True, editable=False)
    deliver_notifications = models.BooleanField("notify subscribers", default=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    message = models.ForeignKey(
        Message, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    fan_out_at = models.DateTimeField(null=True, blank=True, editable=False)
    fan_out_cursor = models.BigIntegerField(default=0, editable=False)
    mailed_count = models.PositiveIntegerField(default=0, editable=False)
    is_reminder = models.BooleanField(default=False, editable=False)

    objects = ShownUpdates()
    mailings = PostUpdateQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["message", "fan_out_at", "fan_out_cursor", "mailed_count"])

    class Meta:
        ordering = ["-display_at", "-id"]
        indexes = [
            models.Index(
                fields=["fan_out_at"], condition=Q(fan_out_at__isnull=False), name="update_fan_out_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()}: {self.post}"

    @property
    def shown_on(self) -> int:
        return self.post.page_id


class ComponentImpact(Public):
    """A component in one bad status for a while: the only source of derived status and of uptime.

    ``post`` null: somebody set the component's baseline by hand. ``end`` null: still so.
    """

    component = models.ForeignKey(Component, models.CASCADE, related_name="impacts")
    post = models.ForeignKey(Post, models.CASCADE, null=True, blank=True, related_name="impacts")
    status = models.CharField(max_length=20, choices=ComponentStatus)
    start = models.DateTimeField()
    end = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["start", "id"]
        constraints = [
            models.CheckConstraint(
                name="component_impact_ends_after_it_starts",
                condition=Q(end__isnull=True) | Q(end__gte=F("start")),
            ),
            models.CheckConstraint(
                name="component_impact_is_not_operational", condition=~Q(status="operational")
            ),
            models.UniqueConstraint(
                fields=["component", "post"],
                condition=Q(end__isnull=True, post__isnull=False),
                name="post_says_one_thing_of_a_component",
            ),
            models.UniqueConstraint(
                fields=["component"],
                condition=Q(end__isnull=True, post__isnull=True),
                name="component_has_one_baseline",
            ),
        ]
        indexes = [models.Index(fields=["component", "start"], name="component_impact_by_start")]

    def __str__(self) -> str:
        return f"{self.component}: {self.get_status_display()}"

    @property
    def shown_on(self) -> int:
        return self.component.page_id
