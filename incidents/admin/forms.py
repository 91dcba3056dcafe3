"""The two forms of an incident: correcting it, and declaring a new one."""

from django import forms

from incidents import lifecycle, transitions
from incidents.admin import verb_forms
from incidents.models import Incident
from oncall import clock
from oncall.edges.admin import Verb
from oncall.messaging.errors import DomainError
from oncall.models import User


class IncidentForm(forms.ModelForm):
    """Corrections. The domain is asked while the form is checked, so that its refusal is the form's error."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Needed when you correct a time: metrics are computed from them.",
    )
    editor: User

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.initial["seen_version"] = self.instance.version

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        changes = {
            name: self.cleaned_data[name]
            for name in self.changed_data
            if name not in {"seen_version", "reason"}
        }
        try:
            lifecycle.edit(
                Incident.objects.get(pk=self.instance.pk),
                by=self.editor,
                at=clock.now(),
                reason=self.cleaned_data["reason"],
                expected_version=self.cleaned_data["seen_version"],
                **changes,
            )
        except DomainError as error:
            self.add_error("reason" if error.code == "reason_missing" else None, error.detail)


class DeclareForm(verb_forms.form_for(transitions.verb("declare"))):
    """Declaring what nobody has detected yet: a title is needed, and what is hurt or what is seen."""

    description = forms.CharField(
        label="What you see", required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    private = forms.BooleanField(
        required=False, help_text="Only those with a part in it see it. There is no way back."
    )

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.fields["title"].required = True
        self.fields["services"].help_text = "Their people on call are paged."

    def told(self) -> dict:
        """What was answered; an empty answer leaves the default."""
        return {name: value for name, value in self.cleaned_data.items() if value or value == 0}


DECLARE = Verb(
    name="declare",
    label="Declare",
    run=lifecycle.declare,
    icon="flag",
    help="It gets a channel and a bridge, and an incident manager is paged. When unsure, declare.",
    submit="Declare incident",
)
