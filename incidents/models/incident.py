"""The incident itself: its state, its milestones, and whom it hurts."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from incidents.metrics.durations import Durations, Milestones, durations
from incidents.models.policy import Severity
from oncall.models import Service, Urgency, User


class State(models.TextChoices):
    """The states of design.md section 3, in the order of an incident's life."""

    DETECTED = "detected", "Detected"
    DECLARED = "declared", "Declared"
    CLASSIFIED = "classified", "Classified"
    TROUBLESHOOTING = "troubleshooting", "Troubleshooting"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"
    IN_REVIEW = "in_review", "In review"
    FOLLOWING_UP = "following_up", "Following up"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"
    MERGED = "merged", "Merged"


OPEN_STATES = [
    State.DETECTED,
    State.DECLARED,
    State.CLASSIFIED,
    State.TROUBLESHOOTING,
    State.MITIGATED,
]


class IncidentQuerySet(models.QuerySet):
    def open(self) -> "IncidentQuerySet":
        """Incidents that still need somebody to respond."""
        return self.filter(state__in=OPEN_STATES)

    def visible_to(self, user: User) -> "IncidentQuerySet":
        """What this person may see: everything but private incidents she has no part in.

        Every way to an incident goes through here: admin, API, search, autocomplete, history, exports,
        dashboards and mail.
        """
        if not user.is_active:
            return self.none()
        if user.has_perm("incidents.view_private_incident"):
            return self
        return self.filter(
            Q(private=False)
            | Q(reporter=user)
            | Q(pk__in=user.incident_roles.values("incident"))
            | Q(pk__in=user.engagements.values("incident"))
            | Q(pk__in=user.notified.values("page__engagement__incident"))
        )

    def update_overdue(self, now: datetime) -> "IncidentQuerySet":
        """Open incidents whose promised update is late."""
        return self.open().filter(update_due_at__lte=now)


