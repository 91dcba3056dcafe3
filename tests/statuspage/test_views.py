"""What a browser, a cache and a mail client get."""

import gzip
import json

import pytest
import time_machine

from oncall.messaging.models import Delivery
from statuspage import copies, links, maintenance, publishing, subscriptions
from statuspage.models import Component, Subscriber

pytestmark = pytest.mark.django_db
PAGES = ["/", "/history/", "/history", "/subscribe/", "/api/v2/summary.json", "/api/v2/status.json"]


@pytest.fixture(autouse=True)
def noon(at):
    copies.drop_all()
    with time_machine.travel(at("12:30"), tick=False):
        yield


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_sets_no_cookie_and_allows_no_script(client, post, path):
    answer = client.get(path)

    assert answer.status_code == 200
    assert not answer.cookies and "Cookie" not in answer.get("Vary", "")
    assert "default-src 'none'; style-src 'self'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]


def test_a_second_look_costs_one_query(client, post, django_assert_num_queries):
    client.get("/")

    with django_assert_num_queries(1):
        client.get("/")


def test_what_is_published_shows_at_once(client, post, alice, at):
    assert b"Nobody can pay" not in client.get("/").content

    publishing.update(post, status="identified", body="Nobody can pay.", by=alice, at=at("12:29"))

    assert b"Nobody can pay" in client.get("/").content


def test_a_copy_follows_the_clock(client, post, at):
    client.get("/")

    with time_machine.travel(at("12:45"), tick=False):
        assert "12:45\u00a0UTC" in client.get("/").content.decode()


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_who_has_it_already_gets_304_without_a_body(client, post, encoding):
    first = client.get("/", headers={"Accept-Encoding": encoding})

    for mark in (first["ETag"], f"W/{first['ETag']}", f'"x", {first["ETag"]}', "*"):
        again = client.get("/", headers={"Accept-Encoding": encoding, "If-None-Match": mark})
        assert (again.status_code, again.content) == (304, b"")


def test_the_page_is_sent_compressed_to_those_who_can_read_it(client, post):
    plain, zipped = client.get("/"), client.get("/", headers={"Accept-Encoding": "br, gzip"})

    assert gzip.decompress(zipped.content) == plain.content
    assert zipped["Vary"] == "Accept-Encoding"
    assert plain["ETag"] != zipped["ETag"]


def test_head_has_the_length_and_no_body(client, post):
    head, get = client.head("/api/v2/components.json"), client.get("/api/v2/components.json")

    assert head.content == b""
    assert head["Content-Length"] == get["Content-Length"] == str(len(get.content))


