"""How the shown status of every component has changed, and why."""

from django.db import models

from oncall.models import User
from statuspage.models.page import Component, ComponentStatus
from statuspage.models.posts import Post


class ComponentChange(models.Model):
    """One change of what the page shows of a component. Written by ``impacts``, and only added to.

    ``at`` is since when it is so, ``recorded_at`` when that was said: a post may tell of the past. ``post`` is
    what said it; without one it was set directly. ``post_name`` outlives the post.
    """

    class Source(models.TextChoices):
        MANUAL = "manual", "Set by hand"
        API = "api", "API"
        INCIDENT = "incident", "Incident post"
        MAINTENANCE = "maintenance", "Maintenance"
        IMPORT = "import", "Import"

    component = models.ForeignKey(Component, models.CASCADE, related_name="changes")
    old = models.CharField(max_length=20, choices=ComponentStatus)
    new = models.CharField(max_length=20, choices=ComponentStatus)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=11, choices=Source)
    post = models.ForeignKey(Post, models.SET_NULL, null=True, blank=True, related_name="+")
    post_name = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        verbose_name = "change of a component"
        verbose_name_plural = "changes of components"
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="component_change_changes_something", condition=~models.Q(old=models.F("new"))
            ),
        ]
        indexes = [models.Index(fields=["component", "-id"], name="component_changes")]

    def __str__(self) -> str:
        return f"{self.component}: {self.get_old_display()} \u2192 {self.get_new_display()}"

    def save(self, *args, **options) -> None:
        """Once: the log is only added to."""
        if self.pk is not None:
            raise TypeError("The log of a component is only added to.")
        super().save(*args, **options)
