"""Everybody with an account can sign in, staff or not."""

import pytest
from django.core.cache import cache

from oncall.models import User


@pytest.fixture(autouse=True)
def no_tries_yet():
    cache.clear()


@pytest.fixture
def carol(db):
    return User.objects.create_user("carol", password="a long secret")


def sign_in(client, path="/login/"):
    return client.post(path, {"username": "carol", "password": "a long secret"})


def test_who_is_not_staff_goes_on_to_the_report_form(client, carol):
    answer = sign_in(client)

    assert answer.headers["Location"] == "/report/"
    assert client.get("/report/").status_code == 200


def test_staff_go_on_to_the_portal(client, carol):
    carol.is_staff = True
    carol.save()

    assert sign_in(client).headers["Location"] == "/admin/"


def test_the_report_form_asks_to_sign_in_and_comes_back(client, carol):
    asked = client.get("/report/").headers["Location"]

    assert sign_in(client, asked).headers["Location"] == "/report/"


def test_it_leads_nowhere_else(client, carol):
    assert sign_in(client, "/login/?next=https://evil.example/").headers["Location"] == "/report/"


def test_a_wrong_password_says_so_without_saying_whom_it_knows(client, carol):
    known = client.post("/login/", {"username": "carol", "password": "x"}).context["form"].non_field_errors()
    unknown = (
        client.post("/login/", {"username": "nobody", "password": "x"}).context["form"].non_field_errors()
    )

    assert list(known) == list(unknown)
    assert known


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_guessing_is_slowed_down_for_that_name_from_there_only(client, carol, path):
    carol.is_staff = True
    carol.save()
    for _ in range(10):
        client.post(path, {"username": "carol", "password": "wrong"})

    right = {"username": "carol", "password": "a long secret"}
    assert "Too many wrong passwords" in client.post(path, right).content.decode()
    assert client.post(path, right, REMOTE_ADDR="192.0.2.7").status_code == 302


@pytest.mark.parametrize("name", ["a\x00b", "x" * 100_000, "\u202e", ""])
def test_odd_names_are_refused_and_nothing_breaks(client, db, name):
    assert client.post("/login/", {"username": name, "password": "x"}).status_code == 200
