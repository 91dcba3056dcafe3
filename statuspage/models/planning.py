"""What is written ahead of its time: posts to be published later, templates, and rules of maintenance."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from incidents.models import Incident
from oncall.models import User
from statuspage import wording
from statuspage.models.page import Component, ComponentStatus, StatusPage, main_page, new_public_id
from statuspage.models.posts import HOUR, Impact, Post

LONGEST = timedelta(days=60)


class PlannedPostQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "PlannedPostQuerySet":
        """Those whose time has come."""
        return self.filter(due_at__lte=now)

    def refused(self) -> "PlannedPostQuerySet":
        """Those that could not be published and wait for a person."""
        return self.filter(state=PlannedPost.State.REFUSED)


class PlannedPost(models.Model):
    """A post, or with ``post`` an update of one, that is published at its time. Nothing of it is public before.

    Changed only by ``planning``. ``components`` is ``{public id: status}``; ``seen`` the newest update that its
    writer knew of; ``due_at`` is empty once it was published, cancelled or refused.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        PUBLISHED = "published", "Published"
        CANCELLED = "cancelled", "Cancelled"
        REFUSED = "refused", "Could not be published"

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="planned_posts", default=main_page)
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    post = models.ForeignKey(Post, models.CASCADE, null=True, blank=True, related_name="planned_updates")
    name = models.CharField("title", max_length=200, blank=True)
    status = models.CharField(max_length=13, choices=Post.Status)
    body = models.TextField("text")
    components = models.JSONField(default=dict, blank=True)
    notify = models.BooleanField("notify subscribers", default=True)
    impact_override = models.CharField(max_length=11, choices=Impact, blank=True)
    started_at = models.DateTimeField("since", null=True, blank=True)
    next_update_in = models.DurationField("next update after", null=True, blank=True)
    incident = models.ForeignKey(Incident, models.SET_NULL, null=True, blank=True, related_name="+")
    seen = models.CharField(max_length=12, blank=True)
    publish_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, editable=False)
    state = models.CharField(max_length=9, choices=State, default=State.PLANNED, editable=False)
    refusal = models.CharField("why not", max_length=500, blank=True, editable=False)
    told = models.ForeignKey(Post, models.SET_NULL, null=True, related_name="+", editable=False)
    by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", editable=False, verbose_name="written by"
    )
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    objects = PlannedPostQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["incident", "due_at"])

    class Meta:
        ordering = ["-publish_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="planned_post_is_due_exactly_while_planned",
                condition=Q(state="planned", due_at__isnull=False)
                | (~Q(state="planned") & Q(due_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="planned_post_has_a_title_or_is_an_update",
                condition=~Q(name="") | Q(post__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="planned_post_due"),
        ]

    def __str__(self) -> str:
        return self.name or f"Update of {self.post}"


class Template(models.Model):
    """Words to begin a post, an update or a maintenance with; ``{{name}}`` is filled in when it is used.

    ``components`` are proposed with ``component_status``. Nothing in it is a program (``wording``).
    """

    class Kind(models.TextChoices):
        INCIDENT = "incident", "Incident"
        MAINTENANCE = "maintenance", "Maintenance"

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="templates", default=main_page)
    slug = models.SlugField(max_length=100)
    name = models.CharField(max_length=200, help_text="What the team calls it.")
    kind = models.CharField("for", max_length=11, choices=Kind, default=Kind.INCIDENT)
    title = models.CharField(
        max_length=200, blank=True, help_text="Of a new post; an update keeps the title it has."
    )
    body = models.TextField("text", max_length=20_000, help_text=wording.HELP)
    status = models.CharField(
        max_length=13, choices=Post.Status, blank=True, help_text="Empty: what it is at the time."
    )
    components = models.ManyToManyField(
        Component, related_name="templates", blank=True, limit_choices_to={"is_group": False}
    )
    component_status = models.CharField(
        "their status", max_length=20, choices=ComponentStatus, default=ComponentStatus.DEGRADED
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords(m2m_fields=[components])

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["page", "slug"], name="template_slug_is_used_once_on_a_page")
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A status of its kind, and no braces that nothing would ever fill in."""
        super().clean()
        of_kind = Post.OF_INCIDENT if self.kind == self.Kind.INCIDENT else Post.OF_MAINTENANCE
        if self.status and self.status not in of_kind:
            raise ValidationError({"status": f"That is no status of {self.get_kind_display().lower()}s."})
        for field in ("title", "body"):
            if odd := wording.odd(getattr(self, field)):
                raise ValidationError(
                    {field: f"“{odd}” is no variable: write a plain name, as in {{{{eta}}}}."}
                )

    @property
    def variables(self) -> list[str]:
        """The names that whoever uses it is asked for."""
        return wording.asked(f"{self.title}\n{self.body}")


class MaintenanceRuleQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "MaintenanceRuleQuerySet":
        """Rules that have to plan their next maintenance by now."""
        return self.filter(next_at__lte=now)


class MaintenanceRule(models.Model):
    """Maintenance that comes again: at a wall clock time of the page's zone, every so many weeks or months.

    Changed only by ``recurring``. It plans each occurrence ``ahead_days`` before it begins; ``made_until`` is the
    last local day that it has planned, ``next_at`` when it has to look again.
    """

    class Unit(models.TextChoices):
        WEEK = "week", "Weeks"
        MONTH = "month", "Months"

    class MonthBy(models.TextChoices):
        DATE = "date", "On the same date"
        WEEKDAY = "weekday", "On the same weekday, as the second Tuesday"
        LAST_WEEKDAY = "last_weekday", "On the last such weekday"

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="maintenance_rules", default=main_page)
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    name = models.CharField("title", max_length=200)
    body = models.TextField("text", help_text="Markdown. Everybody can read it.")
    components = models.ManyToManyField(
        Component, related_name="maintenance_rules", blank=True, limit_choices_to={"is_group": False}
    )
    unit = models.CharField("every", max_length=5, choices=Unit, default=Unit.WEEK)
    interval = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(52)],
        help_text="1: every week or month, 2: every other one.",
    )
    weekdays = models.JSONField(
        default=list, blank=True, help_text='Of weeks, as in ["TU", "TH"]; empty: the weekday of the first.'
    )
    month_by = models.CharField("in months", max_length=12, choices=MonthBy, default=MonthBy.DATE)
    begins_on = models.DateField("first on", help_text="In the page's zone.")
    begins_at = models.TimeField("at", help_text="What the clock of the page's zone shows.")
    duration = models.DurationField()
    until = models.DateField(
        "last day", null=True, blank=True, help_text="The last day on which one may begin."
    )
    count = models.PositiveSmallIntegerField(
        "times",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many there are in all.",
    )
    ahead_days = models.PositiveSmallIntegerField(
        "announced days ahead", default=14, validators=[MinValueValidator(1), MaxValueValidator(366)]
    )
    notify = models.BooleanField("mail when announced", default=False)
    auto_start = models.BooleanField("the clock begins it", default=True)
    auto_complete = models.BooleanField("the clock ends it", default=True)
    notify_at_start = models.BooleanField("mail when it begins", default=True)
    notify_at_end = models.BooleanField("mail when it ends", default=True)
    remind_before = models.DurationField("reminder before", null=True, blank=True, default=HOUR)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    made_until = models.DateField(null=True, editable=False)
    next_at = models.DateTimeField(null=True, editable=False)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    objects = MaintenanceRuleQuerySet.as_manager()
    history = HistoricalRecords(m2m_fields=[components], excluded_fields=["next_at", "made_until"])

    class Meta:
        ordering = ["name", "id"]
        verbose_name = "recurring maintenance"
        verbose_name_plural = "recurring maintenance"
        constraints = [
            models.CheckConstraint(
                name="maintenance_rule_comes_again", condition=Q(interval__gte=1, ahead_days__gte=1)
            ),
            models.CheckConstraint(
                name="maintenance_rule_ended_plans_nothing",
                condition=Q(ended_at__isnull=True) | Q(next_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="maintenance_rule_due"),
        ]

    def __str__(self) -> str:
        return self.name
