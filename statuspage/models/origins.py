"""Where something came from that was told elsewhere first."""

from django.db import models

from statuspage.models.page import StatusPage


class Origin(models.Model):
    """Something on a page that was taken over from another product. Written only by ``statuspage.importing``.

    ``mark`` tells how it looked when it was last taken over, so that what people changed here since is known. The
    row outlives what it tells of: a subscriber who has left is not taken over again.
    """

    class What(models.TextChoices):
        PAGE = "page"
        COMPONENT = "component"
        POST = "post"
        SUBSCRIBER = "subscriber"

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="origins")
    what = models.CharField(max_length=10, choices=What)
    public_id = models.CharField(max_length=12)
    product = models.CharField(max_length=20)
    mark = models.CharField(max_length=16)
    imported_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["page", "what", "public_id"], name="origin_is_noted_once")
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.public_id} from {self.product}"
