"""Kindness under storm: limits that delay and say so, bundles in which every page counts."""

from datetime import UTC, datetime, timedelta

import pytest

from oncall.messaging import bundles, claims, limits, outbox, sending
from oncall.messaging.limits import Limit, Told
from oncall.messaging.models import Delivery, Message

AT = datetime(2026, 3, 9, 10, tzinfo=UTC)


def ago(seconds, about="checkout", priority=1, alone=True):
    return Told(about, priority, AT - timedelta(seconds=seconds), alone)


# -- the rule, pure ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("told", "priority", "wait_s"),
    [
        ([], 1, None),
        ([ago(10)], 1, 20),
        ([ago(31)], 1, None),
        ([ago(10, about="search")], 1, None),
        ([ago(10, priority=5)], 1, None),
        ([ago(10, priority=1)], 5, 20),
        ([ago(n, about=f"s{n}") for n in (1, 2, 3)], 1, 27),
        ([ago(n, about=f"s{n}") for n in (1, 2)], 1, None),
        ([ago(n, about=f"s{n}", alone=n == 1) for n in (1, 2, 3)], 1, None),
        ([ago(29), ago(1, about="a"), ago(2, about="b")], 1, 1),
    ],
    ids=[
        "nothing was sent before",
        "the same thing ten seconds ago: the rest of the pause",
        "the pause is over",
        "another thing waits for nobody",
        "what is quiet never holds up what is urgent",
        "what is urgent holds up what is quiet",
        "too many things at once: until the oldest is half a minute old",
        "fewer than that",
        "what went along in a bundle was no message of its own",
        "both: the later of the two",
    ],
)
def test_when_a_message_may_go(told, priority, wait_s):
    limit = Limit(timedelta(seconds=30), 3)

    release = limits.release_at("checkout", priority, told, limit=limit, at=AT)

    assert release == (wait_s and AT + timedelta(seconds=wait_s))


# -- the outbox --------------------------------------------------------------------------------------------
@pytest.fixture
def page(post):
    """``page(3, "checkout")``: the third page to alice, about checkout."""

    def put(n, about="checkout", **fields):
        fields = {"lane": "page", "priority": 1, "topic": f"page:{n}", "subject": f"Fault {n}", **fields}
        return post(key=f"page:{n}", about=about, values={"link": f"https://m.example/a/{n}/"}, **fields)

    return put


def states():
    return sorted(Delivery.objects.values_list("state", flat=True))


pytestmark = pytest.mark.django_db


def test_what_is_due_together_for_one_person_is_one_message(page, deliver, relay):
    for n in range(12):
        page(n)

    deliver()

    [mail] = relay.mails
    text = mail.get_content().replace("\r\n", "\n")
    assert mail["Subject"] == "12 pages: Fault 0"
    assert "acknowledge all 12 at once: https://m.example/a/0/" in text
    assert "- Fault 9\n- and 2 more" in text


def test_a_mail_for_many_is_html_too_and_what_others_wrote_is_inert_in_it(page, deliver, relay):
    for n in range(12):
        page(n, subject=f"<script>alert({n})</script>")
    Message.objects.update(html='<p style="x">Since {{link}}</p><script>alert(1)</script>')

    deliver()

    html = relay.mails[0].get_body(("html",)).get_content()
    assert '<h1 style="margin:0 0 16px;font-size:24px;line-height:30px">12 pages wait for you</h1>' in html
    assert '<a href="https://m.example/a/0/"' in html
    assert "<li>&lt;script&gt;alert(9)&lt;/script&gt;</li><li>and 2 more</li>" in html
    assert "<p>Since https://m.example/a/0/</p>" in html
    assert "<script" not in html


def test_without_html_of_its_own_a_mail_for_many_has_none(page, deliver, relay):
    page(1)
    page(2)

    deliver()

    assert relay.mails[0].get_body(("html",)) is None


def test_every_page_of_a_bundle_has_its_attempt_and_its_end(page, deliver, relay):
    first, *others = [page(n) for n in range(3)]

    deliver()

    for delivery in Delivery.objects.all():
        attempt = delivery.attempts.get()
        assert (delivery.state, attempt.outcome) == ("sent", "accepted")
        assert attempt.text.startswith("In one message with 2 other pages.")
    assert set(Delivery.objects.filter(bundled_into=first)) == set(others)


def test_the_next_about_the_same_is_held_and_says_until_when(page, deliver, clock, relay):
    page(1)
    deliver()
    clock.move(seconds=5)
    second = page(2)

    deliver()
    second.refresh_from_db()

    assert (second.state, second.held_until) == ("pending", AT + timedelta(seconds=30))
    assert not second.attempts.exists()


def test_what_was_held_goes_in_one_message_when_the_pause_is_over(page, deliver, clock, relay):
    page(1)
    deliver()
    for n in range(2, 6):
        clock.move(seconds=5)
        page(n)
        deliver()

    clock.move(seconds=10)
    deliver()

    assert [mail["Subject"] for mail in relay.mails] == ["Fault 1", "4 pages: Fault 2"]
    assert states() == ["sent"] * 5


