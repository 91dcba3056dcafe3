"""The composer's later, template and proposal; plans, rules and logs in the staff console."""

import re

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from incidents.models import Incident, Severity
from statuspage import impacts, planning, publishing, recurring
from statuspage.admin.neighbours import public_links
from statuspage.models import ComponentChange, MaintenanceRule, PlannedPost, Post, Template

pytestmark = pytest.mark.django_db
ADD = "/admin/statuspage/post/add/"
HIDDEN = re.compile(r'<input type="hidden" name="(previewed|as_of|counted|version)" value="([^"]*)">')


@pytest.fixture(autouse=True)
def noon(at):
    with time_machine.travel(at("12:30"), tick=False) as traveller:
        yield traveller


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


def publish(client, url, form):
    """Both clicks."""
    preview = client.post(url, form)
    return client.post(url, {**form, **dict(HIDDEN.findall(preview.content.decode())), "publish": "1"})


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


# -- what was previewed is what is published -----------------------------------------------------------------
def test_the_preview_shows_page_and_mail_and_what_becomes_of_each_component(as_alice, cards, subscriber):
    subscriber()

    text = text_of(as_alice.post(ADD, typed(cards)))

    assert "<td>Operational</td><td><b>Major outage</b></td>" in text
    assert "<h3>On the page</h3>" in text and "<h3>By mail</h3>" in text
    assert "Sent to alice@shop.example, who subscribed to everything." in text
    assert "<style" not in text.partition('class="s-letter')[2].partition("</details>")[0]


def test_when_subscribers_come_between_the_clicks_it_says_so_and_publishes_nothing(
    as_alice, cards, subscriber
):
    hidden = dict(HIDDEN.findall(as_alice.post(ADD, typed(cards)).content.decode()))
    subscriber()

    answer = as_alice.post(ADD, {**typed(cards), **hidden, "publish": "1"})

    assert "it now reaches 1 person" in text_of(answer) and not Post.objects.exists()
    again = dict(HIDDEN.findall(answer.content.decode()))
    as_alice.post(ADD, {**typed(cards), **again, "publish": "1"})
    assert Post.objects.exists()


def test_when_the_post_changes_between_the_clicks_it_says_so(as_alice, post, alice, at):
    url = reverse("admin:statuspage_post_update", args=[post.pk])
    form = {"status": "identified", "body": "Found.", "seen": planning.newest(post)}
    hidden = dict(HIDDEN.findall(as_alice.post(url, form).content.decode()))
    publishing.amend(post, name="Cards fail", by=alice, at=at("12:31"))

    answer = as_alice.post(url, {**form, **hidden, "publish": "1"})

    assert "The post has changed since this preview" in text_of(answer)
    assert post.updates.count() == 1


def test_an_update_that_came_between_is_shown_and_then_answered(as_alice, post, alice, at):
    url = reverse("admin:statuspage_post_update", args=[post.pk])
    form = {"status": "identified", "body": "Found.", "seen": planning.newest(post)}
    publishing.update(post, status="identified", body="Bob was faster.", by=alice, at=at("12:20"))

    answer = as_alice.post(url, form)

    assert "Somebody has posted an update" in text_of(answer) and "Bob was faster." in text_of(answer)
    seen = re.search(r'name="seen" value="(\w+)"', answer.content.decode())[1]
    publish(as_alice, url, {**form, "seen": seen})
    assert post.updates.first().body == "Found."


# -- what is told of the past, otherwise, or to nobody ---------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"notify": ""}, {"mails": False}),
        ({"started_at": "2026-11-23T09:00"}, {"started": "09:00"}),
        ({"impact_override": "none"}, {"impact": "none"}),
        (
            {
                "status": "resolved",
                "backfilled": "on",
                "started_at": "2026-11-23T08:00",
                "ended_at": "2026-11-23T09:00",
            },
            {"started": "08:00", "ended": "09:00", "mails": False},
        ),
    ],
    ids=["not-mailed", "back-dated", "override", "back-filled"],
)
def test_each_kind_of_post_is_previewed_and_published_as_it_was_meant(
    as_alice, cards, subscriber, said, expected
):
    subscriber()
    mails = expected.pop("mails", True)

    preview = text_of(as_alice.post(ADD, typed(cards, **said)))
    publish(as_alice, ADD, typed(cards, **said))

    post = Post.objects.get()
    assert ("This mails nobody." in preview) is not mails
    assert post.updates.get().deliver_notifications is mails
    found = {"started": f"{post.started_at:%H:%M}", "impact": post.shown_impact}
    found["ended"] = post.resolved_at and f"{post.resolved_at:%H:%M}"
    assert {name: found[name] for name in expected} == expected


def test_an_update_is_shown_at_its_time_in_the_past_and_never_planned_with_one(as_alice, post):
    url = reverse("admin:statuspage_post_update", args=[post.pk])
    form = {"status": "identified", "body": "Found.", "seen": planning.newest(post)}
    form["display_at"] = "2026-11-23T12:10"

    refused = as_alice.post(url, {**form, "publish_at": "2026-11-23T15:00"})
    publish(as_alice, url, form)

    assert "published at once" in text_of(refused)
    assert f"{post.updates.first().display_at:%H:%M}" == "12:10"


