"""What a page of an old version must survive."""

import pytest

from incidents.models import AlertSource
from oncall.models import User

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


def test_a_version_that_is_no_number_is_not_found(admin_client):
    alice = User.objects.create(username="alice")

    assert admin_client.get(f"/admin/oncall/user/{alice.pk}/history/password/").status_code == 404
