"""Several pages: each at its own place, with its own words, and nothing of one on another."""

import gzip
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.staticfiles import finders

from oncall import clock
from oncall.messaging.models import Delivery
from statuspage import (
    catalogue,
    copies,
    fanout,
    forms,
    links,
    maintenance,
    pages,
    publishing,
    snapshots,
    subscriptions,
)
from statuspage.catalogue import Reading
from statuspage.edges import disk
from statuspage.edges.following import Following
from statuspage.edges.serve import Serve
from statuspage.models import Component, StatusPage, Subscriber

pytestmark = pytest.mark.django_db
HOST = "status.partners.example"


@pytest.fixture(autouse=True)
def noon(at, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    copies.drop_all()
    with time_machine.travel(at("12:30"), tick=False):
        yield


@pytest.fixture
def partners(page):
    return StatusPage.objects.create(slug="partners", name="Partner Desk")


@pytest.fixture
def gateway(partners, alice, at):
    """A component of the partners' page, with a post about it."""
    row = Component.objects.create(page=partners, slug="gateway", name="Partner gateway")
    publishing.publish(
        name="Gateway is down",
        body="Partners cannot connect.",
        components={row: "major_outage"},
        page=partners,
        by=alice,
        at=at("12:10"),
    )
    maintenance.schedule(
        name="Gateway upgrade",
        body="Read-only.",
        scheduled_for=at("14:00"),
        scheduled_until=at("15:00"),
        components=[row],
        page=partners,
        by=alice,
        at=at("12:10"),
    )
    return row


@pytest.fixture
def at_host(partners):
    partners.host = HOST
    partners.save()
    return partners


def every_document(page, at):
    """Every document of a page, by its path."""
    read = Reading(page, at("12:30"), whole=True)
    wanted = [*snapshots._current(read), *snapshots._past(read)]
    return {one.path: made.body.decode() for one in wanted if (made := snapshots.render(one, read))}


def test_no_document_of_one_page_holds_a_word_of_another(post, gateway, at_host, at):
    main, partners = every_document(post.page, at), every_document(at_host, at)

    assert any("Card payments" in text for text in main.values())
    assert any("Gateway is down" in text for text in partners.values())
    for path, text in main.items():
        assert "Gateway" not in text and "Partner" not in text and HOST not in text, path
    for path, text in partners.items():
        assert "Card payments" not in text and "Northwind" not in text and "testserver" not in text, path


def test_every_link_of_a_page_leads_to_its_own_host(gateway, at_host, at):
    made = every_document(at_host, at)

    for path in ("/history.atom", "/history.rss", "/maintenance.ics", "/", "/api/v2/summary.json", "/embed/"):
        assert f"http://{HOST}" in made[path].replace("\r\n ", ""), path
    told = json.loads(made["/api/v2/summary.json"])
    assert told["page"]["url"] == f"http://{HOST}" and told["page"]["id"] == at_host.public_id
    assert told["incidents"][0]["shortlink"].startswith(f"http://{HOST}/incidents/")
    assert f'<link rel="canonical" href="http://{HOST}/">' in made["/"]


def test_a_page_without_a_host_stands_below_the_main_one(client, gateway, post):
    html = client.get("/p/partners/").content.decode()

    assert "Gateway is down" in html and 'href="/p/partners/history/"' in html
    assert 'href="/history/"' not in html
    assert client.get("/p/partners").status_code == 200
    assert json.loads(client.get("/p/partners/api/v2/summary.json").content)["page"]["url"].endswith(
        "/p/partners"
    )
    assert "Card payments" in client.get("/").content.decode()


def test_no_link_of_a_page_below_the_main_one_leads_to_the_main_one(client, gateway, at, subscriber):
    made = {
        path: text
        for path, text in every_document(gateway.page, at).items()
        if text.startswith("<!doctype html>")
    }
    dave = subscriber(page=gateway.page)
    for path in ("/subscribe/", "/nothing/", f"/manage/{links.manage_token(dave)}/"):
        made[path] = client.get(f"/p/partners{path}").content.decode()

    for path, text in made.items():
        assert not re.search(r'(href|action|src)="/(?!p/partners/|static/)', text), path


def test_a_page_with_a_host_stands_at_its_root_and_nothing_else_does(client, gateway, at_host, settings):
    settings.ALLOWED_HOSTS = ["localhost"]

    def there(path):
        return client.get(path, headers={"host": f"{HOST.upper()}:8000"})

    assert "Gateway is down" in there("/").content.decode()
    assert json.loads(there("/api/v2/status.json").content)["page"]["name"] == "Partner Desk"
    others = ("/admin/", "/login/", "/api/v1/", "/in/json/x", "/healthz", "/p/partners/")
    assert [there(path).status_code for path in others] == [404] * len(others)
    assert (
        client.post("/v2/enqueue", "{}", content_type="text/plain", headers={"host": HOST}).status_code == 404
    )
    assert there("/static/statuspage/status.css").status_code == 200
    assert "Partner Desk" in there("/nothing/").content.decode()


def test_who_asks_for_a_page_that_got_a_host_below_the_main_one_is_sent_there(client, at_host):
    answer = client.get("/p/partners/uptime/?component=x")

    assert (answer.status_code, answer["Location"]) == (302, f"http://{HOST}/uptime/?component=x")
    assert client.get("/p/nothing/").status_code == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", 'x"><script>', "status.partners.example.evil"]
)
def test_a_host_that_nobody_knows_gets_the_main_page_and_stands_in_no_byte(
    client, gateway, at_host, post, host
):
    told = client.get("/", headers={"host": host})

    assert told.content == client.get("/").content
    assert host not in told.content.decode() and "Location" not in told
    assert client.get("/history.atom", headers={"host": host}).content.decode().count("evil") == 0


