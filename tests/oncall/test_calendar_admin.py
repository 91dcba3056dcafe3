"""Calendars in the portal: addresses made, shown once and revoked."""

import pytest
from django.urls import reverse

from oncall.models import CalendarFeed
from tests.oncall.test_calendar_feeds import make_feed

ADD = "admin:oncall_calendarfeed_add"


@pytest.fixture
def responder(alice):
    """alice, who may look at schedules and change nothing."""
    alice.is_staff = True
    alice.save()
    alice.user_permissions.add(*alice.user_permissions.model.objects.filter(codename="view_schedule"))
    return alice


def test_an_address_is_shown_once_and_works(client, responder, primary):
    client.force_login(responder)

    made = client.post(reverse(ADD), {"user": responder.pk, "schedule": "", "alarm_minutes": "15"})

    address = made.context["address"]
    assert made.status_code == 200
    assert address in made.content.decode()
    assert "no-store" in made.headers["Cache-Control"]
    assert b"TRIGGER:-PT15M" in client.get(address.removeprefix("http://testserver")).content
    listed = client.get(reverse("admin:oncall_calendarfeed_changelist")).content.decode()
    assert "Shifts of Alice" in listed
    assert address.split("/")[-1] not in listed


def test_a_feed_of_somebody_else_needs_the_right_to_manage_them(client, responder, bob):
    client.force_login(responder)

    refused = client.post(reverse(ADD), {"user": bob.pk, "schedule": "", "alarm_minutes": ""})

    assert refused.context["errors"]
    assert not CalendarFeed.objects.exists()


def test_a_feed_of_nothing_is_refused_beside_the_field(client, responder):
    client.force_login(responder)

    refused = client.post(reverse(ADD), {"user": "", "schedule": "", "alarm_minutes": ""})

    assert "Choose either a person or a schedule." in refused.content.decode()


def test_its_owner_revokes_it(client, responder, primary):
    client.force_login(responder)
    feed, path = make_feed(responder)

    client.post(reverse("admin:oncall_calendarfeed_verb", args=[feed.pk, "revoke"]), {"expected": ""})

    assert client.get(path).status_code == 404


def test_others_do_not_see_it(client, responder, bob):
    client.force_login(responder)
    feed, _ = make_feed(bob)

    assert client.get(reverse("admin:oncall_calendarfeed_change", args=[feed.pk])).status_code == 302
