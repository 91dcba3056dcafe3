"""Who does what in an incident, who was called in, and what is left to do."""

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from incidents.models.incident import Incident
from oncall.models import Page, Service, Team, User


class Role(models.TextChoices):
    """The roles of the response."""

    MANAGER = "incident_manager", "Incident manager"
    COMMUNICATIONS = "communications_lead", "Communications lead"
    CUSTOMER = "customer_escalation_manager", "Customer escalation"
    EXECUTIVE = "executive", "Executive"
    SCRIBE = "scribe", "Scribe"


class RoleAssignment(models.Model):
    """A person in a role, from when until when. ``until`` null: she holds it now."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="roles")
    role = models.CharField(max_length=30, choices=Role)
    user = models.ForeignKey(User, models.PROTECT, related_name="incident_roles")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    assigned_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=500, blank=True, help_text="What the next one must know.")

    class Meta:
        ordering = ["incident", "since"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "role"], condition=Q(until__isnull=True), name="role_has_one_holder"
            )
        ]
        indexes = [models.Index(fields=["user"], condition=Q(until__isnull=True), name="role_held_now")]


class Engagement(models.Model):
    """Somebody was called in: which service, team or person, as what, by which page."""

    class Kind(models.TextChoices):
        OWNING = "owning", "Owning service"
        IMPACTED = "impacted", "Impacted service"
        MANAGER = "manager", "Incident manager"
        OTHER = "other", "Help"

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="engagements")
    kind = models.CharField(max_length=8, choices=Kind)
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+")
    user = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="engagements",
        help_text="Whom it was for, or who answered.",
    )
    page = models.OneToOneField(Page, models.SET_NULL, null=True, blank=True, related_name="engagement")
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["incident", "id"]


class Task(models.Model):
    """Something to be done while the incident is on; what outlives it becomes an action item."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=300)
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="incident_tasks")
    due_at = models.DateTimeField(null=True, blank=True)
    undoes_mitigation = models.BooleanField(
        default=False, help_text="Takes a temporary mitigation out again; to be done before it is resolved."
    )
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()

    history = HistoricalRecords()

    class Meta:
        ordering = ["incident", "id"]

    def __str__(self) -> str:
        return self.title
