"""Who there is: people, teams, and the services that teams own."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from oncall.models.fields import TimeZoneField


class User(AbstractUser):
    """A person: the account, the name, the zone whose clock hangs on her wall.

    From ``quiet_from`` to ``quiet_to`` on that clock, over midnight where the second is not after the first,
    messages of low urgency wait (``oncall.quiet``). Both or neither.
    """

    time_zone = TimeZoneField(help_text="Times are shown in this zone.")
    quiet_from = models.TimeField(null=True, blank=True, verbose_name="quiet from")
    quiet_to = models.TimeField(null=True, blank=True, verbose_name="quiet until")

    history = HistoricalRecords(excluded_fields=["password", "last_login"])

    class Meta(AbstractUser.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.CheckConstraint(
                name="person_has_both_ends_of_quiet_hours",
                condition=Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | (Q(quiet_from__isnull=False, quiet_to__isnull=False) & ~Q(quiet_from=models.F("quiet_to"))),
                violation_error_message="Quiet hours need a beginning and another time at which they end.",
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def initials(self) -> str:
        """Two letters for the disc beside the name."""
        words = str(self).split()
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])).upper()


class Team(models.Model):
    """People who own services together."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    members = models.ManyToManyField(User, related_name="teams", blank=True)
    admins = models.ManyToManyField(
        User,
        related_name="administered_teams",
        blank=True,
        help_text="They are paged when a policy of the team reaches nobody.",
    )

    history = HistoricalRecords(m2m_fields=[members, admins])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """Something that can break, the team that owns it, and whom to page."""

    class Audience(models.TextChoices):
        EXTERNAL = "external", "Customers"
        INTERNAL = "internal", "Staff"

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="services")
    policy = models.ForeignKey(
        "oncall.EscalationPolicy", models.PROTECT, null=True, blank=True, related_name="services"
    )
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.EXTERNAL)
    critical = models.BooleanField(default=False)

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Runbook(models.Model):
    """What to do when a service breaks, written before it does."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="runbooks")
    title = models.CharField(max_length=200)
    url = models.URLField(max_length=1000)

    history = HistoricalRecords()

    class Meta:
        ordering = ["title"]
        constraints = [
            models.UniqueConstraint(fields=["service", "url"], name="service_lists_a_runbook_once")
        ]

    def __str__(self) -> str:
        return self.title