def test_scripts_of_other_sites_may_read_the_api_and_nothing_else(client, post):
    assert client.get("/api/v2/summary.json?nonce=1")["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client.get("/").headers


def test_writing_to_a_public_page_is_refused(client, post):
    assert client.post("/").status_code == 405
    assert client.delete("/api/v2/summary.json").status_code == 405


def test_every_document_of_the_api_is_there(client, post, cards, alice, at):
    plan = maintenance.schedule(
        name="Upgrade",
        body="x",
        scheduled_for=at("14:00"),
        scheduled_until=at("15:00"),
        components=[cards],
        by=alice,
        at=at(),
    )

    documents = {
        "incidents.json": "incidents",
        "incidents/unresolved.json": "incidents",
        "scheduled-maintenances.json": "scheduled_maintenances",
        "scheduled-maintenances/upcoming.json": "scheduled_maintenances",
        f"incidents/{post.public_id}.json": "incident",
        f"scheduled-maintenances/{plan.public_id}.json": "scheduled_maintenance",
    }
    for path, key in documents.items():
        assert json.loads(client.get(f"/api/v2/{path}").content)[key], path
    assert (
        json.loads(client.get("/api/v2/scheduled-maintenances/active.json").content)["scheduled_maintenances"]
        == []
    )


@pytest.mark.parametrize(
    "path",
    [
        "/incidents/aaaaaaaaaaaa/",
        "/incidents/1/",
        "/api/v2/incidents/aaaaaaaaaaaa.json",
        "/api/v2/nothing.json",
        "/proxy/status.example.com",
        "/history/?month=2026-13",
        "/history/?month=x%00",
        "/index.css",
        "/;.js",
        "/%2e%2e/",
    ],
)
def test_what_is_not_there_is_a_plain_404(client, post, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "There is no page here" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"


def test_the_permanent_address_shows_the_post(client, post):
    answer = client.get(f"/incidents/{post.public_id}/")

    assert "Card payments failing" in answer.content.decode()


def test_history_goes_back_three_months_at_a_time(client, cards, alice, at):
    publishing.publish(
        name="In spring",
        body="x",
        status="resolved",
        started_at=at(days=-240),
        backfilled=True,
        by=alice,
        at=at(),
    )

    now = client.get("/history/").content.decode()
    assert "In spring" not in now and "/history/2026-08/" in now
    assert "In spring" in client.get("/history/?month=2026-05").content.decode()
    assert "Earlier" not in client.get("/history/?month=2026-05").content.decode()


def test_a_page_with_nothing_on_it_says_so(client, page):
    assert "No components yet" in client.get("/").content.decode()
    assert "Nothing has been reported" in client.get("/history/").content.decode()


# -- subscribers -----------------------------------------------------------------------------------------------
def test_signing_up_is_answered_the_same_for_known_and_unknown_addresses(sign_up, page, subscriber):
    subscriber("known@shop.example")

    known = sign_up(email="known@shop.example", about="everything")
    fresh = sign_up(email="fresh@shop.example", about="everything")

    assert (known.status_code, fresh.status_code) == (202, 202)
    assert known.content == fresh.content
    assert not fresh.cookies


def test_the_form_keeps_only_what_was_ticked(sign_up, cards, wallets):
    sign_up(email="dave@shop.example", about="some", components=[cards.public_id, "x"], incidents="on")

    dave = Subscriber.objects.get()
    assert (dave.everything, list(dave.components.all())) == (False, [cards])
    assert (dave.incidents, dave.maintenance) == (True, False)


def test_a_robot_that_fills_in_everything_is_thanked_and_forgotten(sign_up, page):
    answer = sign_up(email="dave@shop.example", website="http://x.example")

    assert answer.status_code == 202
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    "email", ["", "a@x.example, b@x.example", "a@x.example\nBcc: c@x.example", "a\x00@x.example"]
)
def test_a_wrong_address_is_explained_and_stays_in_the_field(sign_up, page, email):
    answer = sign_up(email=email)

    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not Delivery.objects.exists()


def test_five_sign_ups_from_one_visitor_are_enough(sign_up, page, settings):
    settings.TRUSTED_PROXIES = 1
    for n in range(8):
        answer = sign_up(email=f"v{n}@x.example", headers={"X-Forwarded-For": f"10.9.8.{n}, 198.51.100.7"})
        assert answer.status_code == 202

    assert Delivery.objects.count() == 5


@pytest.fixture
def asked(page, cards, at):
    subscriptions.subscribe(
        "dave@shop.example", subscriptions.Choice(False, (cards,)), network="192.0.2.1", at=at("12:00")
    )
    return Subscriber.objects.get()


def path_of(url):
    return url.removeprefix("http://testserver")


def test_looking_at_a_link_changes_nothing(client, asked):
    confirm = path_of(links.confirm_url(asked))

    for method in (client.get, client.head):
        assert method(confirm).status_code == 200
    assert Subscriber.objects.get().state == "pending"
    assert "d…e@shop.example" in client.get(confirm).content.decode()


def test_pressing_confirm_subscribes(client, asked):
    answer = client.post(path_of(links.confirm_url(asked)), {"answer": "yes"})

    assert "You are subscribed" in answer.content.decode()
    assert Subscriber.objects.get().state == "active"


def test_pressing_not_me_refuses(client, asked):
    client.post(path_of(links.confirm_url(asked)), {"answer": "not_me"})

    assert Subscriber.objects.get().state == "refused"


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_one_click_from_the_mail_client_unsubscribes(client, subscriber, kind):
    dave = subscriber()
    url = path_of(links.unsubscribe_url(dave))
    assert client.get(url).status_code == 200 and Subscriber.objects.active().exists()

    body = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        answer = (
            client.post(url, body)
            if kind == "multipart"
            else client.post(
                url, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
            )
        )
        assert answer.status_code == 200
    dave.refresh_from_db()
    assert dave.state == "unsubscribed"


def test_unsubscribing_an_address_that_is_forgotten_is_answered_kindly(client, subscriber):
    dave = subscriber()
    url = path_of(links.unsubscribe_url(dave))
    dave.delete()

    assert client.post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200


def test_the_manage_link_changes_what_one_hears(client, subscriber, cards):
    dave = subscriber()
    url = path_of(links.manage_url(dave))

    answer = client.post(
        url, {"answer": "save", "about": "some", "components": cards.public_id, "maintenance": "on"}
    )

    dave.refresh_from_db()
    assert "Saved." in answer.content.decode()
    assert (dave.everything, dave.incidents, dave.maintenance) == (False, False, True)
    assert client.post(url, {"answer": "leave"}).status_code == 200
    assert not Subscriber.objects.active().exists()


def test_a_hidden_component_cannot_be_chosen_or_seen(client, sign_up, cards, page):
    Component.objects.filter(pk=cards.pk).update(visible=False)

    sign_up(email="d@x.example", about="some", components=cards.public_id)

    assert list(Subscriber.objects.get().components.all()) == []
    assert "Card payments" not in client.get("/subscribe/").content.decode()