def test_nothing_is_held_twice(page, deliver, clock, relay):
    page(1)
    deliver()
    page(2)
    deliver()
    clock.move(seconds=30)
    page(3, about="search")
    deliver()

    assert states() == ["sent"] * 3


def test_a_noisy_service_does_not_delay_another(page, deliver, clock, relay):
    page(1)
    deliver()
    for n in range(2, 50):
        page(n)
    deliver()
    page(50, about="search")

    deliver()

    assert Delivery.objects.get(topic="page:50").state == "sent"
    assert len(relay.mails) == 2


def test_quiet_pages_never_hold_up_an_urgent_one(page, deliver, relay):
    page(1, priority=5)
    deliver()
    urgent = page(2)

    deliver()
    urgent.refresh_from_db()

    assert (urgent.state, urgent.held_until) == ("sent", None)


def test_the_urgent_and_the_first_come_first_in_a_bundle(page, deliver, relay):
    page(1, priority=5)
    page(2, priority=2)
    page(3, priority=1)

    deliver()

    assert relay.mails[0]["Subject"] == "3 pages: Fault 3"


def test_one_person_does_not_wait_for_what_another_gets(page, deliver, relay):
    page(1)
    deliver()
    page(2, name="bob")

    deliver()

    assert states() == ["sent", "sent"]


def test_what_is_acknowledged_while_it_is_held_never_goes_out(page, deliver, clock, relay):
    page(1)
    deliver()
    page(2)
    deliver()
    outbox.cancel(topic="page:2", at=clock(), reason="acknowledged")
    clock.move(seconds=60)

    deliver()

    assert states() == ["cancelled", "sent"]


def test_a_lost_bundle_is_sent_again_as_one_message_without_what_is_over(page, deliver, clock, relay):
    rows = [page(n) for n in range(4)]
    relay.refuse["alice@example.com"] = "550 no such user"
    deliver()
    relay.refuse.clear()
    Delivery.objects.filter(pk=rows[3].pk).update(state="cancelled")
    rows[1].refresh_from_db()

    outbox.send_bundle_again(rows[1], by_name="root", at=clock())
    deliver()

    assert states() == ["cancelled", "sent", "sent", "sent"]
    assert [mail["Subject"] for mail in relay.mails] == ["3 pages: Fault 0"]


def test_one_of_a_lost_bundle_sent_again_alone_leaves_the_others(page, deliver, clock, relay):
    rows = [page(n) for n in range(3)]
    relay.refuse["alice@example.com"] = "550 no such user"
    deliver()
    relay.refuse.clear()
    rows[1].refresh_from_db()

    outbox.send_again(rows[1], by_name="root", at=clock())
    deliver()

    assert states() == ["dead", "dead", "sent"]
    assert set(outbox.lost_with(Delivery.objects.get(pk=rows[0].pk))) == {rows[2]}


def test_a_refused_bundle_is_refused_for_each_in_it(page, deliver, relay):
    page(1)
    page(2)
    relay.refuse["alice@example.com"] = "550 no such user"

    deliver()

    assert states() == ["dead", "dead"]


def test_one_that_cannot_be_written_spoils_no_bundle(page, deliver, relay, monkeypatch):
    for n in range(3):
        page(n)
    write = sending.write_letter

    def stumbles(delivery, at):
        return 1 / 0 if delivery.topic == "page:1" else write(delivery, at)

    monkeypatch.setattr(sending, "write_letter", stumbles)

    deliver()

    assert relay.mails[0]["Subject"] == "2 pages: Fault 0"
    assert Delivery.objects.get(topic="page:1").attempts.get().outcome == "fault"


def test_a_bundle_whose_sender_was_killed_goes_out_again_under_the_same_name(page, deliver, clock, relay):
    for n in range(3):
        page(n)
    claims.begin_all(claims.claim("email", limit=9, at=clock()), at=clock())  # and here it is killed
    clock.move(seconds=61)
    deliver()
    first = relay.mails[0]["Message-ID"]
    Delivery.objects.update(state="pending", due_at=clock(), finished_at=None)

    deliver()

    assert [mail["Message-ID"] for mail in relay.mails] == [first, first]
    assert Delivery.objects.first().attempts.first().outcome == "unknown"


def test_a_bundle_with_one_more_in_it_is_another_message(page):
    one, two = ["page:1", "page:2"], ["page:1", "page:2", "page:3"]

    def name(keys):
        return bundles.write([_letter()] * len(keys), keys, stable_id=str).stable_id

    assert name(one) != name(two)
    assert name(two) == name(two[::-1])


def _letter():
    return bundles.Letter("a@b", "alice", "page", "Fault", "Look", "", {}, {}, "id", AT, AT)


def test_programs_are_not_bundled(post, deliver, hook):
    sink, url = hook
    for n in range(3):
        post(key=f"n{n}", medium="webhook", address=url, lane="page", about="checkout")

    deliver()

    assert len(sink.requests) == 3


def test_what_a_person_sends_again_is_not_held(page, deliver, clock, relay):
    delivery = page(1)
    deliver()
    delivery.refresh_from_db()

    outbox.send_again(delivery, by_name="root", at=clock())
    deliver()

    assert len(relay.mails) == 2
