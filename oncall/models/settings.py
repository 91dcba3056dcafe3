"""The few choices that belong to the whole portal."""

from django.db import models
from simple_history.models import HistoricalRecords

from oncall.models.directory import User
from oncall.models.policies import EscalationPolicy


class PortalSettings(models.Model):
    """One row: who is paged when nobody else can be, and who manages incidents."""

    catch_all = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Paged when a policy and its team's admins reach nobody.",
    )
    incident_manager_policy = models.ForeignKey(
        EscalationPolicy, models.PROTECT, null=True, blank=True, related_name="+"
    )
    bridge_template = models.CharField(
        max_length=500,
        blank=True,
        help_text="A bridge's address; {{key}} and {{secret}} are filled in. "
        "Example: https://meet.example.com/{{key}}-{{secret}}",
    )
    channel_template = models.CharField(
        max_length=500,
        blank=True,
        help_text="A chat channel's address; {{name}} is filled in. Example: https://chat.example.com/{{name}}",
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = "portal settings"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="portal_settings_are_one_row")]

    def __str__(self) -> str:
        return "Portal settings"

    @classmethod
    def load(cls) -> "PortalSettings":
        """The one row, with what it refers to; unsaved defaults when there is none yet."""
        found = cls.objects.select_related("catch_all", "incident_manager_policy").filter(pk=1).first()
        return found or cls(pk=1)
