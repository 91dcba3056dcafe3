"""The status page through the REST API, on a router of its own."""

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import include, path
from rest_framework.routers import DefaultRouter
from rest_framework.test import APIClient

from incidents.models import Incident
from oncall.messaging.models import Delivery
from statuspage import api
from statuspage.models import Component, Post, StatusPage, Subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

router = DefaultRouter()
for prefix, view, basename in api.ROUTES:
    router.register(prefix, view, basename=basename)
urlpatterns = [path("api/v1/", include(router.urls))]


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


def body(**changes):
    return {"name": "Slow", "body": "Slow since noon.", "components": {"cards": "partial_outage"}, **changes}


def test_a_post_in_the_words_of_statuspage(as_alice, cards):
    answer = as_alice.post("/api/v1/posts/", body(status="identified"), format="json")

    assert answer.status_code == 201, answer.data
    assert answer.data["impact"] == "major"
    assert answer.data["components"] == {"cards": "partial_outage"}
    assert answer.data["updates"][0]["affected"][0]["new_status"] == "partial_outage"


def test_a_dry_run_counts_and_writes_nothing(as_alice, cards, wallets, subscriber):
    subscriber("all@shop.example")
    subscriber("cards@shop.example", cards)
    subscriber("wallets@shop.example", wallets)

    answer = as_alice.post("/api/v1/posts/?dry_run=1", body(), format="json")

    assert answer.data["recipients"] == {"email": 2, "webhook": 0, "slack": 0, "teams": 0}
    assert not Post.objects.exists()


def test_an_update_and_its_promise(as_alice, post):
    answer = as_alice.post(
        f"/api/v1/posts/{post.public_id}/update/",
        {
            "status": "monitoring",
            "body": "Fixed?",
            "components": {"cards": "operational"},
            "next_update_in": 1800,
        },
        format="json",
    )

    assert answer.status_code == 200, answer.data
    assert answer.data["next_update_at"] == "2026-11-23T13:00:00Z"
    assert answer.data["components"] == {"cards": "operational"}


def test_resolving(as_alice, post):
    answer = as_alice.post(f"/api/v1/posts/{post.public_id}/resolve/", {"body": "Over."}, format="json")

    assert (answer.data["status"], answer.data["resolved_at"]) == ("resolved", "2026-11-23T12:30:00Z")


