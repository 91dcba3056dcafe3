from datetime import timedelta

import pytest
from django.core import mail as outgoing

from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from statuspage import fanout, maintenance, publishing, subscriptions
from statuspage.models import PostUpdate


def run(at):
    return fanout.fan_out(now=lambda: at)


def addresses():
    return sorted(Delivery.objects.values_list("address", flat=True))


def test_everybody_who_wants_it_is_mailed_once(subscriber, cards, wallets, post, at):
    subscriber("all@shop.example")
    subscriber("cards@shop.example", cards)
    subscriber("wallets@shop.example", wallets)
    subscriber("planned@shop.example", incidents=False)
    subscriber("asked@shop.example", state="pending", confirmed_at=None)

    assert run(at("12:00")) == 2
    assert run(at("12:01")) == 0
    assert addresses() == ["all@shop.example", "cards@shop.example"]


def test_a_maintenance_goes_to_those_who_want_maintenance(subscriber, cards, alice, at):
    subscriber("planned@shop.example", incidents=False)
    subscriber("broken@shop.example", maintenance=False)

    maintenance.schedule(
        name="Upgrade",
        body="Read-only.",
        scheduled_for=at("20:00"),
        scheduled_until=at("21:00"),
        components=[cards],
        by=alice,
        at=at(),
    )
    run(at())

    assert addresses() == ["planned@shop.example"]


def test_a_post_without_notification_mails_nobody(subscriber, cards, alice, at):
    subscriber()

    publishing.publish(name="Quiet", body="Text", notify=False, by=alice, at=at())

    assert run(at("12:01")) == 0


def test_a_crash_between_two_batches_leaves_nobody_out_and_mails_nobody_twice(
    subscriber, post, at, monkeypatch
):
    for n in range(5):
        subscriber(f"s{n}@shop.example")
    monkeypatch.setattr(fanout, "BATCH", 2)
    monkeypatch.setattr(fanout, "BATCHES_PER_TURN", 1)

    run(at("12:00"))
    assert len(addresses()) == 2
    PostUpdate.objects.update(fan_out_cursor=0)  # as if the cursor's write had been lost
    for _ in range(5):
        run(at("12:01"))

    assert addresses() == [f"s{n}@shop.example" for n in range(5)]


def test_who_confirms_after_the_update_does_not_get_it(subscriber, post, at):
    subscriber("late@shop.example", confirmed_at=at("12:00") + timedelta(seconds=1))

    assert run(at("12:01")) == 0


def test_nothing_is_sent_after_unsubscribing(subscriber, post, at):
    dave, erin = subscriber("dave@shop.example"), subscriber("erin@shop.example")
    run(at("12:00"))

    subscriptions.unsubscribe(dave, at=at("12:00"))
    outbox.deliver_due(now=lambda: at("12:01"))

    assert Delivery.objects.get(recipient=dave.recipient).state == "cancelled"
    assert Delivery.objects.get(recipient=erin.recipient).state == "kept"


def test_one_update_that_cannot_be_mailed_holds_up_no_other(subscriber, post, alice, at, monkeypatch):
    subscriber()
    publishing.publish(name="Second", body="Text", by=alice, at=at("12:00"))
    good = fanout._message
    monkeypatch.setattr(fanout, "_message", lambda told, at: good(told, at) if told.post != post else 1 / 0)

    assert run(at("12:01")) == 1

    monkeypatch.undo()
    assert run(at("12:05")) == 1


def test_a_confirmation_does_not_wait_behind_a_fan_out(subscriber, post, at):
    subscriber()
    run(at("12:00"))
    subscriptions.subscribe("erin@shop.example", subscriptions.Choice(), network="192.0.2.1", at=at("12:01"))

    news, question = Delivery.objects.order_by("pk")

    assert (news.lane, question.lane) == ("bulk", "bulk")
    assert question.priority < news.priority


@pytest.fixture
def sent(subscriber, post, alice, at, settings):
    """The mails of an incident's first and second update, as they leave."""
    settings.EMAIL_CONFIGURED = True
    dave = subscriber("dave@shop.example")
    run(at("12:00"))
    outbox.deliver_due(now=lambda: at("12:00"))
    publishing.update(
        post, status="identified", body="Found <b>it</b>.\n\n.\n\nSee {{nothing}}.", by=alice, at=at("12:30")
    )
    run(at("12:30"))
    outbox.deliver_due(now=lambda: at("12:30"))
    return dave, *outgoing.outbox


def test_the_mails_of_one_incident_are_one_thread(sent):
    _, first, second = sent

    assert first.subject == second.subject == "[Northwind Pay status] Card payments failing"
    assert second.extra_headers["In-Reply-To"] == first.extra_headers["Message-ID"]
    assert second.extra_headers["References"] == first.extra_headers["Message-ID"]
    assert "In-Reply-To" not in first.extra_headers


def test_a_mail_can_be_left_with_one_click(sent):
    dave, first, _ = sent
    headers = first.extra_headers

    assert headers["List-Unsubscribe"] == f"<{fanout.links.unsubscribe_url(dave)}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"] == '"Northwind Pay status updates" <updates.testserver>'
    assert headers["Precedence"] == "list"


def test_the_text_says_the_state_first_and_the_way_out_last(sent):
    dave, _, second = sent
    text = second.body

    assert text.startswith(
        "IDENTIFIED: Card payments failing\nMajor outage. Mon 23 November 2026, 12:30 UTC\n"
    )
    assert "Affected:       Card payments (major outage)" in text
    assert "Sent to dave@shop.example, who subscribed to everything." in text
    assert fanout.links.unsubscribe_url(dave) in text
    assert "{{nothing}}" in text


def test_the_html_escapes_what_people_wrote_and_loads_nothing(sent):
    _, _, second = sent
    html = second.alternatives[0][0]

    assert "&lt;b&gt;it&lt;/b&gt;" in html
    assert "<img" not in html and "url(" not in html and "<script" not in html
    assert "■ Major outage · Identified" in html
