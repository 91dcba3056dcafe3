"""A page that is not public: nothing of it to a stranger, on no path, in no form and from no copy."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission

from oncall.models import User
from statuspage import (
    catalogue,
    copies,
    fanout,
    links,
    maintenance,
    pages,
    publishing,
    snapshots,
    urls,
)
from statuspage.catalogue import Reading
from statuspage.edges import disk, door
from statuspage.edges.following import Following
from statuspage.models import Component, Snapshot, StatusPage, Subscriber

pytestmark = pytest.mark.django_db
SECRETS = ("Vault", "Breach", "sealed", "Blackbox", "Rotation")
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def noon(at, settings, tmp_path):
    settings.DATA_DIR, settings.ALLOWED_HOSTS = tmp_path, []  # what is not the portal's needs no setting
    copies.drop_all()
    with time_machine.travel(at("12:30"), tick=False):
        yield


@pytest.fixture(params=["", "inside.example"], ids=["path", "host"])
def inside(request, page, alice, at):
    """A page with something of everything, every word of it a secret."""
    made = StatusPage(
        slug="inside", name="Blackbox", host=request.param, brand="#5536b8", footer="Vault keepers"
    )
    made.save()
    pages.set_logo(made, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 30, by=alice, at=at())
    vault = Component.objects.create(page=made, slug="vault", name="Vault", description="sealed")
    publishing.publish(
        name="Breach of the Vault",
        body="It was sealed.",
        components={vault: "major_outage"},
        page=made,
        by=alice,
        at=at(),
    )
    maintenance.schedule(
        name="Rotation of keys",
        body="sealed",
        scheduled_for=at("14:00"),
        scheduled_until=at("15:00"),
        components=[vault],
        page=made,
        by=alice,
        at=at(),
    )
    return StatusPage.objects.get(pk=made.pk)


def close(page, audience, at):
    page.audience = audience
    page.password = pages.hashed(PASSWORD)
    pages.settled(page, at=at).save()
    return page


def paths(page, at):
    read = Reading(page, at, whole=True)
    every = [*snapshots._current(read), *snapshots._past(read)]
    return list({one.path for one in every if one.make(read) is not None})


@pytest.fixture
def ask(client, inside):
    """As a reader: ``ask("/history/")``; what follows goes to the client."""

    def asked(path, method="get", **options):
        headers = options.pop("headers", {}) | ({"host": inside.host} if inside.host else {})
        data = options.pop("data", None)
        return getattr(client, method)(f"{inside.prefix}{path}", data, headers=headers, **options)

    return asked


@pytest.mark.parametrize("audience", ["password", "staff"])
def test_a_stranger_gets_nothing_of_any_document(ask, inside, audience, at):
    every = paths(inside, at("12:30"))
    assert set(catalogue.FIXED) < set(every) and any(path.startswith("/look/") for path in every)
    close(inside, audience, at())

    others = ["/subscribe/", "/sign-in/", "/nothing/", "/incidents/aaaaaaaaaaaa/", "/confirm/aaaaaaaaaaaa/"]
    others += ["/u/aaaaaaaaaaaa/", "/manage/aaaaaaaaaaaa/", "/history/2026-10/"]
    for path in [*every, *others]:
        for headers in (
            {},
            {"Authorization": "OAuth wrong"},
            {"Cookie": f"{door.cookie_name(inside)}=x:y:z"},
        ):
            answer = ask(path, headers=headers)
            told = answer.content.decode() + str(answer.headers)
            assert not [word for word in SECRETS if word in told], (path, told)
            assert answer.status_code in (401, 404) or path.startswith("/u/"), path
            assert "no-store" in answer["Cache-Control"] and not answer.has_header(
                "Access-Control-Allow-Origin"
            )
            assert path not in every or (answer.status_code, answer["Cache-Control"]) == (
                401,
                "private, no-store",
            )


@pytest.mark.parametrize("audience", ["password", "staff"])
def test_who_signed_in_reads_every_document_and_no_cache_keeps_it(ask, inside, audience, at):
    every = paths(inside, at("12:30"))
    close(inside, audience, at())
    erin = User.objects.create_user("erin", password=PASSWORD)
    erin.user_permissions.add(Permission.objects.get(codename="view_statuspage"))

    told = ask("/sign-in/", "post", data={"username": "erin", "password": PASSWORD, "next": "/history/"})

    assert (told.status_code, told["Location"]) == (303, f"{inside.prefix}/history/")
    cookie = told.cookies[door.cookie_name(inside)]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (f"{inside.prefix}/", True, "Lax")
    assert list(told.cookies) == [door.cookie_name(inside)]
    for path in every:
        answer = ask(path)
        assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store"), path
        assert not answer.has_header("Access-Control-Allow-Origin") and not answer.cookies
    ask("/sign-out/", "post")
    assert ask("/").status_code == 401


def test_programs_read_a_closed_page_with_its_key_and_no_other(ask, inside, alice, at):
    close(inside, "password", at())
    key = pages.give_key(inside, by=alice, at=at())

    for scheme in ("OAuth", "Bearer"):
        told = ask("/api/v2/summary.json", headers={"Authorization": f"{scheme} {key}"})
        assert json.loads(told.content)["incidents"][0]["name"] == "Breach of the Vault"
    newer = pages.give_key(inside, by=alice, at=at())
    assert ask("/api/v2/summary.json", headers={"Authorization": f"OAuth {key}"}).status_code == 401
    assert ask("/history.atom", headers={"Authorization": f"OAuth {newer}"}).status_code == 200
    assert key not in str(StatusPage.objects.values()) and newer not in str(StatusPage.objects.values())


def test_a_new_password_ends_every_visit_and_so_does_the_end_of_an_account(ask, inside, at):
    close(inside, "password", at())
    ask("/sign-in/", "post", data={"password": PASSWORD})
    assert ask("/").status_code == 200
    inside.password = pages.hashed("another horse")
    inside.save()
    assert ask("/").status_code == 401

    close(inside, "staff", at())
    erin = User.objects.create_superuser("erin", password=PASSWORD)
    ask("/sign-in/", "post", data={"username": "erin", "password": PASSWORD})
    assert ask("/").status_code == 200
    erin.is_active = False
    erin.save()
    assert ask("/").status_code == 401


def test_an_account_without_the_right_is_not_let_in(ask, inside, carol, at):
    close(inside, "staff", at())

    assert ask("/sign-in/", "post", data={"username": "carol", "password": "pw"}).status_code == 401


def test_people_of_the_portal_need_not_sign_in_again(client, page, alice, at):
    close(page, "staff", at())
    assert client.get("/").status_code == 401

    client.force_login(alice)

    assert "Northwind" in client.get("/").content.decode()


def test_ten_wrong_passwords_from_one_network_have_to_wait(ask, inside, at):
    close(inside, "password", at())
    for _ in range(10):
        assert ask("/sign-in/", "post", data={"password": "guess"}).status_code == 401

    assert ask("/sign-in/", "post", data={"password": PASSWORD}).status_code == 429
    assert ask("/sign-in/", "post", data={"password": PASSWORD}, REMOTE_ADDR="192.0.2.9").status_code == 303
    with time_machine.travel(at("12:46"), tick=False):
        assert ask("/sign-in/", "post", data={"password": PASSWORD}).status_code == 303


@pytest.mark.parametrize(
    "wanted", ["//evil.example/", "https://evil.example/", "/\\evil.example", "\r\nX: y", "/sign-in/"]
)
def test_signing_in_leads_to_this_page_only(ask, inside, wanted, at):
    close(inside, "password", at())

    told = ask("/sign-in/", "post", data={"password": PASSWORD, "next": wanted})

    assert told["Location"] == f"{inside.prefix}/"


def test_a_public_page_has_no_door(ask):
    assert ask("/sign-in/").status_code == ask("/sign-out/", "post").status_code == 404


def test_closing_a_page_takes_its_copies_from_database_memory_and_disk(inside, at):
    snapshots.publish(inside, at=at("12:30"))
    known = Following()
    known.look(at=at("12:30"))
    (kept,) = [one for one in disk.read() if one.slug == "inside"]
    files = [disk.folder() / f"{one.etag}.body" for one in kept.documents]
    assert known.by_slug["inside"].answers and all(file.exists() for file in files)

    close(inside, "staff", at())

    assert not Snapshot.objects.filter(page=inside).exists()
    known.look(at=at("12:31"))
    assert known.by_slug["inside"].answers == {} and known.by_slug["inside"].host == inside.host
    assert [one for one in disk.read() if one.slug == "inside"][0].documents == ()
    assert not any(file.exists() for file in files)
    assert (
        snapshots.publish_due(now=lambda: at("12:40")) and not Snapshot.objects.filter(page=inside).exists()
    )


def test_a_render_that_was_under_way_when_the_page_closed_writes_nothing(inside, at):
    made = [snapshots.render(catalogue.FIXED["/"], Reading(inside, at("12:30")))]
    close(inside, "staff", at())

    snapshots._store_present(inside, made, at=at("12:30"))

    assert not Snapshot.objects.filter(page=inside).exists()


def test_a_page_taken_from_the_public_writes_to_those_who_came_since(inside, subscriber, at):
    before, since = subscriber("old@shop.example", page=inside), subscriber("new@shop.example", page=inside)
    close(inside, "password", at("12:10"))
    Subscriber.objects.filter(pk=since.pk).update(confirmed_at=at("12:20"))

    heard = fanout.audience(inside, "incident", "investigating", [])

    assert set(heard) == {since} and before.state == "active"


def test_a_link_to_leave_works_without_signing_in_and_says_nothing_of_the_page(ask, inside, subscriber, at):
    dave = subscriber(page=inside)
    close(inside, "password", at())

    told = ask(f"/u/{links.manage_token(dave)}/")
    assert told.status_code == 200 and "dave@shop.example" in told.content.decode()
    assert not [word for word in SECRETS if word in told.content.decode()]
    assert ask(f"/manage/{links.manage_token(dave)}/").status_code == 401
    assert ask(f"/u/{links.manage_token(dave)}/", "post").status_code == 200
    assert Subscriber.objects.get(pk=dave.pk).state == "unsubscribed"


def test_a_stranger_cannot_subscribe_to_a_closed_page(ask, inside, at):
    close(inside, "password", at())

    assert (
        ask("/subscribe/", "post", data={"email": "erin@shop.example", "incidents": "on"}).status_code == 401
    )
    assert not Subscriber.objects.exists()


def test_a_page_for_a_password_needs_one_and_the_hash_is_kept_nowhere_else(inside, at):
    inside.audience = "password"
    with pytest.raises(Exception, match="Give the password"):
        pages.settled(inside, at=at()).full_clean()
    with pytest.raises(Exception, match="at least 8"):
        pages.hashed("short")

    close(inside, "password", at())
    assert "password" not in {field.name for field in StatusPage.history.model._meta.fields}


def test_it_is_opened_again(ask, inside, at):
    close(inside, "password", at())
    inside.audience = "public"
    pages.settled(inside, at=at() + timedelta(hours=1)).save()

    assert ask("/").status_code == 200 and inside.closed_at is None


def test_every_view_of_a_page_stands_behind_its_door():
    own = {one.callback.__name__ for one in urls.OF_A_PAGE if getattr(one.callback, "has_own_door", False)}

    # The last two are asked by programs, and refuse in JSON.
    assert own == {"sign_in", "sign_out", "confirm", "manage", "unsubscribe", "subscribers", "subscriber"}
    of_no_page = {"bounces_told"}
    views = [one.callback for one in urls.urlpatterns if one.callback]
    outermost = {view.__code__.co_qualname for view in views if view.__name__ not in of_no_page}
    assert outermost == {"guarded.<locals>.wrapped"}
