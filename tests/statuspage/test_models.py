import pytest
from django.core.exceptions import ValidationError

from statuspage.models import Component, StatusPage

pytestmark = pytest.mark.django_db


def test_a_new_component_stands_on_the_main_page():
    component = Component.objects.create(slug="api", name="API")

    assert component.page == StatusPage.main()
    assert component.public_id.isalnum() and len(component.public_id) == 12


def test_saving_a_component_outdates_every_copy_of_the_page():
    before = StatusPage.main().version

    Component.objects.create(slug="api", name="API")

    assert StatusPage.main().version > before


def test_a_group_cannot_hold_itself():
    outer = Component.objects.create(slug="outer", name="Outer", is_group=True)
    inner = Component.objects.create(slug="inner", name="Inner", is_group=True, parent=outer)
    outer.parent = inner

    with pytest.raises(ValidationError):
        outer.full_clean()


def test_a_component_is_no_group_for_others():
    api = Component.objects.create(slug="api", name="API")

    with pytest.raises(ValidationError):
        Component(slug="v2", name="v2", parent=api).full_clean()
