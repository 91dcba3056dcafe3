"""Pages in the console: what is typed, what is refused, and what is asked only where there are several."""

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from incidents.models import AffectedService, Incident
from oncall.messaging.errors import DomainError
from oncall.models import Service
from statuspage import copies, pages
from statuspage.models import Component, Logo, Post, StatusPage

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 30
ADD = "/admin/statuspage/statuspage/add/"


@pytest.fixture(autouse=True)
def noon(at):
    copies.drop_all()
    with time_machine.travel(at("12:30"), tick=False):
        yield


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def shop(page):
    return StatusPage.objects.create(slug="shop", name="Shop")


def typed(**changes):
    return {
        "name": "Shop",
        "slug": "shop",
        "time_zone": "UTC",
        "language": "en",
        "audience": "public",
        **changes,
    }


def change(page):
    return f"/admin/statuspage/statuspage/{page.pk}/change/"


def test_a_page_is_made_with_its_look_and_shows_it(as_alice, page):
    logo = SimpleUploadedFile("logo.svg", PNG, "image/svg+xml")
    told = typed(brand="#0b7a4b", picture=logo, support_url="mailto:help@shop.example", footer="Shop Ltd")

    assert as_alice.post(ADD, told).status_code == 302

    shop = StatusPage.objects.get(slug="shop")
    html = as_alice.get("/p/shop/").content.decode()
    assert f'src="/p/shop/look/{shop.logo_mark}"' in html and "Shop Ltd" in html
    assert 'href="mailto:help@shop.example"' in html and 'style="' not in html
    sheet = as_alice.get(_sheet(html))
    assert sheet["Content-Type"].startswith("text/css") and b"--brand:#0b7a4b" in sheet.content
    picture = as_alice.get(f"/p/shop/look/{shop.logo_mark}")
    assert (picture.content, picture["Content-Type"]) == (PNG, "image/png")
    assert "max-age=31536000" in picture["Cache-Control"]
    assert as_alice.get("/p/shop/look/aaaaaaaaaaaaaaaa.png").status_code == 404


def _sheet(html):
    return next(part.split('"')[0] for part in html.split('href="') if part.startswith("/p/shop/look/"))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"brand": "#ffcc00"}, "#ffcc00 on white has a contrast of 1.4 to 1"),
        ({"brand": "#5536b8", "brand_dark": "#222222"}, "#222222 on black has a contrast of 1.0 to 1"),
        ({"brand": "red"}, "six digits"),
        ({"audience": "password"}, "Give the password that readers need"),
        ({"audience": "password", "new_password": "short"}, "at least 8 characters"),
        ({"support_url": "javascript:alert(1)"}, "begins with https:// or mailto:"),
        ({"home_url": "javascript:alert(1)"}, "Enter a valid URL"),
        ({"host": "testserver"}, "the portal&#x27;s own host"),
    ],
)
def test_what_readers_could_not_use_is_refused_with_a_sentence(as_alice, page, wrong, reason):
    answer = as_alice.post(ADD, typed(**wrong))

    assert answer.status_code == 200 and reason in answer.content.decode()
    assert not StatusPage.objects.filter(slug="shop").exists()


@pytest.mark.parametrize(
    "body", [b"<svg onload='alert(1)'/>", b"GIF89a", PNG + b"\0" * 60_000], ids=["svg", "gif", "large"]
)
def test_a_logo_is_a_small_picture_by_its_bytes(as_alice, shop, alice, at, body):
    with pytest.raises(DomainError):
        pages.set_logo(shop, body, by=alice, at=at())

    answer = as_alice.post(change(shop), typed(picture=SimpleUploadedFile("logo.png", body, "image/png")))
    assert answer.status_code == 200 and not Logo.objects.exists()


def test_a_new_logo_has_a_new_address_and_none_leaves_no_bytes(shop, alice, at):
    first = pages.set_logo(shop, PNG, by=alice, at=at()).logo_mark
    second = pages.set_logo(shop, PNG + b"1", by=alice, at=at()).logo_mark

    assert first != second and Logo.objects.count() == 1
    assert pages.set_logo(shop, b"", by=alice, at=at()).logo_mark == "" and not Logo.objects.exists()


