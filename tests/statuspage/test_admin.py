"""The status page in the staff console."""

import re

import pytest
import time_machine
from django.urls import reverse

from incidents.models import AffectedService, Incident
from oncall.models import Service
from statuspage import maintenance
from statuspage.admin.neighbours import public_links
from statuspage.models import Component, Post, PostUpdate, StatusPage, Subscriber

pytestmark = pytest.mark.django_db
ADD = "/admin/statuspage/post/add/"


@pytest.fixture(autouse=True)
def noon(at):
    with time_machine.travel(at("12:30"), tick=False):
        yield


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


def typed(cards, **changes):
    return {
        "name": "Card payments failing",
        "status": "investigating",
        "body": "We are looking into it.",
        "notify": "on",
        f"component_{cards.pk}": "major_outage",
        **changes,
    }


def previewed(answer):
    return re.search(r'name="previewed" value="(\w+)"', answer.content.decode())[1]


def test_a_post_is_shown_and_its_mails_counted_before_anything_is_public(as_alice, cards, subscriber):
    subscriber("dave@shop.example")
    subscriber("erin@shop.example")

    preview = as_alice.post(ADD, typed(cards))

    text = preview.content.decode()
    assert "This mails <b>2 people</b>" in text and "Publish and mail 2 people" in text
    assert not Post.objects.exists()

    told = as_alice.post(ADD, typed(cards, publish="1", previewed=previewed(preview)))

    post = Post.objects.get()
    assert told.status_code == 302
    assert (post.name, post.impact, post.updates.get().deliver_notifications) == (
        "Card payments failing",
        "critical",
        True,
    )


def test_the_preview_is_in_the_language_of_the_page_and_the_console_is_not(as_alice, cards, subscriber):
    StatusPage.objects.update(language="ja")
    subscriber()

    text = as_alice.post(ADD, typed(cards)).content.decode()

    assert "重大な障害" in text and "[Northwind Pay 稼働状況] Card payments failing" in text
    assert '<html lang="en' in text and "Affected components" in text


def test_what_was_changed_after_the_preview_is_previewed_again(as_alice, cards):
    mark = previewed(as_alice.post(ADD, typed(cards)))

    answer = as_alice.post(ADD, typed(cards, body="Something else.", publish="1", previewed=mark))

    assert answer.status_code == 200 and "Something else." in answer.content.decode()
    assert not Post.objects.exists()


def test_a_wrong_form_says_what_is_wrong(as_alice, cards):
    answer = as_alice.post(ADD, typed(cards, name="", started_at="2027-01-01T00:00"))

    assert answer.status_code == 200 and "Nothing has been published" in answer.content.decode()
    refused = as_alice.post(ADD, typed(cards, started_at="2027-01-01T00:00"))
    assert "lies in the past" in refused.content.decode()


def test_an_update_by_the_composer(as_alice, post, cards):
    url = reverse("admin:statuspage_post_update", args=[post.pk])
    seen = post.updates.get().public_id
    form = {
        "status": "identified",
        "body": "Found.",
        "seen": seen,
        "next_update_in": "30",
        f"component_{cards.pk}": "partial_outage",
    }

    mark = previewed(as_alice.post(url, form))
    as_alice.post(url, {**form, "publish": "1", "previewed": mark})

    post.refresh_from_db()
    assert (post.status, post.updates.first().body) == ("identified", "Found.")
    assert post.next_update_at.isoformat() == "2026-11-23T13:00:00+00:00"


def test_resolving_by_the_button(as_alice, post):
    url = reverse("admin:statuspage_post_verb", args=[post.pk, "resolve"])

    as_alice.post(url, {"expected": post.updated_at.isoformat(), "body": "Over.", "notify": "on"})

    post.refresh_from_db()
    assert post.status == "resolved"


def test_a_maintenance_is_announced_with_the_same_composer(as_alice, cards):
    url = "/admin/statuspage/maintenance/add/"
    form = {
        "name": "Upgrade",
        "body": "Read-only.",
        "scheduled_for": "2026-11-23T14:00",
        "scheduled_until": "2026-11-23T16:00",
        "auto_start": "on",
        f"component_{cards.pk}": "under_maintenance",
    }

    mark = previewed(as_alice.post(url, form))
    as_alice.post(url, {**form, "publish": "1", "previewed": mark})

    post = Post.objects.get()
    assert (post.kind, post.auto_start, post.auto_complete) == ("maintenance", True, False)
    assert list(post.components.all()) == [cards]


