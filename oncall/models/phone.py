"""Answering by telephone."""

from django.db import models

from oncall.models.directory import User
from oncall.models.paging import Page


class AnswerCode(models.Model):
    """The right to answer one page by a text message from one number: six digits, kept as a keyed digest.

    The digest covers the number, so that a code says nothing to whoever writes from another one. ``step`` and
    ``loop`` are where the page stood, None with codes of older versions.
    """

    page = models.ForeignKey(Page, models.CASCADE, related_name="answer_codes")
    user = models.ForeignKey(User, models.CASCADE, related_name="answer_codes")
    address = models.CharField(max_length=20, db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    step = models.PositiveIntegerField(null=True)
    loop = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Code of {self.user} for page {self.page_id}"
