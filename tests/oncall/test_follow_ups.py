"""Messages in chats are changed to say who has answered."""

from datetime import timedelta

import pytest

from oncall import follow_ups, paging
from oncall.messaging import claims
from oncall.messaging.claims import Ending
from oncall.messaging.models import Delivery
from oncall.messaging.sending import write_letter
from oncall.models import Page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(settings):
    settings.SLACK_BOT_TOKEN = "xoxb-1"


@pytest.fixture
def in_slack(alice, page, advance, at):
    """alice has been paged by Slack at 10:00, and the message stands there."""
    contact = alice.contacts.create(name="chat", medium="slack", address="U024BE7LH", verified_at=at("09:00"))
    alice.rules.create(urgency="high", after=timedelta(), contact=contact)
    advance("10:00")
    return Delivery.objects.get(medium="slack")


def goes_out(delivery, at, provider_id="D1:1.2"):
    claimed = claims.claim("slack", limit=1, at=at)[0]
    attempt = claims.begin(claimed, at=at)
    return lambda: claims.finish(attempt, Ending("accepted", "sent", provider_id=provider_id), at=at)


@pytest.fixture
def sent(in_slack, at):
    goes_out(in_slack, at("10:00"))()
    return in_slack


def follow_up():
    return Delivery.objects.filter(message__purpose="follow_up").order_by("pk").last()


def test_an_answer_is_written_into_the_message_on_its_readers_clock(sent, page, bob, at):
    paging.acknowledge(page, by=bob, at=at("10:03"))

    told = follow_up()
    assert (told.follows, told.state, told.address) == (sent, "pending", "U024BE7LH")
    assert told.values["said"] == "Bob acknowledged · 11:03 (Berlin)"
    assert told.values["verbs"] == "resolve escalate"


def test_what_would_have_come_next_is_said_no_more(sent, page, bob, at):
    paging.acknowledge(page, by=bob, at=at("10:03"))

    before, after = write_letter(sent, at("10:00")), write_letter(follow_up(), at("10:03")).original
    assert "Unless somebody answers" in before.brief
    assert "Unless somebody answers" not in after.brief
    assert after.values["link"] == before.values["link"]


def test_the_end_takes_the_buttons_away(sent, page, bob, at):
    paging.resolve(page, by=bob, at=at("10:03"))

    assert follow_up().values["said"] == "Resolved by Bob · 11:03 (Berlin)"
    assert follow_up().values["verbs"] == ""


def test_what_is_newer_takes_the_place_of_what_has_not_left(sent, page, bob, at):
    paging.acknowledge(page, by=bob, at=at("10:03"))
    paging.resolve(page, by=bob, at=at("10:04"))

    states = (
        Delivery.objects.filter(message__purpose="follow_up").order_by("pk").values_list("state", flat=True)
    )
    assert list(states) == ["cancelled", "pending"]


def test_an_answer_does_not_stop_its_own_follow_up(sent, page, bob, alice, at):
    paging.acknowledge(page, by=bob, at=at("10:03"))
    paging.acknowledge(page, by=alice, at=at("10:04"))

    assert follow_up().state == "pending"


def test_a_message_that_is_going_out_right_now_is_changed_a_moment_later(in_slack, page, bob, at):
    done = goes_out(in_slack, at("10:00"))
    paging.acknowledge(page, by=bob, at=at("10:00:01"))
    done()

    in_slack.refresh_from_db()
    assert (in_slack.state, in_slack.provider_id) == ("cancelled", "D1:1.2")
    assert (follow_up().follows, follow_up().due_at) == (in_slack, at("10:00:01") + follow_ups.UNDER_WAY)


def test_a_message_that_never_left_has_nothing_to_change(in_slack, page, bob, at):
    paging.acknowledge(page, by=bob, at=at("10:03"))

    assert follow_up() is None


def test_a_medium_that_cannot_change_what_it_sent_is_left_alone(page, advance, bob, at):
    advance("10:00")
    Delivery.objects.update(provider_id="<x@y>")

    paging.acknowledge(page, by=bob, at=at("10:03"))

    assert follow_up() is None


def test_a_follow_up_counts_for_no_person_as_a_message_of_the_page(sent, page, bob, at, told):
    paging.acknowledge(page, by=bob, at=at("10:03"))

    assert not Delivery.objects.filter(topic=page.topic, message__purpose="follow_up").exists()


def test_of_a_private_page_the_follow_up_is_private_too(sent, page, bob, at):
    Page.objects.filter(pk=page.pk).update(private=True)

    paging.acknowledge(Page.objects.get(pk=page.pk), by=bob, at=at("10:03"))

    assert follow_up().topic.startswith("private:")


def test_an_acknowledgement_that_ran_out_gives_the_button_back(alice, sent, page, at):
    paging.acknowledge(page, by=alice, at=at("10:03"))
    Page.objects.update(unacknowledge_at=at("10:30"))
    paging.expire_acknowledgements(now=lambda: at("10:31"))  # asks her first
    paging.expire_acknowledgements(now=lambda: at("10:40"))

    assert follow_up().values["verbs"] == "acknowledge"
    assert "paging begins again" in follow_up().values["said"]


def test_the_pages_message_for_chat_is_short_and_without_the_link(in_slack):
    brief = in_slack.message.brief

    assert brief.startswith("{{next}}")
    assert "{{link}}" not in brief
    assert "{{why}}" in brief
    assert in_slack.values["page"] and in_slack.values["urgency"] == "high"


def test_what_others_wrote_into_a_page_is_no_placeholder(make_page, make_policy, alice, advance):
    page = make_page(make_policy((0, alice)), text="{{link}} {{why}}")
    advance("10:00")

    assert "{{link}}" not in Delivery.objects.get(topic=page.topic).message.brief
