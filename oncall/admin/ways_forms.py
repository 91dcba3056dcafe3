"""The forms of a person's contacts, rules and quiet hours."""

from datetime import timedelta
from typing import Any

from django import forms

from oncall.messaging import mediums
from oncall.messaging.mediums import PERSONAL, missing
from oncall.models import ContactMethod, Urgency, User

#: What an address of each medium looks like.
EXAMPLES = {
    "email": "alice@example.com",
    "sms": "+49 170 1234567",
    "voice": "+49 170 1234567",
    "webhook": "https://hooks.example.com/alice",
}


def medium_name(medium: str) -> str:
    """What a medium is called."""
    return mediums.label(medium)


def choices() -> list[tuple[str, str]]:
    """The media that can be used here, by name; those that nobody set up are left out."""
    return [(name, medium_name(name)) for name in PERSONAL if not missing(name)]


class ContactForm(forms.Form):
    """A new address."""

    medium = forms.ChoiceField(label="How")
    address = forms.CharField(max_length=1000, label="Number or address")
    name = forms.CharField(max_length=50, label="Called", help_text="Your word for it, such as phone.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["medium"].choices = choices()
        examples = dict.fromkeys(EXAMPLES.get(name, "") for name, _ in choices())
        self.fields["address"].help_text = f"Such as {', or '.join(filter(None, examples))}."


class ChangeForm(forms.Form):
    """Another address for the same contact, or another name."""

    address = forms.CharField(max_length=1000, label="Number or address")
    name = forms.CharField(max_length=50, label="Called")


class RuleForm(forms.Form):
    """After so many minutes, that contact."""

    minutes = forms.IntegerField(min_value=0, max_value=1440, initial=0, label="After minutes")
    contact = forms.ModelChoiceField(ContactMethod.objects.none(), label="Use", empty_label=None)

    def __init__(self, *args: Any, person: User, urgency: str, **options: Any) -> None:
        super().__init__(*args, auto_id=f"id_{urgency}_%s", **options)
        self.fields["contact"].queryset = person.contacts.all()
        self.fields["contact"].label_from_instance = label
        self.urgency = Urgency(urgency)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["after"] = timedelta(minutes=cleaned.get("minutes") or 0)
        return cleaned


class QuietForm(forms.Form):
    """From when to when low urgency waits; both empty: it never does."""

    clock = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    start = forms.TimeField(required=False, label="From", widget=clock)
    end = forms.TimeField(required=False, label="Until", widget=clock)


class CodeInput(forms.TextInput):
    """For a telephone's keys and its offer of the code that just came; empty again after a wrong one."""

    def format_value(self, value: Any) -> None:
        return None


class CodeForm(forms.Form):
    """The six digits that arrived."""

    code = forms.CharField(
        max_length=20,
        label="Code",
        widget=CodeInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "autofocus": True,
                "placeholder": "6 digits",
            }
        ),
    )


def label(contact: ContactMethod) -> str:
    """``phone (SMS)``."""
    return f"{contact.name} ({medium_name(contact.medium)})"
