"""Mail that came back: what providers tell, and whom it stops."""

import json
from datetime import timedelta

import pytest
import time_machine

from oncall.messaging import outbox
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from statuspage import audience, bounces, endpoints, fanout, reach, subscriptions, suppression
from statuspage.bounces import Returned
from statuspage.models import Bounce, Subscriber, Suppression
from tests.messaging.conftest import use_relay
from tests.messaging.sinks import mail_sink

WHEN = "2026-11-23T12:00:00Z"
KEY = "a-key-that-nobody-guesses"

POSTMARK = {
    "RecordType": "Bounce",
    "ID": 692560173,
    "Type": "HardBounce",
    "TypeCode": 1,
    "MessageID": "2c1b63fe-43f2-4db5-91b0-8bdfa44a9316",
    "Description": "The server was unable to deliver your message (ex: unknown user).",
    "Email": "Dave@Shop.Example",
    "BouncedAt": WHEN,
}
SES = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {"emailAddress": "dave@shop.example", "action": "failed", "diagnosticCode": "smtp; 550 5.1.1 no"}
        ],
        "timestamp": WHEN,
        "feedbackId": "00000137860315fd",
    },
    "mail": {"messageId": "x"},
}
MAILGUN = {
    "signature": {"token": "t", "timestamp": "1", "signature": "s"},
    "event-data": {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "recipient": "dave@shop.example",
        "id": "G9Bn5sl1TC6nu79C8C0bwg",
        "timestamp": 1795435200.5,
        "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
    },
}
SENDGRID = {
    "email": "dave@shop.example",
    "event": "bounce",
    "type": "bounce",
    "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==",
    "timestamp": 1795435200,
    "reason": "550 5.1.1 unknown",
}


def sns(message):
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(message)}


def changed(sample, **changes):
    return sample | changes


@pytest.mark.parametrize(
    ("told", "source", "kind"),
    [
        (POSTMARK, "postmark", "hard"),
        (changed(POSTMARK, Type="SoftBounce"), "postmark", "soft"),
        (changed(POSTMARK, RecordType="SpamComplaint"), "postmark", "complaint"),
        (SES, "ses", "hard"),
        (sns(SES), "ses", "hard"),
        (sns(changed(SES, bounce=SES["bounce"] | {"bounceType": "Transient"})), "ses", "soft"),
        (
            sns(
                {
                    "eventType": "Complaint",
                    "complaint": {"complainedRecipients": [{"emailAddress": "dave@shop.example"}]},
                    "mail": {},
                }
            ),
            "ses",
            "complaint",
        ),
        (MAILGUN, "mailgun", "hard"),
        ({"event-data": MAILGUN["event-data"] | {"severity": "temporary"}}, "mailgun", "soft"),
        ({"event-data": MAILGUN["event-data"] | {"event": "complained"}}, "mailgun", "complaint"),
        ([SENDGRID], "sendgrid", "hard"),
        ([changed(SENDGRID, type="blocked")], "sendgrid", "soft"),
        ([changed(SENDGRID, event="spamreport")], "sendgrid", "complaint"),
        ([changed(SENDGRID, event="dropped", reason="Bounced Address")], "sendgrid", "hard"),
        ({"address": "dave@shop.example", "kind": "hard", "id": "1"}, "json", "hard"),
        ([{"address": "Dave <dave@shop.example>", "kind": "soft"}], "json", "soft"),
    ],
)
def test_a_provider_is_understood(told, source, kind):
    (found,) = bounces.read(told)

    assert (found.address, found.source, found.kind) == ("dave@shop.example", source, kind)


@pytest.mark.parametrize(
    "told",
    [
        changed(POSTMARK, RecordType="Open"),
        changed(POSTMARK, Type="AutoResponder"),
        sns({"notificationType": "Delivery", "mail": {}}),
        {"event-data": {"event": "delivered", "recipient": "dave@shop.example"}},
        [],
        [changed(SENDGRID, event="open")],
        changed(POSTMARK, Email="\ud800@shop.example"),
        [changed(SENDGRID, email={"not": "a text"})],
        changed(POSTMARK, Email="x" * 300 + "@shop.example"),
    ],
)
def test_what_is_no_bounce_tells_nothing(told):
    assert bounces.read(told) == []


@pytest.mark.parametrize("told", [None, 1, "x", {}, {"address": "a@b.example"}, [{"kind": "hard"}], [[]]])
def test_an_unknown_shape_is_known_as_such(told):
    assert bounces.read(told) is None


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("550", "550 5.1.1 no such user", "hard"),
        ("550", "550 unknown", "hard"),
        ("553", "553 mailbox name not allowed", "hard"),
        ("554", "554 5.2.1 disabled", "hard"),
        ("552", "552 5.2.2 mailbox full", "soft"),
        ("552", "552 too big", "soft"),
        ("550", "550 5.7.1 spam refused", ""),
        ("554", "554 policy", ""),
        ("552", "552 5.3.4 too big", ""),
    ],
)
def test_a_refusal_counts_only_where_it_is_about_the_recipient(code, text, kind):
    assert bounces.judge(code, text) == kind


def returned(kind="hard", n=0, address="dave@shop.example"):
    return Returned(address, kind, "json", f"{kind}{n}")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["hard", "complaint"])
def test_a_hard_bounce_or_a_complaint_stops_mail_at_once(subscriber, post, at, kind):
    dave = subscriber()
    fanout.fan_out(now=lambda: at("12:00"))

    suppression.take(returned(kind), at=at("12:01"))

    dave.refresh_from_db()
    assert dave.state == "suppressed"
    assert Delivery.objects.get().state == "cancelled"
    assert audience.of_update(post.updates.get()).count() == 0
    assert reach.counted(post.updates.get())["email"] == 0


