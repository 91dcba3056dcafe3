from datetime import timedelta

import pytest

from incidents.models import AffectedService, Incident
from oncall.messaging.errors import DomainError
from oncall.models import Service
from statuspage import drafts, impacts, public, publishing
from statuspage.models import Component, ComponentImpact, Post


def shown(component, at):
    return public.recent(component.page, at=at).by_id[component.public_id].status


def test_a_post_is_public_from_the_moment_it_is_written(post, cards, at):
    page = public.recent(cards.page, at=at("12:01"))

    assert page.posts[0].name == "Card payments failing"
    assert page.posts[0].impact == "critical"
    assert page.status.description == "Major System Outage"
    assert [update.body for update in page.posts[0].updates] == ["We are looking into it."]


def test_the_baseline_is_never_overwritten_by_what_posts_say(post, cards, at):
    cards.refresh_from_db()

    assert cards.status == "operational"
    assert shown(cards, at("12:01")) == "major_outage"


def test_an_update_keeps_what_it_changed(post, cards, alice, at):
    publishing.update(
        post,
        status="identified",
        body="Half works.",
        components={cards: "partial_outage"},
        by=alice,
        at=at("12:30"),
    )

    told = post.updates.first()
    assert told.affected == [
        {
            "code": cards.public_id,
            "name": "Card payments",
            "old_status": "major_outage",
            "new_status": "partial_outage",
        }
    ]
    assert [(i.status, i.start, i.end) for i in ComponentImpact.objects.all()] == [
        ("major_outage", at("12:00"), at("12:30")),
        ("partial_outage", at("12:30"), None),
    ]


def test_the_impact_does_not_fall_while_the_incident_is_open(post, cards, alice, at):
    post = publishing.update(
        post,
        status="monitoring",
        body="Better.",
        components={cards: "operational"},
        by=alice,
        at=at("12:30"),
    )

    assert post.impact == "critical"
    assert post.monitoring_at == at("12:30")
    assert shown(cards, at("12:31")) == "operational"


def test_resolving_makes_every_component_well_again(post, cards, alice, at):
    post = publishing.resolve(post, body="It works again.", by=alice, at=at("12:42"))

    assert (post.status, post.resolved_at) == ("resolved", at("12:42"))
    assert shown(cards, at("12:43")) == "operational"
    assert cards.impacts.get().end == at("12:42")


def test_a_component_that_stays_bad_after_the_end_gets_it_as_its_baseline(post, cards, alice, at):
    publishing.update(
        post,
        status="resolved",
        body="Over, but slow.",
        components={cards: "degraded_performance"},
        by=alice,
        at=at("12:42"),
    )

    cards.refresh_from_db()
    assert cards.status == "degraded_performance"
    assert shown(cards, at("13:00")) == "degraded_performance"


def test_two_posts_add_up_to_the_worst(post, cards, alice, at):
    publishing.publish(
        name="Slow", body="Slow.", components={cards: "degraded_performance"}, by=alice, at=at("12:10")
    )
    publishing.resolve(post, body="Fixed.", by=alice, at=at("12:20"))

    assert shown(cards, at("12:15")) == "major_outage"
    assert shown(cards, at("12:21")) == "degraded_performance"


def test_pressing_publish_twice_makes_one_post(post, cards, alice, at):
    again = publishing.publish(
        name="Card payments failing",
        body="We are looking into it.",
        components={cards: "major_outage"},
        by=alice,
        at=at("12:00") + timedelta(seconds=2),
    )

    assert again == post
    assert Post.objects.count() == 1


def test_pressing_update_twice_makes_one_update(post, alice, at):
    for second in range(2):
        publishing.update(
            post, status="identified", body="Found.", by=alice, at=at("12:30") + timedelta(seconds=second)
        )

    assert post.updates.count() == 2


def test_a_writer_who_missed_an_update_is_told_so(post, alice, at):
    seen = post.updates.get().public_id
    publishing.update(post, status="identified", body="Found.", seen=seen, by=alice, at=at("12:30"))

    with pytest.raises(DomainError, match="Somebody has posted"):
        publishing.update(post, status="identified", body="Cause found.", seen=seen, by=alice, at=at("12:31"))


@pytest.mark.parametrize("status", ["in_progress", "open", ""])
def test_an_incident_has_no_other_states(post, alice, at, status):
    with pytest.raises(DomainError):
        publishing.update(post, status=status, body="x", by=alice, at=at("12:30"))


def test_a_post_mortem_comes_after_the_end_and_stays(post, alice, at):
    with pytest.raises(DomainError):
        publishing.update(post, status="postmortem", body="x", by=alice, at=at("12:30"))
    publishing.resolve(post, body="Over.", by=alice, at=at("12:42"))
    publishing.update(post, status="postmortem", body="What happened.", by=alice, at=at("15:00"))

    with pytest.raises(DomainError):
        publishing.update(post, status="investigating", body="Again.", by=alice, at=at("16:00"))


@pytest.mark.parametrize(
    ("name", "body"), [("", "x"), ("x", ""), (" \n", "x"), ("x", "\x00"), ("x", "y" * 30_000)]
)
def test_a_post_without_words_is_refused(page, alice, at, name, body):
    with pytest.raises(DomainError):
        publishing.publish(name=name, body=body, by=alice, at=at())


