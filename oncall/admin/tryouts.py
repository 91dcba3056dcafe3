"""Sending a test to an address, and showing how it went."""

import time
from datetime import datetime

from django import forms
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from oncall import tryouts
from oncall.edges.admin import Verb, VerbForm
from oncall.messaging.mediums import offered
from oncall.messaging.mediums.webhook import signing_secret
from oncall.messaging.models import Delivery
from oncall.models import ContactMethod, User

#: How long a test is waited for before the page is shown: most services answer within a second.
PATIENCE_S = 4.0
_LOOK_EVERY_S = 0.1


class TestForm(VerbForm):
    """Which of the person's addresses."""

    contact = forms.ModelChoiceField(ContactMethod.objects.none(), label="Address", empty_label=None)

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.fields["contact"].queryset = self.obj.contacts.all()


def has_contacts(person: User, user: User) -> bool:
    return any(contact.medium in offered() for contact in person.contacts.all())


def send_test(person: User, *, contact: ContactMethod, by: User, at: datetime) -> Delivery:
    """Send it, and wait a moment for the engine, so that the page shown next says how it went."""
    test = tryouts.send_test(contact, by=by, at=at)
    ends_at = time.monotonic() + PATIENCE_S
    while test.state in Delivery.OPEN and not test.last_error and time.monotonic() < ends_at:
        time.sleep(_LOOK_EVERY_S)
        test.refresh_from_db(fields=["state", "last_error"])
    return test


SEND_TEST = Verb(
    name="send-test",
    label="Send a test",
    run=send_test,
    icon="bell",
    form=TestForm,
    permission="oncall.change_contactmethod",
    allowed=has_contacts,
    versioned=False,
    help="One message really goes out. How it went stands beside the address afterwards.",
    done="The test is out. How it went stands beside the address.",
)


class Tested:
    """What an inline of contacts shows besides: how the last test went, and a webhook's secret."""

    @admin.display(description="Last test")
    def last_test(self, contact: ContactMethod) -> str:
        test = tryouts.last_test(contact) if contact.pk else None
        if test is None:
            return "—"
        tone = "good" if test.state in (Delivery.State.SENT, Delivery.State.KEPT) else "warn"
        return format_html('<span class="m-{}">{}</span>', tone, tryouts.outcome(test))

    @admin.display(description="Signing secret")
    def secret(self, contact: ContactMethod) -> str | SafeString:
        """With which the receiver checks our signatures (Standard Webhooks)."""
        if not contact.pk or contact.medium != "webhook":
            return "—"
        return format_html("<code>{}</code>", signing_secret(contact.address, contact.user.username))