@pytest.mark.django_db
def test_the_same_told_twice_counts_once(subscriber, at):
    subscriber()

    told = [suppression.take(returned("soft"), at=at()) for _ in range(5)]

    assert told == [True, False, False, False, False]
    assert Subscriber.objects.get().state == "active"


@pytest.mark.django_db
def test_three_soft_bounces_in_a_week_hold_an_address_back_for_a_week(subscriber, at):
    dave = subscriber()
    for n, days in enumerate((-20, -3, -2)):
        suppression.take(returned("soft", n), at=at(days=days))
    dave.refresh_from_db()
    assert dave.state == "active"

    suppression.take(returned("soft", 9), at=at())
    dave.refresh_from_db()
    assert dave.state == "quarantined"

    assert suppression.release(now=lambda: at("11:59", days=7)) == 0
    assert suppression.release(now=lambda: at("12:00", days=7)) == 1
    dave.refresh_from_db()
    assert (dave.state, dave.bounces.count()) == ("active", 0)


@pytest.mark.django_db
def test_a_suppressed_address_stays_so_after_its_subscription_is_deleted(subscriber, at, settings):
    dave = subscriber()
    suppression.take(returned(), at=at())
    dave.delete()
    assert "dave" not in Suppression.objects.get().mark

    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-secret-key" * 3
    subscriptions.subscribe(
        "dave@shop.example", subscriptions.Choice(), network="192.0.2.1", at=at("12:00", days=90)
    )

    assert not Subscriber.objects.exists() and not Delivery.objects.exists()


@pytest.mark.django_db
def test_a_person_can_let_mail_through_again(subscriber, alice, at):
    dave = subscriber()
    suppression.take(returned(), at=at())

    suppression.let_through(dave, by=alice, at=at("13:00"))

    dave.refresh_from_db()
    assert dave.state == "active" and not Suppression.objects.exists()
    assert str(dave.events.last().by) == "alice"
    with pytest.raises(DomainError):
        suppression.let_through(dave, by=alice, at=at("13:01"))


@pytest.mark.django_db
def test_who_refused_may_sign_up_anew_when_a_person_lets_her(subscriber, alice, at):
    dave = subscriber(state="refused", confirmed_at=None)

    suppression.let_through(dave, by=alice, at=at())
    subscriptions.subscribe(dave.address, subscriptions.Choice(), network="192.0.2.1", at=at("12:01"))

    dave.refresh_from_db()
    assert dave.state == "pending"


@pytest.mark.django_db
def test_a_relay_that_refuses_the_recipient_for_good_suppresses_her(subscriber, post, at, settings):
    with mail_sink() as (sink, port):
        use_relay(settings, port)
        sink.refuse = {"dave@shop.example": "550 5.1.1 no such user", "erin@shop.example": "550 5.7.1 spam"}
        subscriber("dave@shop.example")
        subscriber("erin@shop.example")
        subscriber("frank@shop.example")
        fanout.fan_out(now=lambda: at("12:00"))
        outbox.deliver_due(now=lambda: at("12:00"))

    assert endpoints.notice_refusals(now=lambda: at("12:01")) == 1
    assert endpoints.notice_refusals(now=lambda: at("12:02")) == 0

    states = dict(Subscriber.objects.values_list("address", "state"))
    assert states == {
        "dave@shop.example": "suppressed",
        "erin@shop.example": "active",
        "frank@shop.example": "active",
    }
    assert Bounce.objects.get().source == "relay"


# -- the door ------------------------------------------------------------------------------------------------
@pytest.fixture
def call(client, settings, at):
    settings.BOUNCES_KEY = KEY

    def post(told, key=KEY, method="POST"):
        body = told if isinstance(told, bytes) else json.dumps(told)
        with time_machine.travel(at("12:30"), tick=False):
            return client.generic(method, f"/callbacks/bounces/{key}/", body, content_type="text/plain")

    return post


@pytest.mark.django_db
@pytest.mark.parametrize("told", [POSTMARK, sns(SES), MAILGUN, [SENDGRID]])
def test_a_provider_calls_and_the_address_is_suppressed(call, subscriber, told):
    subscriber()

    assert call(told).status_code == 204
    assert call(told).status_code == 204
    assert Subscriber.objects.get().state == "suppressed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("told", "status"),
    [(b"rubbish", 400), (b"\xff\xfe", 400), (b"[" * 100_000, 400), (b"{}", 400), (b"x" * 3_000_000, 413)],
)
def test_rubbish_is_refused_and_does_no_harm(call, told, status):
    assert call(told).status_code == status


@pytest.mark.django_db
def test_without_the_key_there_is_no_such_address(call, settings):
    assert call(POSTMARK, key="another-key").status_code == 404
    assert call(b"", method="GET").status_code == 405
    settings.BOUNCES_KEY = ""
    assert call(POSTMARK).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["https://evil.example/", "http://sns.eu-west-1.amazonaws.com/", "", 7])
def test_a_subscription_is_confirmed_at_amazon_alone(call, url):
    assert call({"Type": "SubscriptionConfirmation", "SubscribeURL": url}).status_code == 400


@pytest.mark.django_db
def test_a_complaint_about_an_address_that_left_is_kept(at):
    suppression.take(returned("complaint"), at=at() - timedelta(days=1))

    assert suppression.is_suppressed("DAVE@shop.example")
