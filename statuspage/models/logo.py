"""The picture beside a page's name."""

from django.db import models

from statuspage.models.page import StatusPage


class Logo(models.Model):
    """The bytes that ``StatusPage.logo_mark`` names, as they were uploaded. Written by ``statuspage.pages``."""

    page = models.OneToOneField(StatusPage, models.CASCADE, related_name="logo")
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"Logo of {self.page}"