def test_a_backfilled_post(as_alice, cards, subscriber):
    subscriber()

    answer = as_alice.post(
        "/api/v1/posts/", body(status="resolved", backfill_date="2026-11-01T10:00:00Z"), format="json"
    )

    assert answer.data["backfilled"] is True
    assert answer.data["started_at"] == answer.data["resolved_at"] == "2026-11-01T10:00:00Z"
    assert answer.data["updates"][0]["deliver_notifications"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"components": {"nothing": "major_outage"}},
        {"components": {"cards": "broken"}},
        {"components": ["cards"]},
        {"status": "completed"},
        {"name": ""},
        {"started_at": "2026-02-30T10:00:00Z"},
        {"started_at": "2026-02-03T10:00:00"},
        {"started_at": "0001-01-01T00:00:00Z"},
        {"started_at": "9999-12-31T23:59:59Z"},
        {"started_at": 1e20},
        {"incident": "INC-99999"},
        {"impact_override": "huge"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_with_the_fields_name(as_alice, cards, wrong):
    answer = as_alice.post("/api/v1/posts/", body(**wrong), format="json")

    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.data


def test_a_refused_verb_is_409_with_a_sentence(as_alice, cards):
    answer = as_alice.post("/api/v1/posts/", body(started_at="2027-01-01T00:00:00Z"), format="json")

    assert answer.status_code == 409
    assert answer.data["code"] == "wrong_time"


def test_who_may_only_look_publishes_nothing(as_carol, post, cards):
    assert as_carol.post("/api/v1/posts/", body(), format="json").status_code == 403
    news = {"status": "resolved", "body": "Over."}
    refused = as_carol.post(f"/api/v1/posts/{post.public_id}/update/", news, format="json")
    assert refused.status_code in {403, 409} and Post.objects.get().status == "investigating"


def test_a_private_incident_is_not_named_to_those_who_may_not_see_it(as_alice, as_carol, carol, post):
    post.incident = Incident.objects.create(title="x", private=True, created_at=post.created_at)
    post.save()
    carol.user_permissions.add(Permission.objects.get(codename="view_post"))

    assert as_alice.get(f"/api/v1/posts/{post.public_id}/").data["incident"] == f"INC-{post.incident_id}"
    assert as_carol.get(f"/api/v1/posts/{post.public_id}/").data["incident"] is None


def test_a_maintenance_and_its_edges(as_alice, cards):
    made = as_alice.post(
        "/api/v1/maintenances/",
        {
            "name": "Upgrade",
            "body": "Read-only.",
            "components": ["cards"],
            "scheduled_for": "2026-11-23T14:00:00Z",
            "scheduled_until": "2026-11-23T16:00:00Z",
            "scheduled_auto_completed": False,
        },
        format="json",
    )
    assert made.status_code == 201, made.data
    url = f"/api/v1/maintenances/{made.data['id']}/"

    started = as_alice.post(f"{url}start/", {}, format="json")
    ended = as_alice.post(f"{url}complete/", {"body": "Done."}, format="json")

    assert started.data["components"] == {"cards": "under_maintenance"}
    assert (ended.data["status"], ended.data["updates"][0]["body"]) == ("completed", "Done.")


def test_setting_a_baseline_leaves_posts_alone(as_alice, post, cards):
    answer = as_alice.patch("/api/v1/components/cards/", {"status": "degraded_performance"}, format="json")

    assert (answer.data["status"], answer.data["shown_status"]) == ("degraded_performance", "major_outage")


def test_components_can_be_made_and_kept_apart(as_alice, payments):
    made = {"slug": "refunds", "name": "Refunds", "group": "payments"}

    assert as_alice.post("/api/v1/components/", made, format="json").status_code == 201
    again = as_alice.post("/api/v1/components/", made, format="json")
    assert (again.status_code, list(again.data)) == (400, ["slug"])
    assert Component.objects.get(slug="refunds").parent == payments
    inside = as_alice.patch("/api/v1/components/payments/", {"group": "payments"}, format="json")
    assert inside.status_code == 400


def test_subscribing_by_api_has_the_limits_of_the_form(as_alice, page):
    answers = [
        as_alice.post("/api/v1/subscribers/", {"email": f"v{n}@x.example"}, format="json") for n in range(8)
    ]

    assert {(answer.status_code, str(answer.data)) for answer in answers} == {(202, str(answers[0].data))}
    assert Delivery.objects.count() == 5


def test_two_addresses_in_one_field_are_refused(as_alice, page):
    answer = as_alice.post("/api/v1/subscribers/", {"email": "a@x.example, b@x.example"}, format="json")

    assert (answer.status_code, list(answer.data)) == (400, ["email"])


def test_a_webhook_is_subscribed_by_api_with_its_owner(as_alice, cards, settings):
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    asked = {"endpoint": "http://127.0.0.1:9/in", "components": ["cards"], "postmortems": True}

    assert list(as_alice.post("/api/v1/subscribers/", asked, format="json").data) == ["email"]
    answer = as_alice.post("/api/v1/subscribers/", asked | {"email": "ops@shop.example"}, format="json")

    told = as_alice.get("/api/v1/subscribers/?channel=webhook").data["results"][0]
    assert answer.status_code == 202
    assert (told["email"], told["endpoint"], told["components"], told["state"]) == (
        "ops@shop.example",
        "http://127.0.0.1:9/in",
        ["cards"],
        "pending",
    )


def test_subscribers_are_listed_as_csv_for_those_who_may_change_them(as_alice, carol, subscriber):
    subscriber("dave@shop.example")

    text = b"".join(as_alice.get("/api/v1/subscribers/?format=csv").streaming_content).decode()
    as_alice.force_authenticate(carol)

    assert "email,dave@shop.example" in text
    assert as_alice.get("/api/v1/subscribers/?format=csv").status_code == 403


def test_deleting_a_subscriber_unsubscribes(as_alice, subscriber):
    dave = subscriber()

    assert as_alice.delete(f"/api/v1/subscribers/{dave.public_id}/").status_code == 204
    assert Subscriber.objects.get().state == "unsubscribed"


@pytest.mark.parametrize(
    "path",
    [
        "components/%00/",
        "components/x%00y/",
        "posts/%00/",
        "posts/aaaaaaaaaaaa/",
        "subscribers/%00/",
        "maintenances/1/",
    ],
)
def test_what_is_not_there_is_404(as_alice, page, path):
    assert as_alice.get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "ordering=password",
        "search=%00",
        "page_size=-1",
        "page_size=10000000",
        "status=%00",
        "cursor=x",
        "is_group=x",
    ],
)
def test_odd_queries_are_refused_or_ignored(as_alice, post, subscriber, query):
    subscriber()

    for name in ("components", "posts", "maintenances", "subscribers"):
        assert as_alice.get(f"/api/v1/{name}/?{query}").status_code in {200, 400, 404}


