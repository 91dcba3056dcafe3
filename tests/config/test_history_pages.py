"""What a page of an old version must survive."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents.models import AlertSource
from oncall.models import Absence, Schedule, Swap, User

pytestmark = pytest.mark.django_db


def test_an_old_version_shows_although_the_form_fills_one_field_from_another(admin_client):
    source = AlertSource.objects.create(slug="prom", name="Prometheus", dialect="json")
    version = source.history.get().pk

    assert admin_client.get(f"/admin/incidents/alertsource/{source.pk}/history/{version}/").status_code == 200


def test_an_old_version_of_a_person_has_no_link_to_her_password(admin_client):
    alice = User.objects.create(username="alice")

    page = admin_client.get(f"/admin/oncall/user/{alice.pk}/history/{alice.history.get().pk}/")

    assert page.status_code == 200
    assert b"../password/" not in page.content


def test_an_old_version_of_what_only_its_verbs_change_shows(admin_client):
    at = datetime(2026, 3, 9, 9, tzinfo=UTC)
    alice, bob = (User.objects.create(username=name) for name in ("alice", "bob"))
    span = {"start": at, "end": at + timedelta(days=1)}
    schedule = Schedule.objects.create(slug="primary", name="Primary")
    absence = Absence.objects.create(user=alice, **span)
    swap = Swap.objects.create(schedule=schedule, requester=alice, taker=bob, **span)

    for row, name in ((absence, "absence"), (swap, "swap")):
        url = f"/admin/oncall/{name}/{row.pk}/history/{row.history.get().pk}/"
        assert admin_client.get(url).status_code == 200, name


def test_a_version_that_is_no_number_is_not_found(admin_client):
    alice = User.objects.create(username="alice")

    assert admin_client.get(f"/admin/oncall/user/{alice.pk}/history/password/").status_code == 404