class Incident(models.Model):
    """An unplanned disturbance that hurts somebody and needs an organised response.

    ``state`` and the milestones are written by ``incidents.lifecycle`` only. ``version`` grows with every change
    that a form could overwrite: a form that shows an older one has lost. Notes, tasks, roles and page events
    leave it alone. A milestone that did not happen is null, never zero and never "now".
    """

    class Audience(models.TextChoices):
        EXTERNAL = "external", "Customers"
        INTERNAL = "internal", "Staff"

    class Detection(models.TextChoices):
        MONITORING = "monitoring", "Monitoring"
        SUPPORT = "support", "Customer support"
        SOCIAL = "social", "Social media"
        EMPLOYEE = "employee", "An employee"
        PARTNER = "partner", "A partner or vendor"

    class Cause(models.TextChoices):
        CHANGE = "change", "A change of ours"
        CAPACITY = "capacity", "Capacity"
        DEPENDENCY = "dependency", "A dependency or vendor"
        HARDWARE = "hardware", "Hardware or network"
        DEFECT = "defect", "A latent defect"
        CONFIGURATION = "configuration", "Configuration"
        SECURITY = "security", "Security"
        HUMAN = "process", "A process that misled somebody"
        UNKNOWN = "unknown", "Not found"

    class Kind(models.TextChoices):
        REAL = "real", "Real"
        DRILL = "drill", "Drill"

    title = models.CharField(max_length=300)
    summary = models.TextField(blank=True, help_text="The single sentence that says how things stand now.")
    summary_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    summary_at = models.DateTimeField(null=True, blank=True)
    description = models.TextField(blank=True)
    state = models.CharField(max_length=15, choices=State, default=State.DETECTED, editable=False)
    identified = models.BooleanField(default=False, editable=False, help_text="The cause is known.")
    severity = models.ForeignKey(
        Severity, models.PROTECT, null=True, blank=True, related_name="incidents", editable=False
    )
    urgency = models.CharField(
        max_length=4,
        choices=Urgency,
        default=Urgency.HIGH,
        editable=False,
        help_text="How loudly to page until a severity is confirmed.",
    )
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.EXTERNAL)
    private = models.BooleanField(default=False, editable=False)
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.REAL)
    hurt = models.CharField(
        max_length=200, blank=True, help_text="Who is hurt and how many: 38 % of EU customers."
    )
    users_share = models.DecimalField(
        max_digits=4, decimal_places=3, null=True, blank=True, help_text="Share of users hurt, from 0 to 1."
    )
    regions_lost = models.PositiveSmallIntegerField(
        default=0, help_text="Regions in which an important workflow is lost as a whole."
    )
    brand_at_stake = models.BooleanField(default=False, help_text="Revenue or the brand is at stake.")
    detection_method = models.CharField(max_length=12, choices=Detection, default=Detection.MONITORING)
    proactive = models.BooleanField(default=False, help_text="Found before anybody was hurt.")
    root_cause_type = models.CharField(max_length=14, choices=Cause, blank=True)
    root_cause_service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="+")
    mitigation = models.TextField(blank=True, help_text="What ended the harm.")
    resolution = models.TextField(blank=True, help_text="What fixed the cause.")
    reporter = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="reported")
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged")
    channel_name = models.CharField(max_length=100, blank=True)
    channel_url = models.URLField(max_length=500, blank=True)
    bridge_url = models.URLField(max_length=500, blank=True)
    tags = models.JSONField(default=list, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)

    impact_started_at = models.DateTimeField(null=True, blank=True)
    detected_at = models.DateTimeField(null=True, blank=True)
    declared_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    classified_at = models.DateTimeField(null=True, blank=True, editable=False)
    troubleshooting_at = models.DateTimeField(null=True, blank=True, editable=False)
    identified_at = models.DateTimeField(null=True, blank=True, editable=False)
    first_update_at = models.DateTimeField(null=True, blank=True, editable=False)
    mitigated_at = models.DateTimeField(null=True, blank=True)
    mitigation_inferred = models.BooleanField(default=False, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    review_started_at = models.DateTimeField(null=True, blank=True, editable=False)
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Cancelled or merged at."
    )
    reopen_count = models.PositiveIntegerField(default=0, editable=False)
    update_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    update_reminded_at = models.DateTimeField(null=True, blank=True, editable=False)
    open_actions = models.PositiveIntegerField(
        default=0, editable=False, help_text="Essential actions not done, kept by the post-mortems floor."
    )
    version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(editable=False)

    services = models.ManyToManyField(Service, through="AffectedService", related_name="incidents")

    objects = IncidentQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["version", "update_reminded_at"])

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("respond_incident", "Can respond: acknowledge, note, mitigate, page"),
            ("manage_incident", "Can manage: declare, classify, resolve, merge, cancel, reopen"),
            ("communicate_incident", "Can send updates"),
            ("review_incident", "Can start, approve and skip reviews"),
            ("view_private_incident", "Can see private incidents without a part in them"),
            ("export_incident", "Can export"),
        ]
        constraints = [
            models.CheckConstraint(
                name="incident_merged_knows_where",
                condition=(
                    Q(state="merged", merged_into__isnull=False)
                    | (~Q(state="merged") & Q(merged_into__isnull=True))
                ),
            ),
            models.CheckConstraint(
                name="incident_resolved_has_a_time",
                condition=~Q(state__in=["resolved", "in_review", "following_up", "closed"])
                | Q(resolved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="incident_past_classification_has_a_severity",
                condition=Q(state__in=["detected", "declared", "cancelled", "merged"])
                | Q(severity__isnull=False),
            ),
            models.CheckConstraint(
                name="incident_users_share_is_a_part",
                condition=Q(users_share__isnull=True) | Q(users_share__gte=0, users_share__lte=1),
            ),
            models.CheckConstraint(
                name="incident_is_resolved_after_it_started",
                condition=Q(resolved_at__isnull=True)
                | Q(impact_started_at__isnull=True)
                | Q(resolved_at__gte=F("impact_started_at")),
            ),
            models.CheckConstraint(
                name="incident_is_mitigated_before_it_is_resolved",
                condition=Q(resolved_at__isnull=True)
                | Q(mitigated_at__isnull=True)
                | Q(resolved_at__gte=F("mitigated_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="incident_by_state"),
            models.Index(fields=["impact_started_at"], name="incident_by_impact"),
            models.Index(
                fields=["update_due_at"], condition=Q(update_due_at__isnull=False), name="incident_update_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.title}"

    @property
    def key(self) -> str:
        """The name that people say: INC-47. Never used twice."""
        return f"INC-{self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to respond."""
        return self.state in OPEN_STATES

    @property
    def milestones(self) -> Milestones:
        """Its instants, as the metrics measure them."""
        return Milestones(
            started=self.impact_started_at,
            detected=self.detected_at,
            declared=self.declared_at,
            acknowledged=self.acknowledged_at,
            classified=self.classified_at,
            first_public_update=self.first_update_at,
            mitigated=None if self.mitigation_inferred else self.mitigated_at,
            resolved=self.resolved_at,
            closed=self.closed_at,
            proactive=self.proactive,
        )

    @property
    def durations(self) -> Durations:
        """TTD, TTA, TTM, TTR and the others, in seconds; None where an end is missing."""
        return durations(self.milestones)


class AffectedService(models.Model):
    """A service's part in an incident: it owns the cause or feels the effect; its on-call gives the all-clear."""

    class Kind(models.TextChoices):
        OWNING = "owning", "Owns the cause"
        IMPACTED = "impacted", "Impacted"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="affected_services")
    service = models.ForeignKey(Service, models.PROTECT, related_name="affected_by")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.IMPACTED)
    all_clear_at = models.DateTimeField(null=True, blank=True)
    all_clear_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    history = HistoricalRecords()

    class Meta:
        ordering = ["incident", "id"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "service"], name="service_is_affected_once")
        ]

    def __str__(self) -> str:
        return f"{self.service} ({self.get_kind_display().lower()})"


class Impact(models.Model):
    """A service hurt for a while: the only source of downtime. ``end`` null: still going on."""

    class Level(models.TextChoices):
        FULL = "full", "Full outage"
        PARTIAL = "partial", "Partial outage"
        DEGRADED = "degraded", "Degraded"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="impacts")
    service = models.ForeignKey(Service, models.PROTECT, related_name="impacts")
    start = models.DateTimeField()
    end = models.DateTimeField(null=True, blank=True)
    level = models.CharField(max_length=8, choices=Level, default=Level.PARTIAL)
    share = models.DecimalField(
        max_digits=4, decimal_places=3, null=True, blank=True, help_text="Share of users hurt, from 0 to 1."
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["incident", "start"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end__isnull=True) | Q(end__gte=F("start")), name="impact_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(share__isnull=True) | Q(share__gte=0, share__lte=1), name="impact_share_is_a_part"
            ),
        ]
        indexes = [models.Index(fields=["service", "start"], name="impact_by_service")]
