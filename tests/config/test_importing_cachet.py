"""``import cachet``: what 2.x and 3 answer becomes the same page."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from config.importing import PAGES, Document, ImportFault
from statuspage import catalogue, importing
from statuspage.catalogue import Reading
from statuspage.models import Component, ComponentImpact, Post, StatusPage, Subscriber

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db

GROUP = {"id": 1, "name": "Shop", "order": 2, "collapsed": 0, "visible": 1, "enabled_components": []}
CARDS = {
    "id": 1,
    "name": "Cards",
    "description": "By card",
    "status": 3,
    "order": 1,
    "group_id": 1,
    "enabled": True,
    "created_at": "2020-01-01 12:00:00",
    "updated_at": "2026-11-19 12:00:00",
}
OUTAGE = {
    "id": 1,
    "component_id": 1,
    "name": "Cards fail",
    "status": 4,
    "visible": 1,
    "message": "We look into it.",
    "occurred_at": "2026-11-10 10:00:00",
    "created_at": "2026-11-10 10:05:00",
    "updated_at": "2026-11-10 12:00:00",
    "updates": [
        {"id": 7, "incident_id": 1, "status": 4, "message": "Fixed.", "created_at": "2026-11-10 11:00:00"},
        {"id": 6, "incident_id": 1, "status": 2, "message": "Found.", "created_at": "2026-11-10 10:30:00"},
    ],
}
WINDOW = {
    "id": 1,
    "name": "Upgrade",
    "message": "Half an hour.",
    "status": 2,
    "scheduled_at": "2026-11-12 20:00:00",
    "completed_at": "2026-11-12 20:30:00",
    "created_at": "2026-11-11 09:00:00",
    "components": [{"id": 9, "schedule_id": 1, "component_id": 1, "component_status": 3}],
}
DAVE = {"id": 1, "email": "dave@shop.example", "verified_at": "2026-01-01 00:00:00", "global": True}


def listed(*rows):
    return {"meta": {"pagination": {"total": len(rows)}}, "data": list(rows)}


def resource(kind, ident, attributes, **relations):
    related = {
        key: {"data": [{"id": str(one), "type": "x"} for one in ids]} for key, ids in relations.items()
    }
    return {"id": str(ident), "type": kind, "attributes": attributes, "relationships": related}


def when(text):
    return {"human": "some time ago", "string": text}


#: The same page as Cachet 3 tells it.
THIRD = [
    resource("componentGroups", 1, {"id": 1, "name": "Shop", "order": 2, "visible": 1}),
    resource(
        "components",
        1,
        {
            "id": 1,
            "name": "Cards",
            "description": "By card",
            "order": 1,
            "status": 3,
            "enabled": True,
            "created": when("2020-01-01 12:00:00"),
            "updated": when("2026-11-19 12:00:00"),
        },
        group=[1],
    ),
    resource(
        "incidents",
        1,
        {
            "id": 1,
            "name": "Cards fail",
            "message": "We look into it.",
            "visible": 1,
            "status": {"human": "Fixed", "value": 4},
            "occurred": when("2026-11-10 10:00:00"),
            "created": when("2026-11-10 10:05:00"),
            "updated": when("2026-11-10 12:00:00"),
        },
        components=[1],
        updates=[6, 7],
    ),
    *(
        resource(
            "updates",
            ident,
            {
                "updateable_id": 1,
                "updateable_type": "incident",
                "message": text,
                "status": {"human": "x", "value": state},
                "created": when(at),
            },
        )
        for ident, state, text, at in (
            (7, 4, "Fixed.", "2026-11-10 11:00:00"),
            (6, 2, "Found.", "2026-11-10 10:30:00"),
        )
    ),
    resource(
        "schedules",
        1,
        {
            "name": "Upgrade",
            "message": "Half an hour.",
            "status": {"value": 2},
            "scheduled": when("2026-11-12 20:00:00"),
            "completed": when("2026-11-12 20:30:00"),
            "created": when("2026-11-11 09:00:00"),
        },
        components=[1],
    ),
    resource(
        "subscribers",
        1,
        {
            "email": "dave@shop.example",
            "global": True,
            "verified": True,
            "verified_at": when("2026-01-01 00:00:00"),
        },
    ),
]
SECOND = [listed(GROUP), listed(CARDS), listed(OUTAGE), listed(WINDOW), listed(DAVE)]


def parsed(*contents, zone=None):
    return PAGES["cachet"]([Document("a.json", content) for content in contents], zone=zone)


def take_over(past):
    return importing.take_over(past, StatusPage.main(), by=None, at=NOW)


@pytest.mark.parametrize("contents", [SECOND, [{"data": THIRD[:1], "included": THIRD[1:]}]], ids=["2", "3"])
def test_either_version_tells_the_same_page(contents):
    take_over(parsed(*contents))

    cards = Component.objects.get(name="Cards")
    outage, upgrade = Post.objects.order_by("kind")
    assert (cards.parent.name, cards.status) == ("Shop", "partial_outage")
    assert (outage.status, outage.impact, outage.started_at.hour, outage.resolved_at.hour) == (
        "resolved",
        "minor",
        10,
        11,
    )
    assert [(one.status, one.body) for one in outage.updates.all()] == [
        ("resolved", "Fixed."),
        ("identified", "Found."),
        ("investigating", "We look into it."),
    ]
    assert (upgrade.status, upgrade.components.get()) == ("completed", cards)
    assert Subscriber.objects.get().address == "dave@shop.example"


def test_a_maintenance_colours_its_components_and_an_incident_counts_no_downtime():
    past = parsed(*SECOND)

    take_over(past)

    spell = ComponentImpact.objects.get(post__isnull=False)
    assert (spell.status, (spell.end - spell.start).seconds) == ("under_maintenance", 1800)
    assert any("count no downtime" in remark.text for remark in past.remarks)


def test_taking_over_again_makes_no_second_copy():
    take_over(parsed(*SECOND))

    assert take_over(parsed(*SECOND)).writes == 0
    assert catalogue.find("/", StatusPage.main()).make(Reading(StatusPage.main(), NOW))


def test_times_are_those_of_the_zone_that_cachet_is_set_to():
    take_over(parsed(*SECOND, zone=ZoneInfo("Europe/Berlin")))

    assert Post.objects.get(kind="incident").started_at == datetime(2026, 11, 10, 9, tzinfo=UTC)


@pytest.mark.parametrize("visible", [0, 2])
def test_what_strangers_could_not_read_there_stays_unread(visible):
    past = parsed(listed(OUTAGE | {"visible": visible}), listed(CARDS | {"enabled": False}))

    take_over(past)

    assert not Post.objects.exists()
    assert not Component.objects.get().visible
    assert any("1 incidents were not public" in remark.text for remark in past.remarks)


def test_a_maintenance_that_2_3_kept_as_an_incident_is_one():
    old = OUTAGE | {"status": 0, "scheduled_at": "2026-12-01 20:00:00", "updates": []}

    take_over(parsed(listed(old)))

    post = Post.objects.get()
    assert (post.kind, post.status, post.notify_at_start) == ("maintenance", "scheduled", False)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"verified_at": None}, "have not confirmed"),
        ({"global": False}, "chose components"),
        ({"email": "noreply@shop.example"}, "technical"),
    ],
)
def test_a_subscriber_who_cannot_be_taken_is_told_of(facts, why):
    past = parsed(listed(CARDS), listed(DAVE | facts))

    take_over(past)

    assert not Subscriber.objects.exists()
    assert any(why in remark.text for remark in past.remarks)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (listed(CARDS | {"status": 9}), "9 is not known"),
        (listed(OUTAGE | {"status": 7, "updates": []}), "7 is not known"),
        (listed(OUTAGE | {"created_at": None}), "created_at: is missing"),
        (listed(CARDS | {"name": None}), "name: is missing"),
        ({"errors": [{"status": 401}]}, "an error that the API answered"),
        ({"data": "none"}, "must be an object"),
        (listed(), "nothing that could be taken over"),
    ],
)
def test_rubbish_is_refused_in_a_sentence(content, sentence):
    with pytest.raises(ImportFault, match=sentence):
        parsed(content)
