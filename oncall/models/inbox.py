"""The in-app inbox."""

from django.db import models

from oncall.messaging.models import Delivery


class Reading(models.Model):
    """A message kept in somebody's inbox has been read; one without such a row has not."""

    delivery = models.OneToOneField(Delivery, models.CASCADE, related_name="reading")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.delivery}, read"