def test_methods_that_do_not_exist_are_405(as_alice, post):
    url = f"/api/v1/posts/{post.public_id}/"

    assert [as_alice.generic(method, url).status_code for method in ("PUT", "PATCH", "DELETE")] == [405] * 3


def test_lists_hold_one_page_and_what_is_made_is_made_there(as_alice, cards, post, page):
    shop = StatusPage.objects.create(slug="shop", name="Shop")
    for slug in ("group", "cards"):
        Component.objects.create(page=shop, slug=slug, name=f"Shop {slug}", is_group=slug == "group")

    made = as_alice.post("/api/v1/posts/?page=shop", body(), format="json")
    row = as_alice.post(
        "/api/v1/components/?page=shop", {"slug": "till", "name": "Till", "group": "group"}, format="json"
    )
    as_alice.post(
        "/api/v1/subscribers/?page=shop", {"email": "e@shop.example", "components": ["cards"]}, format="json"
    )

    def names(kind, page=""):
        return {
            one.get("name") or one["email"] for one in as_alice.get(f"/api/v1/{kind}/{page}").data["results"]
        }

    assert made.data["page"] == row.data["page"] == "shop" and row.data["group"] == "group"
    assert (names("posts"), names("posts", "?page=shop")) == ({post.name}, {"Slow"})
    assert names("components", "?page=shop") == {"Shop group", "Shop cards", "Till"}
    assert (names("subscribers"), names("subscribers", "?page=shop")) == (set(), {"e@shop.example"})
    assert as_alice.get("/api/v1/components/cards/?page=shop").data["name"] == "Shop cards"
    assert as_alice.get(f"/api/v1/posts/{made.data['id']}/").status_code == 200
    told = as_alice.post(
        f"/api/v1/posts/{made.data['id']}/update/",
        {"status": "monitoring", "body": "x", "components": {"cards": "operational"}},
        format="json",
    )
    assert told.data["components"] == {"cards": "operational"}
    assert as_alice.get("/api/v1/posts/?page=nothing").status_code == 404


def test_a_group_that_holds_something_is_not_deleted(as_alice, cards):
    assert as_alice.delete("/api/v1/components/payments/").status_code == 409


def test_pages_are_listed_without_their_secrets(as_alice, as_carol, page):
    StatusPage.objects.create(slug="shop", name="Shop", host="shop.example", password="hash", key_hash="hash")

    rows = as_alice.get("/api/v1/statuspages/").data["results"]

    assert {row["slug"]: row["url"] for row in rows} == {
        "main": "http://testserver",
        "shop": "http://shop.example",
    }
    assert "hash" not in str(as_alice.get("/api/v1/statuspages/shop/").data)
    assert as_carol.get("/api/v1/statuspages/").status_code == 403