def test_the_main_page_may_have_a_host_too_and_answers_on_every_other(client, page, post, alice):
    page.host = "status.northwind.example"
    page.save()
    client.force_login(alice)

    for host in ("status.northwind.example", "testserver", "other.example"):
        told = json.loads(client.get("/api/v2/summary.json", headers={"host": host}).content)
        assert told["page"]["url"] == "http://status.northwind.example"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/", headers={"host": "status.northwind.example"}).status_code == 404


def test_mail_of_a_page_links_to_its_host(gateway, at_host, alice, at):
    subscriptions.subscribe(
        "erin@shop.example", subscriptions.Choice(), network="192.0.2.1", at=at(), page=at_host
    )

    letter = Delivery.objects.get(address="erin@shop.example").message
    erin = Subscriber.objects.get(page=at_host)

    assert links.confirm_url(erin).startswith(f"http://{HOST}/confirm/") and HOST in letter.text
    assert "Partner Desk" in letter.subject and "testserver" not in letter.text


def test_who_subscribes_on_a_page_hears_of_that_page_only(client, gateway, at_host, cards):
    made = forms.stamp(clock.now() - timedelta(minutes=1))
    typed = {"email": "erin@shop.example", "incidents": "on", "made": made}
    client.post("/subscribe/", typed, headers={"host": HOST})

    assert Subscriber.objects.get(address="erin@shop.example").page == at_host


def test_a_link_in_a_mail_opened_on_another_page_leads_to_its_own(client, at_host, page, subscriber):
    dave = subscriber(page=at_host)
    token = links.manage_token(dave)

    assert client.get(f"/manage/{token}/")["Location"] == f"http://{HOST}/manage/{token}/"
    assert "Partner Desk" in client.get(f"/manage/{token}/", headers={"host": HOST}).content.decode()
    assert client.post(f"/u/{token}/").status_code == 200
    assert Subscriber.objects.get(pk=dave.pk).state == "unsubscribed"


@pytest.mark.parametrize(
    "host",
    [
        "testserver",
        "localhost",
        "10.0.0.1",
        "status",
        "https://a.example",
        "a.example:80",
        "A.example",
        "-a.example",
    ],
)
def test_a_host_is_a_plain_name_and_not_the_portals_own(partners, host):
    with pytest.raises(Exception, match="host"):
        StatusPage(slug="x", name="X", host=host).full_clean()


def test_two_pages_cannot_have_one_host(at_host):
    with pytest.raises(Exception, match="Another page has this host"):
        StatusPage(slug="x", name="X", host=HOST).full_clean()


def test_a_component_stands_in_a_group_of_its_own_page(payments, partners):
    with pytest.raises(Exception, match="stands on another page"):
        Component(page=partners, slug="x", name="X", parent=payments).full_clean()


def test_a_post_tells_of_components_of_its_own_page(partners, cards, alice, at):
    with pytest.raises(Exception, match="cannot be set"):
        publishing.publish(
            name="x", body="x", components={cards: "major_outage"}, page=partners, by=alice, at=at()
        )


