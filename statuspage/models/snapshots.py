"""Public documents as they were last rendered: bytes, ready to be answered without asking anything else."""

from django.db import models

from statuspage.models.page import StatusPage


class Snapshot(models.Model):
    """One public document of a page, plain and compressed. Written only by ``statuspage.snapshots``.

    ``version`` is the page's when it was rendered; ``changed_at`` when its bytes last became others.
    """

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="snapshots")
    path = models.CharField(max_length=200)
    media = models.CharField(max_length=10, help_text="A name of catalogue.MEDIA: its type and headers.")
    body = models.BinaryField()
    zipped = models.BinaryField()
    etag = models.CharField(max_length=16)
    version = models.PositiveBigIntegerField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["page", "path"]
        constraints = [
            models.UniqueConstraint(fields=["page", "path"], name="snapshot_is_one_per_path_of_a_page"),
            models.CheckConstraint(condition=models.Q(path__startswith="/"), name="snapshot_path_is_absolute"),
        ]

    def __str__(self) -> str:
        return f"{self.page}: {self.path}"
