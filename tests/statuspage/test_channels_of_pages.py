"""Channels on more than one page: each page's own addresses, language, door and subscribers."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from oncall import clock
from oncall.messaging.models import Delivery
from statuspage import (
    component_news,
    fanout,
    forms,
    impacts,
    maintenance,
    pages,
    publishing,
    reach,
    reminders,
    subscriber_lists,
    subscriptions,
)
from statuspage.models import Component, StatusPage, Subscriber

SLACK = "https://hooks.slack.com/services/T0/B0/abc"
HOOK = "https://hooks.shop.example/in"
TABS = ["", "webhook/", "slack/", "teams/", "feeds/", "calendar/", "webhook/format/"]


@pytest.fixture
def partners(page):
    return StatusPage.objects.create(slug="partners", name="Partner Desk", language="de")


@pytest.fixture
def desk(partners):
    return Component.objects.create(page=partners, slug="desk", name="Desk")


@pytest.mark.parametrize("tab", TABS)
def test_every_way_to_be_told_of_a_page_leads_to_that_page(client, partners, desk, tab):
    shown = client.get(f"/p/partners/subscribe/{tab}").content.decode()

    assert '<html lang="de">' in shown and "Partner Desk" in shown
    assert 'href="/subscribe/' not in shown and 'action="/subscribe/' not in shown
    assert "/p/partners/subscribe/" in shown


@pytest.mark.parametrize("tab", TABS)
def test_no_way_to_be_told_of_a_closed_page_is_shown_to_strangers(client, partners, tab):
    StatusPage.objects.filter(pk=partners.pk).update(audience="staff", closed_at=clock.now())

    assert client.get(f"/p/partners/subscribe/{tab}").status_code == 401
    asked = json.dumps({"subscriber": {"email": "dave@shop.example"}})
    sent = client.post("/p/partners/api/v2/subscribers.json", asked, content_type="application/json")
    assert sent.status_code == 401 and not Subscriber.objects.exists()


def test_a_channel_is_asked_in_the_language_of_its_page_by_a_link_to_it(client, partners, monkeypatch):
    monkeypatch.setattr("statuspage.addresses.check_reachable", lambda address: None)
    made = forms.stamp(clock.now() - timedelta(minutes=1))

    client.post("/p/partners/subscribe/slack/", {"endpoint": SLACK, "made": made, "incidents": "on"})

    asked = Delivery.objects.get()
    assert Subscriber.objects.get().page == partners
    assert "Bestätigen Sie das Abonnement dieses Kanals" in asked.message.subject
    assert "/p/partners/confirm/" in str(asked.values)


def test_chat_is_told_in_the_language_of_the_page_and_programs_in_english(
    partners, desk, subscriber, alice, at
):
    subscriber(SLACK, page=partners, channel="slack")
    subscriber(HOOK, page=partners, channel="webhook", owner="ops@shop.example")
    publishing.publish(
        name="Stau", body="x", components={desk: "major_outage"}, page=partners, by=alice, at=at()
    )

    fanout.fan_out(now=lambda: at("12:01"))

    told = {one.medium: one.message.text for one in Delivery.objects.select_related("message")}
    assert "Betroffen" in told["slack_hook"]
    assert "Major" in told["hook"] and "/p/partners/subscribe/webhook/format/" in told["hook"]


def test_a_reminder_reaches_every_channel_and_who_follows_the_maintenance(
    partners, desk, subscriber, alice, at
):
    subscriber(SLACK, page=partners, channel="slack")
    subscriber(HOOK, page=partners, channel="webhook", owner="ops@shop.example")
    follower = subscriber("dave@shop.example", page=partners, incidents=False, maintenance=False)
    gone = subscriber("gone@shop.example", page=partners, state="suppressed")
    planned = maintenance.schedule(
        name="Umzug",
        body="Kurz weg.",
        scheduled_for=at("16:00"),
        scheduled_until=at("18:00"),
        components=[desk],
        notify=False,
        by=alice,
        at=at(),
        page=partners,
    )
    follower.posts.add(planned)

    reminders.remind_due(now=lambda: at("15:00"))
    fanout.fan_out(now=lambda: at("15:00"))

    told = {one.medium: one.message.text for one in Delivery.objects.select_related("message")}
    assert set(told) == {"email", "hook", "slack_hook"}
    assert not Delivery.objects.filter(recipient=gone.recipient).exists()
    assert "Erinnerung" in told["email"] and "Erinnerung" in told["slack_hook"]
    body = json.loads(told["hook"])["incident"]
    assert body["scheduled_remind_prior"] and body["scheduled_reminded_at"]
    assert [one["body"] for one in body["incident_updates"]] == ["Kurz weg."]


def test_a_page_taken_from_the_public_tells_channels_that_came_since_only(
    partners, desk, subscriber, alice, at
):
    subscriber(SLACK, page=partners, channel="slack")
    subscriber(HOOK, page=partners, channel="webhook", owner="ops@shop.example")
    component_news.tell(now=lambda: at("11:00"))
    StatusPage.objects.filter(pk=partners.pk).update(audience="staff", closed_at=at("11:30"))
    partners.refresh_from_db()
    post = publishing.publish(
        name="Stau", body="x", components={desk: "major_outage"}, page=partners, by=alice, at=at()
    )

    assert reach.counted(post.updates.get()) == {"email": 0, "webhook": 0, "slack": 0, "teams": 0}
    assert component_news.tell(now=lambda: at("12:01")) == 0


def test_news_of_a_removed_page_is_told_to_nobody(partners, desk, subscriber, alice, at):
    subscriber(HOOK, page=partners, channel="webhook", owner="ops@shop.example")
    component_news.tell(now=lambda: at("11:00"))
    impacts.set_status(desk, "major_outage", by=alice, at=at())
    assert component_news.tell(now=lambda: at("12:01")) == 1

    pages.remove(partners, by=alice, at=at("12:02"))

    assert Delivery.objects.get().state == "cancelled"


def test_a_file_is_taken_in_on_the_page_that_was_chosen(client, partners, desk, alice):
    client.force_login(alice)
    url = "/admin/statuspage/subscriber/import/?page=partners"
    text = "address,components\ndave@shop.example,desk\n"

    checked = client.post(url, {"file": SimpleUploadedFile("s.csv", text.encode()), "check": "1"})
    client.post(url, {"text": text, "consent": "on", "import": "1"})

    assert "Partner Desk" in checked.content.decode()
    assert Subscriber.objects.get().page == partners


def test_a_line_of_another_page_is_refused(page, partners, desk, subscriber, at):
    subscriber("dave@shop.example", desk, page=partners)
    (line,) = subscriber_lists.lines(Subscriber.objects.select_related("page"))
    text = ",".join(line) + "\n" + ",".join(line.values()) + "\n"

    found = subscriber_lists.plan(text, page, at=at())

    assert found.faults == ((2, "This line is of the page 'partners'."),)


def test_the_log_is_english_whatever_the_page_is_written_in(partners, desk, subscriber, at):
    dave = subscriber(page=partners)

    subscriptions.change(dave, subscriptions.Choice(), at=at())

    assert dave.events.get().text == "Chose incidents and maintenance of everything"