def test_a_page_goes_with_everything_on_it_and_mails_nothing_more(
    gateway, payments, cards, subscriber, alice, at
):
    subscriber("dave@shop.example", page=gateway.page)
    fanout.fan_out(now=lambda: at("12:30"))
    group = Component.objects.create(page=gateway.page, slug="group", name="Group", is_group=True)
    gateway.parent = group
    gateway.save()

    pages.remove(gateway.page, by=alice, at=at("12:31"))

    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}
    assert set(Component.objects.values_list("slug", flat=True)) == {"payments", "cards"}


def test_the_metrics_tell_how_old_each_public_page_is(client, partners, at):
    StatusPage.objects.create(slug="staff", name="Staff", audience="staff", closed_at=at())
    snapshots.publish_due(now=lambda: at("12:28"))
    StatusPage.objects.filter(slug="partners").update(version=99)

    told = client.get("/metrics").content.decode()

    assert 'muster_status_page_lag_seconds{page="main"} 0\n' in told
    assert 'muster_status_page_lag_seconds{page="partners"} 120\n' in told and "staff" not in told


def test_a_page_of_fifty_components_weighs_less_than_30_kb(page, cards, post, at):
    page.brand = "#0b7a4b"
    page.save()
    for n in range(49):
        Component.objects.create(
            slug=f"c{n}", name=f"Component number {n}", description="What it does for you."
        )
    read = Reading(page, at("12:30"))

    parts = [catalogue.FIXED["/"].make(read), catalogue.of_look(page)[0].make(read)]
    parts.append(Path(finders.find("statuspage/status.css")).read_bytes())

    assert sum(len(gzip.compress(part, 6)) for part in parts) < 30_000


# -- the front -----------------------------------------------------------------------------------------------
@pytest.fixture
def front(at):
    """The front before a Django that says which page it was told of; ``front.look()`` as the thread would."""

    def django(environ, start_response):
        start_response("200 OK", [])
        return [b"Django " + environ["muster.page"].encode()]

    known = Following()
    known._started = True
    serve = Serve(django, known)

    def ask(path, host="testserver"):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "HTTP_HOST": host}
        return b"".join(serve(environ, lambda *told: None)).decode()

    def look(clock="12:30"):
        snapshots.publish_due(now=lambda: at(clock))
        known.look(at=at(clock))

    ask.look, ask.known = look, known
    return ask


def test_the_front_answers_each_page_at_its_place_without_a_query(
    front, gateway, at_host, post, django_assert_num_queries
):
    StatusPage.objects.create(slug="shop", name="Shop Desk")
    front.look()

    with django_assert_num_queries(0):
        assert "Gateway is down" in front("/", HOST) and "Gateway is down" in front("/", f"{HOST}:8443")
        assert "Card payments failing" in front("/") and "Card payments failing" in front("/", "evil.example")
        assert "Shop Desk" in front("/p/shop/") and "Shop Desk" in front("/p/shop/history")
        assert front("/p/shop/", HOST) == "Django partners"
        assert front("/p/partners/") == front("/p/main/") == front("/p/nothing/") == "Django "


def test_the_front_follows_a_page_that_is_added_moved_and_deleted(front, gateway, post):
    front.look()
    assert "Gateway is down" in front("/p/partners/")

    StatusPage.objects.filter(slug="partners").update(host=HOST)
    front.look("12:31")
    assert "Gateway is down" in front("/", HOST) and front("/p/partners/") == "Django "

    StatusPage.objects.filter(slug="partners").update(slug="dealers", host="")
    front.look("12:32")
    assert "Gateway is down" in front("/p/dealers/") and "Card payments failing" in front("/", HOST)

    StatusPage.objects.get(slug="dealers").delete()
    front.look("12:33")
    assert front("/p/dealers/") == "Django " and "Card payments failing" in front("/")


def test_a_page_that_cannot_be_rendered_stops_no_other(front, gateway, post, at, monkeypatch):
    made = catalogue.html.index
    monkeypatch.setattr(
        "statuspage.documents.html.index",
        lambda page: made(page) if page.site.name == "Partner Desk" else 1 / 0,
    )

    with pytest.raises(ZeroDivisionError):
        front.look()
    front.known.look(at=at("12:30"))

    assert front("/") == "Django " and "Gateway is down" in front("/p/partners/")


def test_a_process_that_starts_without_a_database_knows_every_place(front, gateway, at_host, post, at):
    StatusPage.objects.create(
        slug="staff", name="Staff", audience="staff", closed_at=at(), host="staff.example"
    )
    front.look()

    fresh = Following()
    fresh.load(at=at())

    assert "/" in fresh.by_host[HOST].answers and "/" in fresh.main.answers
    assert fresh.by_host["staff.example"].answers == {}
    assert [one.slug for one in disk.read()] == ["main", "partners", "staff"]
