"""What lies in object storage, as far as we have put it there."""

from django.db import models


class SentFile(models.Model):
    """One file in a bucket. Written only by ``statuspage.pushing``.

    ``target`` marks bucket and prefix. An empty ``etag``: it was on its way, so it may lie there or not; it is
    sent again, or deleted.
    """

    target = models.CharField(max_length=16)
    path = models.CharField(max_length=250)
    etag = models.CharField(max_length=16, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["target", "path"], name="file_is_sent_once")]

    def __str__(self) -> str:
        return self.path
