"""Sections written in place on their page, all with one press; what somebody else wrote is never lost."""

import hashlib

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import cached_property

from oncall.messaging import render
from postmortems import rights
from postmortems.models import PostMortem, Section

MOST = 50_000
CLASH = (
    "Somebody else changed this section while you wrote. Their text stands below yours: "
    "take over what you need, then save again."
)


def fingerprint(text: str) -> str:
    """Tells two versions of a text apart, whatever line ends and outer spaces a browser sends."""
    return hashlib.sha256(render.clean_text(text).strip().encode()).hexdigest()[:16]


class SectionForm(forms.ModelForm):
    """One section. ``seen`` is the fingerprint of the text that its page showed.

    What differs from it is what this person wrote; a text that is no longer the one she saw is shown to her, and
    not written over.
    """

    text = forms.CharField(
        required=False, max_length=MOST, widget=forms.Textarea(attrs={"rows": 6, "class": "m-write"})
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Section
        fields = ["text"]

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.initial["seen"] = fingerprint(self.stored)

    @property
    def stored(self) -> str:
        """The text as it stands, whatever has been typed."""
        return self.initial.get("text", "")

    @cached_property
    def changed_data(self) -> list[str]:
        shown = self.data.get(self.add_prefix("seen")) or self.initial["seen"]
        return ["text"] if fingerprint(self.data.get(self.add_prefix("text"), "")) != shown else []

    def clean_text(self) -> str:
        written = render.clean_text(self.cleaned_data["text"])
        shown, now = self.data.get(self.add_prefix("seen")), self.initial["seen"]
        if self.has_changed() and shown and now not in {shown, fingerprint(written)}:
            self.data = {**self.data.dict(), self.add_prefix("seen"): now}  # the next press has seen it
            raise forms.ValidationError(CLASH)
        return written


class SectionInline(admin.StackedInline):
    """The sections of a post-mortem; drawn by our own template, written by ``drafting.write``."""

    model = Section
    form = SectionForm
    fields = ["text"]
    extra = max_num = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: PostMortem | None = None) -> bool:
        return True  # whoever sees the page sees its sections

    def has_change_permission(self, request: HttpRequest, obj: PostMortem | None = None) -> bool:
        return obj is not None and rights.may_write(obj, request.user)
