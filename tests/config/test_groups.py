"""The groups of a fresh portal."""

import pytest
from django.contrib.auth.models import Group, Permission

from config import groups


def rights(name: str) -> set[str]:
    found = Group.objects.get(name=name).permissions.select_related("content_type")
    return {f"{right.content_type.app_label}.{right.codename}" for right in found}


@pytest.mark.django_db
def test_every_group_is_there_from_the_first_migration():
    assert set(Group.objects.values_list("name", flat=True)) == {*groups.GROUPS, groups.EVERYTHING}


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(groups.GROUPS))
def test_every_right_that_a_group_names_exists(name):
    named = {label for label in groups.GROUPS[name] if not label.endswith(".view")}

    assert named <= rights(name)


@pytest.mark.django_db
def test_only_auditors_and_administrators_see_private_incidents():
    seeing = {
        name
        for name in [*groups.GROUPS, "Administrator"]
        if "incidents.view_private_incident" in rights(name)
    }

    assert seeing == {"Auditor", "Administrator"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Executive", "Auditor"])
def test_readers_change_nothing(name):
    assert not [
        right for right in rights(name) if right.split(".")[1].startswith(("add_", "change_", "delete_"))
    ]


@pytest.mark.django_db
def test_nobody_writes_or_deletes_what_the_engine_writes():
    for name in [*groups.GROUPS, "Administrator"]:
        for model in groups.ENGINE_ROWS:
            assert not [
                right for right in rights(name) if right.endswith((f".add_{model}", f".delete_{model}"))
            ]


@pytest.mark.django_db
def test_shipping_again_leaves_an_edited_group_alone():
    group = Group.objects.get(name="Executive")
    group.permissions.set(Permission.objects.none())

    groups.ship()

    assert group.permissions.count() == 0


@pytest.mark.django_db
def test_new_models_reach_the_groups_of_an_older_portal_and_nothing_else_changes():
    responder = Group.objects.get(name="Responder")
    responder.permissions.clear()

    groups.extend("heartbeat", "servicemaintenance")

    held = set(responder.permissions.values_list("codename", flat=True))
    assert {"view_heartbeat", "add_servicemaintenance"} <= held
    assert not [name for name in held if "incident" in name]
