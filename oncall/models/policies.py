"""Whom to page, and whom next when nobody answers."""

from datetime import timedelta

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from oncall.models.directory import Team, User
from oncall.models.fields import TimeZoneField
from oncall.models.schedules import Schedule


class EscalationPolicy(models.Model):
    """Steps in order, gone through ``repeat`` more times when nobody answers.

    ``version`` grows with every change to any part of it. Pages under way follow the version they began with.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="policies")
    repeat = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(20)])
    ack_timeout = models.DurationField(
        null=True,
        blank=True,
        help_text="After this long, whoever acknowledged is asked whether she is still at work. Empty: never.",
    )
    ack_grace = models.DurationField(
        default=timedelta(minutes=5),
        help_text="She has this long to say so; then paging begins again, with her and whoever is on call.",
    )
    wait_for_duty = models.BooleanField(
        "low urgency waits for duty",
        default=False,
        help_text="At low urgency, a step whose schedules have nobody on call waits until somebody is.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "escalation policies"
        constraints = [
            models.CheckConstraint(condition=Q(repeat__lte=20), name="policy_repeats_at_most_twenty_times"),
            models.CheckConstraint(
                condition=Q(ack_timeout__isnull=True) | Q(ack_timeout__gt=timedelta(0)),
                name="policy_ack_timeout_is_a_time",
            ),
            models.CheckConstraint(
                condition=Q(ack_grace__gt=timedelta(0)), name="policy_ack_grace_is_a_time"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **options) -> None:
        """Whatever is saved again is a new version."""
        self.version += not self._state.adding
        super().save(*args, **options)


class Step(models.Model):
    """One step: wait ``after`` since the step before fired, then page its targets.

    ``hours`` are windows of the week as in a schedule's layer (contract.md section 4), empty for always.
    ``turns`` is the engine's: the number of each person's last turn in a round robin, by her id; who has the
    lowest, or none, is next (field/oncall.md rule 11).
    """

    class Outside(models.TextChoices):
        SKIP = "skip", "Skip the step"
        HOLD = "hold", "Wait until they begin"

    policy = models.ForeignKey(EscalationPolicy, models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    after = models.DurationField(default=timedelta)
    round_robin = models.BooleanField(default=False, help_text="One of its people, in turn, instead of all.")
    everyone = models.BooleanField(default=False, help_text="Each of its people must acknowledge.")
    hours = models.JSONField(default=list, blank=True)
    time_zone = TimeZoneField(help_text="The zone in which the hours are written.")
    outside_hours = models.CharField(max_length=4, choices=Outside, default=Outside.SKIP)
    turns = models.JSONField(default=dict, editable=False)

    history = HistoricalRecords(excluded_fields=["turns"])

    class Meta:
        ordering = ["policy", "position"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "position"], name="step_position_is_taken_once"),
            models.CheckConstraint(condition=Q(after__gte=timedelta(0)), name="step_waits_no_negative_time"),
            models.CheckConstraint(
                condition=~Q(round_robin=True, everyone=True), name="step_asks_one_in_turn_or_everyone"
            ),
        ]

    def __str__(self) -> str:
        return f"Step {self.position + 1}"


class StepTarget(models.Model):
    """One target of a step; exactly one of the four is set."""

    step = models.ForeignKey(Step, models.CASCADE, related_name="targets")
    user = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    schedule = models.ForeignKey(Schedule, models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+")
    webhook = models.URLField(max_length=1000, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["step", "id"]
        constraints = [
            models.CheckConstraint(
                name="step_target_is_one_thing",
                condition=(
                    Q(user__isnull=False, schedule__isnull=True, team__isnull=True, webhook="")
                    | Q(user__isnull=True, schedule__isnull=False, team__isnull=True, webhook="")
                    | Q(user__isnull=True, schedule__isnull=True, team__isnull=False, webhook="")
                    | (Q(user__isnull=True, schedule__isnull=True, team__isnull=True) & ~Q(webhook=""))
                ),
            )
        ]

    def __str__(self) -> str:
        return str(self.user or self.schedule or self.team or self.webhook)
