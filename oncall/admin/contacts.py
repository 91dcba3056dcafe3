"""A person's addresses and rules, as parts of her form."""

from datetime import datetime

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from oncall import contacts
from oncall.admin.tryouts import Tested
from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import MEDIUMS, PERSONAL, by_name, hint, label, offered
from oncall.models import ContactMethod, NotificationRule, User


class ContactForm(forms.ModelForm):
    """The medium is chosen from those that the portal has, and says whether it can use the address."""

    medium = forms.ChoiceField()

    class Meta:
        model = ContactMethod
        fields = ["name", "medium", "address"]

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        chosen = [self.instance.medium] if self.instance.medium in MEDIUMS else []
        known = [name for name in offered() if name in PERSONAL]
        known = list(dict.fromkeys([*known, *chosen]))  # what was chosen before stays, set up or not
        self.fields["medium"].choices = [(name, label(name)) for name in known]
        if "address" in self.fields:  # not for who may only look
            self.fields["address"].help_text = ". ".join(f"{label(name)}: {hint(name)}" for name in known)

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("medium") and cleaned.get("address"):
            try:
                cleaned["address"] = by_name(cleaned["medium"]).check_address(cleaned["address"])
            except DomainError as error:
                self.add_error("address", error.detail)
        return cleaned

    def save(self, commit: bool = True) -> ContactMethod:
        """A new address has not been verified, whatever the old one was."""
        if {"medium", "address"} & set(self.changed_data):
            self.instance.verified_at = None
        return super().save(commit)


class ContactInline(Tested, admin.TabularInline):
    model = ContactMethod
    form = ContactForm
    fields = ["name", "medium", "address", "verified_at", "last_test", "secret"]
    readonly_fields = ["verified_at", "last_test", "secret"]
    extra = 0

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Addresses for the person herself and for who may change them; secrets where there is a webhook."""
        hidden = set()
        if obj is None or not obj.contacts.filter(medium="webhook").exists():
            hidden.add("secret")
        if request.user != obj and not request.user.has_perm("oncall.change_contactmethod"):
            hidden |= {"secret", "address"}
        return [field for field in self.fields if field not in hidden]


class RuleInline(admin.TabularInline):
    model = NotificationRule
    fields = ["urgency", "after", "contact"]
    extra = 0
    verbose_name_plural = "notification rules (the wait as hours:minutes:seconds)"

    def get_formset(self, request: HttpRequest, obj: User | None = None, **options):
        """Only the person's own contacts can be chosen."""
        formset = super().get_formset(request, obj, **options)
        own = ContactMethod.objects.filter(user=obj) if obj else ContactMethod.objects.none()
        if "contact" in formset.form.base_fields:  # not for who may only look
            formset.form.base_fields["contact"].queryset = own
        return formset


def verify_contacts(person: User, *, by: User, at: datetime) -> User:
    """Say for all of a person's addresses that they are hers."""
    for contact in person.contacts.filter(verified_at__isnull=True):
        contacts.verify(contact, by=by, at=at)
    return person


def has_unverified_contacts(person: User, user: User) -> bool:
    return person.contacts.filter(verified_at__isnull=True).exists()