# -- later ---------------------------------------------------------------------------------------------------
def test_a_post_is_planned_shown_changed_and_cancelled(as_alice, cards, subscriber):
    subscriber()
    form = typed(cards, publish_at="2026-11-23T15:00")

    preview = text_of(as_alice.post(ADD, form))
    assert "Plan it at 15:00 (in 2 h 30 min)" in preview and "1 person</b>, as of now" in preview
    answer = publish(as_alice, ADD, form)

    planned = PlannedPost.objects.get()
    assert answer.url == reverse("admin:statuspage_plannedpost_change", args=[planned.pk])
    assert not Post.objects.exists()
    edit = reverse("admin:statuspage_plannedpost_edit", args=[planned.pk])
    assert "We are looking into it." in text_of(as_alice.get(edit))
    publish(as_alice, edit, {**form, "body": "Better words.", "publish_at": "2026-11-23T16:00"})
    planned.refresh_from_db()
    assert (planned.body, planned.publish_at.hour, planned.state) == ("Better words.", 16, "planned")
    cancel = reverse("admin:statuspage_plannedpost_verb", args=[planned.pk, "cancel"])
    as_alice.post(cancel, {"expected": planned.updated_at.isoformat()})
    planned.refresh_from_db()
    assert planned.state == "cancelled"


def test_a_planned_post_without_a_time_is_published_at_once(as_alice, alice, cards, at):
    planned = planning.plan(
        name="x", body="y", status="identified", publish_at=at("15:00"), by=alice, at=at("12:00")
    )
    edit = reverse("admin:statuspage_plannedpost_edit", args=[planned.pk])

    publish(as_alice, edit, typed(cards, publish_at=""))

    planned.refresh_from_db()
    assert planned.state == "published"
    assert (Post.objects.get().name, Post.objects.get().impact) == ("Card payments failing", "critical")


def test_a_time_that_has_passed_is_refused_in_the_preview(as_alice, cards):
    answer = publish(as_alice, ADD, typed(cards, publish_at="2026-11-23T12:00"))

    assert "publish at once" in text_of(answer)
    assert not PlannedPost.objects.exists() and not Post.objects.exists()


# -- templates -------------------------------------------------------------------------------------------------
@pytest.fixture
def template(page, cards):
    made = Template.objects.create(
        slug="slow",
        name="Something is slow",
        title="{{components}}: slow",
        body="{{components}} answer slowly since {{started_at}}. {{what}}",
        status="identified",
        component_status="degraded_performance",
    )
    made.components.add(cards)
    return made


def test_a_template_begins_the_form_and_its_variables_are_asked_for(as_alice, cards, template, noon, at):
    url = f"{ADD}?template=slow"
    start = text_of(as_alice.get(url))
    assert "{{components}} answer slowly" in start and "{{what}}" in start
    assert 'value="degraded_performance" selected' in start
    form = typed(cards, name="{{components}}: slow", body=template.body, variable_what="{{components}}?")

    preview = as_alice.post(url, form)
    noon.move_to(at("12:34"))
    hidden = dict(HIDDEN.findall(preview.content.decode()))
    as_alice.post(url, {**form, **hidden, "publish": "1"})

    told = Post.objects.get().updates.get()
    assert told.body == "Card payments answer slowly since 12:30 UTC. {{components}}?"
    assert told.post.name == "Card payments: slow"


def test_a_variable_without_a_value_is_refused(as_alice, cards, template):
    answer = as_alice.post(f"{ADD}?template=slow", typed(cards, body=template.body))

    assert "The text uses {{what}}" in text_of(answer)


def test_a_template_with_odd_braces_cannot_be_saved(as_alice, page):
    form = {"name": "x", "slug": "x", "page": page.pk, "kind": "incident", "body": "{{ request.user }}"}
    form["component_status"] = "degraded_performance"

    answer = as_alice.post("/admin/statuspage/template/add/", form)

    assert "is no variable" in text_of(answer) and not Template.objects.exists()


# -- from an incident that is over -----------------------------------------------------------------------------
def test_a_resolved_incident_proposes_the_last_word_and_publishes_nothing(as_alice, alice, cards, post, at):
    post.incident = Incident.objects.create(
        title="pg-main-7 OOM",
        summary="Bob",
        created_at=at(),
        resolved_at=at("12:20"),
        state="resolved",
        severity=Severity.objects.order_by("rank").first(),
    )
    post.save()

    (link, _) = public_links(post.incident, alice)
    form = text_of(as_alice.get(link.url))

    assert link.label == "Tell the public that it is over"
    assert "This incident is resolved. Card payments work normally again." in form
    assert 'value="resolved" selected' in form and "pg-main-7" not in form and "Bob" not in form
    assert "The public waits" in text_of(as_alice.get("/admin/"))
    post.refresh_from_db()
    assert post.status == "investigating"


