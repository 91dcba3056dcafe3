"""The demo company: loaded through the same verbs that people use, into an empty database only."""

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from config import demo
from incidents import timeline
from incidents.models import Incident
from oncall.models import Page, User
from postmortems.models import ActionItem, PostMortem
from statuspage.models import Post

AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


@pytest.mark.django_db
def test_a_newcomer_sees_every_part_of_the_portal_at_work():
    demo.load(at=AT)

    assert Incident.objects.open().count() == 2
    assert Page.objects.waiting().count() >= 1
    assert Incident.objects.count() > 20
    assert set(PostMortem.objects.values_list("state", flat=True)) == {"draft", "published"}
    assert ActionItem.objects.open().filter(due_on__lt=AT.date()).exists()
    assert Post.objects.filter(kind="incident", resolved_at__isnull=True).count() == 1
    assert Post.objects.filter(kind="maintenance", status="scheduled").exists()


@pytest.mark.django_db
def test_its_timelines_are_whole():
    demo.load(at=AT)

    assert list(timeline.verify()) == []


@pytest.mark.django_db
def test_a_database_that_holds_people_is_refused():
    User.objects.create(username="somebody")

    with pytest.raises(CommandError, match="The demo needs an empty one"):
        call_command("demo")

    assert Incident.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("hour", [0, 6, 23])
def test_it_loads_at_any_hour(hour):
    demo.load(at=AT.replace(hour=hour))

    assert Incident.objects.open().count() == 2