def test_an_edit_keeps_password_and_logo_and_shows_neither(as_alice, shop, alice, at):
    pages.set_logo(shop, PNG, by=alice, at=at())
    as_alice.post(change(shop), typed(audience="password", new_password="correct horse"))

    as_alice.post(change(shop), typed(audience="password", name="Shop 2"))

    after = StatusPage.objects.get(pk=shop.pk)
    assert after.name == "Shop 2" and after.logo_mark and after.opens_with("correct horse")
    assert after.closed_at == at("12:30")
    assert after.password not in as_alice.get(change(shop)).content.decode()


def test_a_key_is_shown_once_when_the_page_is_closed(as_alice, shop):
    as_alice.post(change(shop), typed(audience="staff"))

    told = as_alice.post(
        f"/admin/statuspage/statuspage/{shop.pk}/verbs/new-key/", follow=True
    ).content.decode()

    key = told.split("The key is ")[1].split(" ")[0]
    assert pages.has_key(StatusPage.objects.get(pk=shop.pk), key)
    assert key not in as_alice.get(change(shop)).content.decode()


def test_the_main_page_is_neither_deleted_nor_renamed(as_alice, page, shop):
    assert (
        as_alice.post(f"/admin/statuspage/statuspage/{page.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    as_alice.post(change(page), typed(slug="other", name="Northwind"))
    assert StatusPage.objects.get(pk=page.pk).slug == "main"

    as_alice.post(f"/admin/statuspage/statuspage/{shop.pk}/delete/", {"post": "yes"})
    assert not StatusPage.objects.filter(slug="shop").exists()


LISTS = ["component", "post", "maintenance", "subscriber"]


def test_with_one_page_nobody_is_asked_which(as_alice, cards, post, subscriber):
    subscriber()

    for name in LISTS:
        text = as_alice.get(f"/admin/statuspage/{name}/").content.decode()
        assert "column-page" not in text and "page__id__exact" not in text
    assert 'name="page"' not in as_alice.get("/admin/statuspage/component/add/").content.decode()
    assert "Page to tell it on" not in as_alice.get("/admin/statuspage/post/add/").content.decode()


def test_with_several_each_row_says_where_it_stands_and_a_post_is_told_on_one(
    as_alice, cards, post, subscriber, shop
):
    subscriber()
    till = Component.objects.create(page=shop, slug="till", name="Till")

    for name in LISTS:
        text = as_alice.get(f"/admin/statuspage/{name}/").content.decode()
        assert "page__id__exact" in text and ("column-page" in text or name == "maintenance")
    assert 'name="page"' in as_alice.get("/admin/statuspage/component/add/").content.decode()
    add = "/admin/statuspage/post/add/?page=shop"
    form = as_alice.get(add).content.decode()
    assert (
        f"component_{till.pk}" in form and f"component_{cards.pk}" not in form and 'href="?page=main"' in form
    )

    words = {
        "name": "Till down",
        "status": "investigating",
        "body": "x",
        f"component_{till.pk}": "major_outage",
    }
    preview = as_alice.post(add, words).content.decode()
    mark = preview.split('name="previewed" value="')[1].split('"')[0]
    as_alice.post(add, {**words, "publish": "1", "previewed": mark})

    told = Post.objects.get(name="Till down")
    assert told.page == shop
    assert (
        f'href="/p/shop/incidents/{told.public_id}/"'
        in as_alice.get(f"/admin/statuspage/post/{told.pk}/change/").content.decode()
    )


def test_an_incident_is_told_on_the_page_that_has_its_component(as_alice, shop, page):
    service = Service.objects.create(slug="till", name="Till")
    till = Component.objects.create(page=shop, slug="till", name="Till", service=service)
    incident = Incident.objects.create(title="x", state="declared", created_at=page.created_at)
    AffectedService.objects.create(incident=incident, service=service)

    form = as_alice.get(f"/admin/statuspage/post/add/?incident={incident.pk}").content.decode()

    assert f"component_{till.pk}" in form