def test_the_first_page_shows_what_fell_silent_and_what_failed(
    as_alice, alice, carol, post, at, noon, client
):
    plan = planning.plan(
        post=post, body="Over.", status="resolved", publish_at=at("13:00"), by=alice, at=at("12:30")
    )
    publishing.update(post, status="identified", body="Worse.", by=alice, at=at("12:40"))
    planning.publish_due(now=lambda: at("13:00"))
    noon.move_to(at("19:00"))

    first = text_of(as_alice.get("/admin/"))

    assert "Nothing was said since 6 h 20 min." in first
    assert f"Could not be published. {PlannedPost.objects.get(pk=plan.pk).refusal}" in first
    client.force_login(carol)
    assert "The public waits" not in text_of(client.get("/admin/"))


# -- rules and logs ----------------------------------------------------------------------------------------------
RULE = {
    "name": "Upkeep",
    "body": "Payouts pause.",
    "unit": "week",
    "interval": "1",
    "weekdays": ["TU"],
    "month_by": "date",
    "begins_on": "2026-11-24",
    "begins_at": "02:00",
    "duration": "90",
    "ahead_days": "14",
    "remind_before": "1440",
    "auto_start": "on",
    "auto_complete": "on",
}


def test_a_rule_is_made_and_changed_in_the_console(as_alice, page, cards, alice):
    as_alice.post(
        "/admin/statuspage/maintenancerule/add/", {**RULE, "page": page.pk, "components": [cards.pk]}
    )
    rule = MaintenanceRule.objects.get()
    url = f"/admin/statuspage/maintenancerule/{rule.pk}/change/"
    assert (rule.occurrences.count(), rule.by, list(rule.components.all())) == (2, alice, [cards])
    assert "Tue 24 Nov, 02:00, Tue 1 Dec, 02:00" in text_of(as_alice.get(url))

    as_alice.post(url, {**RULE, "components": [cards.pk], "begins_at": "04:00"})

    assert {post.scheduled_for.hour for post in rule.occurrences.all()} == {4}
    assert rule.history.first().history_user == alice


def test_a_rule_that_makes_no_sense_is_refused_with_a_sentence(as_alice, page):
    form = {**RULE, "page": page.pk, "until": "2026-11-01"}

    answer = as_alice.post("/admin/statuspage/maintenancerule/add/", form)

    assert "The last day lies before the first." in text_of(answer)
    assert not MaintenanceRule.objects.exists() and not Post.objects.exists()


def test_the_log_asks_as_much_for_many_as_for_few(as_alice, cards, alice, at, django_assert_num_queries):
    url = f"/admin/statuspage/componentchange/?component__id__exact={cards.pk}"
    impacts.set_status(cards, "partial_outage", by=alice, at=at("12:01"))
    assert "Operational → Partial outage" in text_of(as_alice.get(url))
    with CaptureQueriesContext(connection) as few:
        as_alice.get(url)
    facts = {"component": cards, "old": "operational", "new": "major_outage", "source": "manual", "by": alice}
    ComponentChange.objects.bulk_create(
        ComponentChange(**facts, at=at(), recorded_at=at()) for _ in range(10_000)
    )

    with django_assert_num_queries(len(few)):
        as_alice.get(url)


PAGES = [
    "/admin/statuspage/plannedpost/",
    "/admin/statuspage/plannedpost/{plan}/change/",
    "/admin/statuspage/plannedpost/{plan}/history/",
    "/admin/statuspage/plannedpost/{plan}/edit/",
    "/admin/statuspage/template/",
    "/admin/statuspage/template/add/",
    "/admin/statuspage/template/{template}/change/",
    "/admin/statuspage/template/{template}/history/",
    "/admin/statuspage/maintenancerule/",
    "/admin/statuspage/maintenancerule/add/",
    "/admin/statuspage/maintenancerule/{rule}/change/",
    "/admin/statuspage/maintenancerule/{rule}/history/",
    "/admin/statuspage/maintenancerule/{rule}/verbs/end/",
    "/admin/statuspage/componentchange/",
]


@pytest.fixture
def ids(page, post, cards, alice, template, at):
    plan = planning.plan(post=post, body="y", status="identified", publish_at=at("15:00"), by=alice, at=at())
    rule = recurring.create(
        name="Upkeep",
        body="x",
        begins_on=at().date(),
        begins_at=at("20:00").time(),
        duration=at("21:00") - at("20:00"),
        by=alice,
        at=at(),
    )
    return {"plan": plan.pk, "template": template.pk, "rule": rule.pk}


@pytest.mark.parametrize("url", PAGES)
def test_every_page_opens_for_those_who_may_and_for_nobody_else(as_alice, client, carol, ids, url):
    assert as_alice.get(url.format(**ids)).status_code == 200

    client.force_login(carol)
    assert client.get(url.format(**ids)).status_code in {302, 403, 404}
