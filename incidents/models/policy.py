"""How much each severity asks of the people who respond. Rows, so that every team can have its own."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from oncall.models import EscalationPolicy, Urgency


class Severity(models.Model):
    """A level of severity and what it requires. Shipped: Major, Medium, Minor (field/incidents.md section 4)."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=40)
    rank = models.PositiveSmallIntegerField(unique=True, help_text="1 is the worst.")
    description = models.TextField(help_text="Shown beside the choice when an incident is classified.")
    urgency = models.CharField(max_length=4, choices=Urgency, default=Urgency.HIGH)
    policy = models.ForeignKey(
        EscalationPolicy,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="severities",
        help_text="Pages in place of the service's own policy. Empty: that pages.",
    )
    ack_timeout = models.DurationField(
        null=True,
        blank=True,
        help_text="After this long, whoever acknowledged is asked to say so again. Empty: as the policy says.",
    )
    first_update_after = models.DurationField(default=timedelta(minutes=20))
    update_every = models.DurationField(default=timedelta(minutes=45))
    required_roles = models.JSONField(default=list, blank=True)
    all_clear_required = models.BooleanField(default=True)
    review_required = models.BooleanField(default=True)
    review_within = models.DurationField(default=timedelta(days=5))
    action_due_within = models.DurationField(
        default=timedelta(days=14), help_text="For actions of the highest priority."
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["rank"]
        verbose_name_plural = "severities"
        constraints = [
            models.CheckConstraint(
                condition=Q(ack_timeout__isnull=True) | Q(ack_timeout__gt=timedelta(0)),
                name="severity_ack_timeout_is_a_time",
            )
        ]

    def __str__(self) -> str:
        return self.name
