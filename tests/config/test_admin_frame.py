"""The frame of every page: who sees what in it, and that nothing in it breaks the strict policy."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from oncall import clock
from oncall.models import User
from statuspage import maintenance
from tests import architecture as house

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


def inline_faults(html: str) -> list[str]:
    """What the Content-Security-Policy would refuse in a rendered page."""
    text = re.sub(r'<script[^>]*type="application/json".*?</script>', "", html, flags=re.S)
    return [what for pattern, what in house.INLINE_IN_TEMPLATES if pattern.search(text)]


@pytest.fixture
def carol(db) -> User:
    """Staff without any right."""
    return User.objects.create(username="carol", is_staff=True, time_zone="America/New_York")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("what", ["changelist", "add"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_page_of_the_console_answers_and_holds_nothing_inline(admin_client, model, what):
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}")

    answer = admin_client.get(url, follow=True)

    assert answer.status_code == 200 or (what == "add" and answer.status_code == 403)
    assert inline_faults(answer.content.decode()) == []


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/password_change/"])
def test_the_other_pages_hold_nothing_inline_either(admin_client, path):
    answer = admin_client.get(path, follow=True)

    assert answer.status_code == 200
    assert inline_faults(answer.content.decode()) == []
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_stranger_sees_the_sign_in_page_and_no_navigation(client, db):
    html = client.get("/admin/", follow=True).content.decode()

    assert "Sign in" in html and 'class="m-nav"' not in html


def test_our_style_sheet_is_the_last(admin_client):
    html = admin_client.get("/admin/oncall/team/").content.decode()

    assert re.findall(r'href="[^"]*/([\w-]+\.css)"', html)[-1] == "portal.css"


def test_the_sidebar_groups_models_as_people_think(admin_client):
    html = admin_client.get("/admin/oncall/team/").content.decode()

    groups = re.findall(r"<caption><span>([^<]+)</span></caption>", html)
    assert groups == ["Respond", "On call", "Status page", "Learn", "Set up"]


def test_who_has_no_right_is_told_whom_to_ask(carol):
    html = signed_in(carol).get("/admin/").content.decode()

    assert "Declare" not in re.sub(r"<title>.*?</title>", "", html)
    assert 'href="/admin/oncall/team/"' not in html


def test_times_are_in_the_zone_of_the_viewer(carol, admin_client):
    assert "in New York" in signed_in(carol).get("/admin/").content.decode()
    assert "in UTC" in admin_client.get("/admin/").content.decode()


@pytest.mark.parametrize(("configured", "said"), [(False, True), (True, False)])
def test_a_missing_mail_server_is_said_on_every_page(admin_client, settings, configured, said):
    settings.EMAIL_CONFIGURED = configured

    html = admin_client.get("/admin/oncall/team/").content.decode()

    assert ("No mail server is set" in html) is said


# -- history -----------------------------------------------------------------------------------------------
def test_the_history_shows_who_changed_what_and_takes_nothing_back(admin_client, carol):
    change = reverse("admin:oncall_user_change", args=[carol.pk])
    User.objects.filter(pk=carol.pk).update(first_name="Carol")
    carol.first_name = "Caroline"
    carol.save()
    first = carol.history.earliest()

    page = admin_client.get(f"{change.removesuffix('change/')}history/")
    back = admin_client.post(f"{change.removesuffix('change/')}history/{first.pk}/", {"first_name": "x"})

    assert b"<b>First name</b>: empty" in page.content and b"Caroline" in page.content
    assert back.status_code == 405
    assert User.objects.get(pk=carol.pk).first_name == "Caroline"


def test_only_who_may_do_everything_hands_that_out(carol, admin_user):
    carol.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    url = reverse("admin:oncall_user_change", args=[carol.pk])
    form = {
        "username": "carol",
        "time_zone": "UTC",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
    }

    signed_in(carol).post(url, form)
    taken_over = signed_in(carol).post(
        reverse("admin:oncall_user_change", args=[admin_user.pk]), {"username": "x", "time_zone": "UTC"}
    )

    carol.refresh_from_db()
    assert (carol.is_superuser, carol.time_zone) == (False, "UTC")
    assert taken_over.status_code == 403


def test_maintenance_shows_the_history_of_the_post_that_it_is(admin_client, admin_user):
    at = clock.now()
    post = maintenance.schedule(
        name="New switches",
        body="Short interruptions.",
        scheduled_for=at + timedelta(days=1),
        scheduled_until=at + timedelta(days=1, hours=2),
        by=admin_user,
        at=at,
    )

    answer = admin_client.get(reverse("admin:statuspage_maintenance_history", args=[post.pk]))

    assert answer.status_code == 200 and b"Created" in answer.content


def test_a_refusal_says_what_to_do(carol):
    answer = signed_in(carol).get("/admin/oncall/team/add/")

    assert answer.status_code == 403
    assert "Ask an administrator" in answer.content.decode() and inline_faults(answer.content.decode()) == []


HUGE = "9" * 30
HOSTILE = [
    "incidents/incident/?q=%00",
    "incidents/incident/?state__exact=%00",
    "incidents/incident/?view=%00&manager=%00&my_role=%00",
    f"incidents/incident/?manager={HUGE}",
    f"incidents/incident/?severity__id__exact={HUGE}",
    f"incidents/incident/?services__id__exact={HUGE}&view=all",
    f"incidents/incident/?q=INC-{HUGE}&view=all",
    "incidents/incident/?o=x.y.-&p=-1",
    f"incidents/incident/{HUGE}/change/",
    f"incidents/incident/{HUGE}/verbs/note/",
    f"incidents/incident/{HUGE}/tasks/{HUGE}/",
    "incidents/incident/%00/change/",
    "incidents/incident/%FF/verbs/note/?next=//elsewhere.example",
    "incidents/incident/export/?state__exact=%00&view=all",
    "oncall/page/?state__exact=%00",
    "messaging/delivery/?state__exact=%ED%A0%80",
    "autocomplete/?app_label=oncall&model_name=service&field_name=team&term=%00",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_no_address_makes_a_fault(admin_client, path):
    for method in (admin_client.get, admin_client.post):
        answer = method(f"/admin/{path}")

        assert answer.status_code < 500