PAGES = [
    "/admin/statuspage/component/",
    "/admin/statuspage/component/add/",
    "/admin/statuspage/component/{cards}/change/",
    "/admin/statuspage/component/{cards}/history/",
    "/admin/statuspage/component/{cards}/verbs/set-status/",
    "/admin/statuspage/statuspage/",
    "/admin/statuspage/post/",
    "/admin/statuspage/post/add/",
    "/admin/statuspage/post/{post}/change/",
    "/admin/statuspage/post/{post}/history/",
    "/admin/statuspage/post/{post}/update/",
    "/admin/statuspage/post/{post}/verbs/resolve/",
    "/admin/statuspage/post/{post}/verbs/amend/",
    "/admin/statuspage/maintenance/",
    "/admin/statuspage/maintenance/add/",
    "/admin/statuspage/maintenance/{plan}/change/",
    "/admin/statuspage/maintenance/{plan}/verbs/reschedule/",
    "/admin/statuspage/subscriber/",
    "/admin/statuspage/subscriber/{dave}/change/",
]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(as_alice, post, cards, alice, at, subscriber, page):
    plan = maintenance.schedule(
        name="Plan", body="x", scheduled_for=at("14:00"), scheduled_until=at("15:00"), by=alice, at=at()
    )
    ids = {"cards": cards.pk, "post": post.pk, "plan": plan.pk, "dave": subscriber().pk}

    assert as_alice.get(page.format(**ids)).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_who_has_no_rights_sees_none_of_them(client, carol, post, cards, page):
    client.force_login(carol)

    answer = client.get(page.format(cards=cards.pk, post=post.pk, plan=1, dave=1))

    assert answer.status_code in {302, 403, 404}


def test_a_post_cannot_be_changed_by_a_forged_form(as_alice, post):
    data = {
        "name": "Forged",
        "status": "resolved",
        "updates-TOTAL_FORMS": "1",
        "updates-INITIAL_FORMS": "1",
        "updates-0-id": post.updates.get().pk,
        "updates-0-post": post.pk,
        "updates-0-body": "We are looking into card payments.",
    }

    as_alice.post(f"/admin/statuspage/post/{post.pk}/change/", data)

    post.refresh_from_db()
    assert (post.name, post.status) == ("Card payments failing", "investigating")
    assert PostUpdate.objects.get().body == "We are looking into card payments."


def test_the_baseline_is_set_by_its_verb(as_alice, cards):
    url = reverse("admin:statuspage_component_verb", args=[cards.pk, "set-status"])

    as_alice.post(url, {"expected": cards.updated_at.isoformat(), "status": "degraded_performance"})

    assert Component.objects.get(pk=cards.pk).status == "degraded_performance"
    assert cards.impacts.get().post is None


def test_letting_a_subscriber_go(as_alice, subscriber):
    dave = subscriber()

    as_alice.post(
        reverse("admin:statuspage_subscriber_verb", args=[dave.pk, "unsubscribe"]), {"expected": "active"}
    )

    assert Subscriber.objects.get().state == "unsubscribed"


# -- from an incident ------------------------------------------------------------------------------------------
@pytest.fixture
def incident(cards, at):
    cards.service = Service.objects.create(slug="checkout", name="Checkout")
    cards.save()
    incident = Incident.objects.create(
        title="pg-main-7 OOM", summary="Bob broke it", impact_started_at=at("11:40"), created_at=at("11:50")
    )
    AffectedService.objects.create(incident=incident, service=cards.service)
    return incident


def test_two_clicks_lead_from_an_incident_to_the_public(as_alice, alice, incident, cards):
    (link,) = public_links(incident, alice)

    form = as_alice.get(link.url).content.decode()

    assert link.label == "Tell the public"
    assert "pg-main-7" not in form and "Bob" not in form
    assert f'name="component_{cards.pk}"' in form and 'value="2026-11-23T11:40"' in form
    mark = previewed(as_alice.post(link.url, typed(cards)))
    as_alice.post(link.url, typed(cards, publish="1", previewed=mark))
    assert Post.objects.get().incident == incident
    assert [one.label for one in public_links(incident, alice)] == ["Public post: investigating"]


def test_a_private_incident_has_no_way_to_the_public(as_alice, alice, carol, incident):
    incident.private = True
    incident.save()

    assert public_links(incident, alice) == []
    assert as_alice.get(f"{ADD}?incident={incident.pk}").status_code == 302
    assert public_links(Incident(pk=9), carol) == []
