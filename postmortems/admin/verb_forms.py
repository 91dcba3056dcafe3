"""What the verbs of post-mortems and actions ask for."""

from collections.abc import Callable

from django import forms

from oncall.edges.admin import MomentField, VerbForm
from oncall.models import User
from postmortems.models import ActionItem, PostMortem


def in_state(*states: str) -> Callable[[PostMortem | ActionItem, User], bool]:
    """A verb that is possible in these states."""
    return lambda obj, user: obj.state in states


class ReasonForm(VerbForm):
    """Why."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)


class PlanForm(VerbForm):
    """Who leads it, and when."""

    lead = forms.ModelChoiceField(User.objects.filter(is_active=True), required=False)
    due_at = MomentField(required=False, label="Due", help_text="When it shall be approved.")
    meeting_at = MomentField(required=False, label="Meeting", help_text="When people go through it together.")


class AddActionForm(VerbForm):
    """Something that shall change, with who and when."""

    title = forms.CharField(
        max_length=300, label="What shall change", widget=forms.TextInput(attrs={"class": "vTextField"})
    )
    owner = forms.ModelChoiceField(User.objects.filter(is_active=True), required=False)
    priority = forms.ChoiceField(choices=ActionItem.Priority.choices, initial=ActionItem.Priority.MEDIUM)
    due_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        label="Due on",
        help_text="Left empty, one of high priority is due by the severity's rule.",
    )
