"""Mail that came back, and the addresses that get none any more."""

from django.db import models

from statuspage.models.subscribers import Subscriber


class BounceKind(models.TextChoices):
    HARD = "hard", "Bounced for good"
    SOFT = "soft", "Bounced for now"
    COMPLAINT = "complaint", "Called spam"


class Bounce(models.Model):
    """One mail to a subscriber that did not arrive, as its provider or the relay told it.

    ``digest`` names what was said, so that the same is taken once.
    """

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="bounces")
    kind = models.CharField(max_length=9, choices=BounceKind)
    at = models.DateTimeField()
    source = models.CharField(max_length=20)
    text = models.CharField(max_length=300, blank=True)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["subscriber", "kind", "at"], name="bounce_of_subscriber")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subscriber}"


class Suppression(models.Model):
    """An address that gets no mail of the status page, also after its subscription is deleted.

    ``mark`` is a keyed hash of the address; the address itself is not kept.
    """

    mark = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=9, choices=BounceKind)
    at = models.DateTimeField()
    text = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.mark[:8]})"