def test_a_title_is_one_clean_line(page, alice, at):
    post = publishing.publish(name="Down\r\nBcc: x\x07\u202e", body="Text", by=alice, at=at())

    assert post.name == "Down Bcc: x"


def test_a_backfilled_post_lies_in_the_past_and_mails_nobody(cards, alice, at, subscriber):
    subscriber()

    post = publishing.publish(
        name="Slow search",
        body="Search was slow.",
        status="resolved",
        components={cards: "partial_outage"},
        started_at=at("09:00", days=-3),
        ended_at=at("10:00", days=-3),
        backfilled=True,
        by=alice,
        at=at(),
    )

    told = post.updates.get()
    assert (post.resolved_at, told.display_at) == (at("10:00", days=-3), at("09:00", days=-3))
    assert (told.deliver_notifications, told.fan_out_at) == (False, None)
    assert [(i.start, i.end) for i in post.impacts.all()] == [(at("09:00", days=-3), at("10:00", days=-3))]


def test_a_time_in_the_future_is_refused(post, alice, at):
    with pytest.raises(DomainError):
        publishing.update(
            post, status="identified", body="x", display_at=at("13:00"), by=alice, at=at("12:30")
        )


def test_correcting_words_mails_nobody_and_keeps_the_old_ones(post, alice, at):
    told = post.updates.get()

    told = publishing.correct(told, body="We are looking into card payments.", by=alice, at=at("12:05"))

    assert told.body == "We are looking into card payments."
    assert told.history.last().body == "We are looking into it."
    assert post.updates.count() == 1


def test_who_has_no_right_says_nothing_to_the_public(post, cards, carol, at):
    for attempt in (
        lambda: publishing.publish(name="x", body="y", by=carol, at=at()),
        lambda: publishing.resolve(post, body="y", by=carol, at=at("12:30")),
        lambda: publishing.correct(post.updates.get(), body="y", by=carol, at=at("12:30")),
        lambda: publishing.amend(post, name="y", by=carol, at=at("12:30")),
        lambda: impacts.set_status(cards, "major_outage", by=carol, at=at("12:30")),
    ):
        with pytest.raises(DomainError) as refusal:
            attempt()
        assert refusal.value.code == "forbidden"


def test_a_group_has_no_status_to_set(payments, alice, at):
    with pytest.raises(DomainError):
        impacts.set_status(payments, "major_outage", by=alice, at=at())


def test_a_baseline_set_by_hand_counts_as_downtime_until_it_is_taken_back(cards, alice, at):
    impacts.set_status(cards, "major_outage", by=alice, at=at("10:00"))
    impacts.set_status(cards, "operational", by=alice, at=at("11:00"))

    today = public.recent(cards.page, at=at()).by_id[cards.public_id].days[-1]
    assert today.major_s == 3600


# -- from an internal incident ---------------------------------------------------------------------------------
@pytest.fixture
def incident(cards, at):
    service = Service.objects.create(slug="checkout", name="Checkout internals")
    cards.service = service
    cards.save()
    incident = Incident.objects.create(
        title="pg-main-7 OOM after deploy 4411",
        summary="Bob broke it",
        impact_started_at=at("11:40"),
        created_at=at("11:50"),
    )
    AffectedService.objects.create(incident=incident, service=service)
    return incident


def test_a_draft_proposes_components_and_the_beginning_but_no_word(incident, cards, at):
    draft = drafts.draft_from(incident)

    assert (draft.name, draft.body) == ("", "")
    assert draft.components == {cards: "degraded_performance"}
    assert draft.started_at == at("11:40")


def test_a_hidden_component_is_not_proposed(incident, cards):
    Component.objects.filter(pk=cards.pk).update(visible=False)

    assert drafts.draft_from(incident).components == {}


def test_the_last_word_is_proposed_without_naming_what_is_hidden(post, cards, wallets, alice, at):
    publishing.update(
        post, status="identified", body="x", components={wallets: "partial_outage"}, by=alice, at=at("12:10")
    )
    Component.objects.filter(pk=wallets.pk).update(visible=False)

    proposed = drafts.draft_end(post)

    assert proposed.body == "This incident is resolved. Card payments work normally again."
    assert proposed.components == {cards: "operational", wallets: "operational"}


def test_what_customers_are_told_stands_in_the_incidents_timeline(incident, alice, at, subscriber):
    subscriber()
    said = {"name": "Slow", "incident": incident, "by": alice}

    publishing.publish(body="Of old.", backfilled=True, started_at=at("11:00"), at=at("11:50"), **said)
    publishing.publish(body="It is slow.", next_update_at=at("12:30"), at=at("12:00"), **said)

    incident.refresh_from_db()
    (told,) = incident.updates.all()
    assert (told.audience, told.text, told.recipients) == ("customers", "It is slow.", 1)
    assert (incident.first_update_at, told.next_update_at) == (at("12:00"), at("12:30"))


def test_a_private_incident_has_no_public_post(incident, alice, at):
    incident.private = True
    incident.save()

    with pytest.raises(DomainError, match="private"):
        drafts.draft_from(incident)
    with pytest.raises(DomainError, match="private"):
        publishing.publish(name="x", body="y", incident=incident, by=alice, at=at())
