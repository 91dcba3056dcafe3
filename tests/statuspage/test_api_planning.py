"""What is written ahead, templates, recurring maintenance and the log of components through the REST API."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import include, path
from rest_framework.routers import DefaultRouter
from rest_framework.test import APIClient

from statuspage import api, planning
from statuspage.models import ComponentChange, PlannedPost, Post, Subscriber, Template

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

router = DefaultRouter()
for prefix, view, basename in api.ROUTES:
    router.register(prefix, view, basename=basename)
urlpatterns = [path("api/v1/", include(router.urls))]
POSTS = "/api/v1/posts/"
NOBODY = dict.fromkeys(Subscriber.Channel.values, 0)
LATER = "2026-11-23T15:00:00Z"


@pytest.fixture(autouse=True)
def noon(at):
    with time_machine.travel(at("12:30"), tick=False):
        yield


@pytest.fixture
def as_alice(alice):
    client = APIClient()
    client.force_authenticate(alice)
    return client


@pytest.fixture
def as_carol(carol):
    client = APIClient()
    client.force_authenticate(carol)
    return client


@pytest.fixture
def template(page, cards):
    made = Template.objects.create(
        slug="slow",
        name="Something is slow",
        title="{{components}}: slow",
        body="{{components}} answer slowly since {{started_at}}. {{what}} We tell more by {{next_update}}.",
        status="identified",
        component_status="degraded_performance",
    )
    made.components.add(cards)
    return made


def body(**changes):
    return {"name": "Slow", "body": "Slow since noon.", "components": {"cards": "partial_outage"}, **changes}


# -- later -------------------------------------------------------------------------------------------------
def test_a_post_with_a_time_is_kept_until_then_and_can_be_rewritten_and_cancelled(as_alice, cards):
    made = as_alice.post(POSTS, body(publish_at=LATER), format="json")
    url = f"/api/v1/planned-posts/{made.data['id']}/"
    changed = as_alice.patch(url, {"body": "Very slow.", "next_update_in": 600}, format="json")
    gone = as_alice.post(f"{url}cancel/")

    assert (made.status_code, made.data["state"], made.data["publish_at"]) == (202, "planned", LATER)
    assert made.data["components"] == {"cards": "partial_outage"}
    assert (changed.data["body"], changed.data["next_update_in"]) == ("Very slow.", 600)
    assert gone.data["state"] == "cancelled"
    assert not Post.objects.exists()


def test_an_update_is_planned_and_published_before_its_time(as_alice, post):
    news = {"status": "monitoring", "body": "Fixed?", "publish_at": LATER}
    made = as_alice.post(f"{POSTS}{post.public_id}/update/", news, format="json")
    done = as_alice.post(f"/api/v1/planned-posts/{made.data['id']}/publish/")

    assert (made.status_code, made.data["post"]) == (202, post.public_id)
    assert (done.data["state"], done.data["published_as"]) == ("published", post.public_id)
    post.refresh_from_db()
    assert post.status == "monitoring"


def test_a_dry_run_of_a_planned_post_counts_and_writes_nothing(as_alice, cards, subscriber):
    subscriber()

    answer = as_alice.post(f"{POSTS}?dry_run=1", body(publish_at=LATER), format="json")

    assert answer.data == {"dry_run": True, "recipients": {**NOBODY, "email": 1}}
    assert not PlannedPost.objects.exists() and not Post.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"publish_at": "2026-11-23T12:30:00Z"}, 409), ({"publish_at": LATER, "backfill_date": LATER}, 400)],
)
def test_a_time_that_has_passed_or_a_past_told_later_is_refused(as_alice, cards, changes, code):
    assert as_alice.post(POSTS, body(**changes), format="json").status_code == code


def test_who_may_not_publish_plans_and_changes_nothing(as_carol, alice, cards, at):
    planned = planning.plan(
        name="x", body="y", status="identified", publish_at=at("15:00"), by=alice, at=at("12:00")
    )
    url = f"/api/v1/planned-posts/{planned.public_id}/"

    assert as_carol.get(url).status_code == 403
    assert as_carol.patch(url, {"body": "z"}, format="json").status_code == 403
    assert as_carol.post(f"{url}publish/").status_code == 403
    assert as_carol.post(POSTS, body(publish_at=LATER), format="json").status_code == 403


# -- templates ---------------------------------------------------------------------------------------------
def test_a_template_brings_its_words_and_fills_in_what_is_known_and_said(as_alice, template):
    wanted = {
        "template": "slow",
        "variables": {"what": "Wait a moment."},
        "started_at": "2026-11-23T12:00:00Z",
        "next_update_at": "2026-11-23T13:30:00Z",
    }

    answer = as_alice.post(POSTS, wanted, format="json")

    assert answer.status_code == 201, answer.data
    assert (answer.data["name"], answer.data["status"]) == ("Card payments: slow", "identified")
    assert answer.data["components"] == {"cards": "degraded_performance"}
    assert answer.data["updates"][0]["body"] == (
        "Card payments answer slowly since 12:00 UTC. Wait a moment. We tell more by 13:30 UTC."
    )


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"variables": {"what": "Wait."}}, "{{next_update}}: promise"),
        ({"next_update_at": LATER}, "{{what}}: give it a value"),
        ({"template": "nothing"}, "no template 'nothing'"),
    ],
)
def test_what_is_missing_is_refused_with_a_sentence(as_alice, template, wanted, sentence):
    answer = as_alice.post(POSTS, {"template": "slow", **wanted}, format="json")

    assert answer.status_code == 409
    assert sentence in answer.data["detail"]


def test_an_update_by_template_speaks_of_the_posts_own_components(as_alice, post, template):
    Template.objects.filter(pk=template.pk).update(body="{{service}} is better.")
    template.components.clear()

    answer = as_alice.post(f"{POSTS}{post.public_id}/update/", {"template": "slow"}, format="json")

    assert answer.data["updates"][0]["body"] == "Card payments is better."
    assert (answer.data["name"], answer.data["status"]) == ("Card payments failing", "identified")


def test_templates_are_made_and_changed_and_broken_ones_refused(as_alice, cards):
    made = {"slug": "t", "name": "T", "body": "{{components}} {{eta}}", "components": ["cards"]}

    answer = as_alice.post("/api/v1/templates/", made, format="json")

    assert answer.status_code == 201, answer.data
    assert (answer.data["variables"], answer.data["components"]) == (["eta"], ["cards"])
    assert as_alice.post("/api/v1/templates/", made, format="json").status_code == 400
    broken = as_alice.patch("/api/v1/templates/t/", {"body": "{{ user.email }}"}, format="json")
    assert (broken.status_code, list(broken.data)) == (400, ["body"])
    assert as_alice.patch("/api/v1/templates/t/", {"status": "scheduled"}, format="json").status_code == 400


# -- maintenance -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "before"),
    [
        ({}, 3600),
        ({"scheduled_remind_prior": False}, None),
        ({"remind_before_seconds": 86400}, 86400),
        ({"remind_before_seconds": 0}, None),
    ],
    ids=str,
)
def test_a_maintenance_says_when_it_reminds(as_alice, cards, said, before):
    window = {"scheduled_for": "2026-11-25T14:00:00Z", "scheduled_until": "2026-11-25T16:00:00Z"}

    answer = as_alice.post(
        "/api/v1/maintenances/",
        {"name": "Upgrade", "body": "x", "components": ["cards"], **window, **said},
        format="json",
    )

    assert answer.data["remind_before_seconds"] == before, answer.data
    assert answer.data["scheduled_remind_prior"] is (before is not None)


def test_a_rule_is_made_changed_and_ended(as_alice, cards):
    rule = {
        "name": "Upkeep",
        "body": "x",
        "components": ["cards"],
        "weekdays": ["TU"],
        "begins_on": "2026-11-24",
        "begins_at": "02:00",
        "duration_seconds": 3600,
        "ahead_days": 14,
    }

    made = as_alice.post("/api/v1/recurring-maintenances/", rule, format="json")
    assert (made.status_code, len(made.data["planned"])) == (201, 2), made.data
    url = f"/api/v1/recurring-maintenances/{made.data['id']}/"
    changed = as_alice.patch(url, {"begins_at": "04:00"}, format="json")
    assert changed.data["planned"] == made.data["planned"]
    first = as_alice.get(f"/api/v1/maintenances/{made.data['planned'][0]}/").data
    assert (first["scheduled_for"], first["rule"]) == ("2026-11-24T04:00:00Z", made.data["id"])
    assert as_alice.post(f"{url}end/", {"tell": False}, format="json").data["planned"] == []
    assert as_alice.patch(url, {"name": "y"}, format="json").status_code == 409


# -- dry runs of all that is said of the past ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "people"),
    [
        ({}, 1),
        ({"deliver_notifications": False}, 0),
        ({"started_at": "2026-11-23T09:00:00Z", "impact_override": "none"}, 1),
        ({"status": "resolved", "backfill_date": "2026-11-01T10:00:00Z"}, 0),
    ],
    ids=["at-once", "not-mailed", "back-dated", "back-filled"],
)
def test_a_dry_run_says_whom_each_kind_of_post_mails(as_alice, cards, subscriber, said, people):
    subscriber()

    answer = as_alice.post(f"{POSTS}?dry_run=1", body(**said), format="json")

    assert answer.data == {"dry_run": True, "recipients": {**NOBODY, "email": people}}
    assert not Post.objects.exists()
    assert as_alice.post(POSTS, body(**said), format="json").status_code == 201


def test_a_back_dated_update_is_shown_at_its_time_and_an_override_stands(as_alice, post):
    url = f"{POSTS}{post.public_id}/update/"
    news = {"status": "identified", "body": "Found.", "display_at": "2026-11-23T12:05:00Z"}

    answer = as_alice.post(url, news, format="json")

    assert answer.data["updates"][0]["display_at"] == "2026-11-23T12:05:00Z"
    made = as_alice.post(
        POSTS, body(impact_override="critical", components={"cards": "degraded_performance"}), format="json"
    )
    assert made.data["impact"] == "critical"


def test_the_impact_of_a_post_is_overridden_later_and_nobody_is_mailed(as_alice, as_carol, post):
    url = f"{POSTS}{post.public_id}/amend/"

    answer = as_alice.post(url, {"impact_override": "minor"}, format="json")

    assert (answer.data["impact"], answer.data["name"]) == ("minor", "Card payments failing")
    assert post.updates.count() == 1
    assert as_carol.post(url, {"name": "x"}, format="json").status_code == 403


# -- the log -----------------------------------------------------------------------------------------------
def test_the_log_of_a_component_tells_what_when_and_why(as_alice, post, cards):
    as_alice.patch("/api/v1/components/cards/", {"status": "degraded_performance"}, format="json")
    as_alice.post(f"{POSTS}{post.public_id}/resolve/", {"body": "Over."}, format="json")

    newest, oldest = as_alice.get("/api/v1/components/cards/log/").data["results"]

    assert (oldest["old"], oldest["new"], oldest["source"]) == ("operational", "major_outage", "incident")
    assert (oldest["post"], oldest["by"]) == (post.public_id, "alice")
    assert (newest["new"], newest["at"]) == ("degraded_performance", "2026-11-23T12:30:00Z")


def test_a_baseline_set_by_a_program_says_so(as_alice, cards):
    as_alice.patch("/api/v1/components/cards/", {"status": "partial_outage"}, format="json")

    assert as_alice.get("/api/v1/components/cards/log/").data["results"][0]["source"] == "api"


def test_ten_thousand_changes_are_read_with_the_same_queries_as_two(
    as_alice, cards, post, alice, at, django_assert_max_num_queries
):
    facts = {"component": cards, "old": "operational", "new": "major_outage", "source": "incident"}
    ComponentChange.objects.bulk_create(
        ComponentChange(**facts, post=post, by=alice, at=at() + timedelta(seconds=n), recorded_at=at())
        for n in range(10_000)
    )

    with django_assert_max_num_queries(4):
        answer = as_alice.get("/api/v1/components/cards/log/?page_size=200")

    assert len(answer.data["results"]) == 200 and answer.data["next"]
