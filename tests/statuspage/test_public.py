"""What is public, and above all what is not."""

import pytest

from incidents.models import Incident
from oncall.models import Service
from statuspage import public, publishing
from statuspage.documents import html, v2
from statuspage.models import Component

SECRET = "pg-main-7"


def documents(page, at):
    """Every document that this page has."""
    recent = public.recent(page, at=at)
    yield html.index(recent)
    yield from (html.incident(recent, post) for post in recent.posts)
    yield html.history(
        public.between(page, at.date().replace(day=1), at.date(), at=at),
        last=at.date().replace(day=1),
        since=public.first_month(page),
        earlier=None,
    )
    for render in (v2.summary, v2.components, v2.incidents, v2.maintenances, v2.status):
        yield render(recent)


@pytest.fixture
def everything(post, cards, wallets, payments, page, alice, at):
    """A public post tied to an incident full of internal words."""
    service = Service.objects.create(slug=SECRET, name=f"{SECRET} service", description=SECRET)
    cards.service = service
    cards.save()
    post.incident = Incident.objects.create(
        title=f"{SECRET} title", summary=f"{SECRET} summary", description=SECRET, created_at=at()
    )
    post.save()
    return post


def test_nothing_internal_is_in_any_document(everything, page, at):
    for document in documents(page, at("12:30")):
        assert SECRET.encode() not in document
        assert b"INC-" not in document
        assert b"alice" not in document


def test_a_hidden_component_exists_in_no_document(everything, page, cards, at):
    publishing.update(
        everything,
        status="identified",
        body="Found.",
        components={cards: "partial_outage"},
        by=None,
        at=at("12:10"),
    )
    Component.objects.filter(pk=cards.pk).update(visible=False, name=SECRET)

    for document in documents(page, at("12:30")):
        assert SECRET.encode() not in document
        assert cards.public_id.encode() not in document


def test_what_stands_below_a_hidden_group_is_hidden(everything, page, payments, cards, at):
    Component.objects.filter(pk=payments.pk).update(visible=False)

    shown = public.recent(page, at=at("12:30"))

    assert shown.components == ()
    assert shown.status.indicator == "none"


def test_the_worst_child_shows_on_every_group_above(everything, page, payments, cards, at):
    above = Component.objects.create(slug="shop", name="Shop", is_group=True)
    payments.parent = above
    payments.save()

    shown = public.recent(page, at=at("12:30"))

    assert shown.by_id[above.public_id].status == "major_outage"
    assert [one.name for one in shown.components] == ["Shop", "Payments", "Card payments", "Wallets"]


def test_the_page_changes_its_time_with_anything_on_it(everything, page, at):
    before = public.recent(page, at=at("12:05")).site.updated_at

    publishing.resolve(everything, body="Over.", by=None, at=at("23:00", days=400))

    assert public.recent(page, at=at("23:01", days=400)).site.updated_at > before


def test_reading_the_page_costs_the_same_however_much_there_is(
    everything, page, cards, alice, at, django_assert_max_num_queries
):
    for n in range(5):
        publishing.publish(
            name=f"P{n}", body="x", components={cards: "partial_outage"}, by=alice, at=at("12:10")
        )

    with django_assert_max_num_queries(5):
        html.index(public.recent(page, at=at("12:30")))
