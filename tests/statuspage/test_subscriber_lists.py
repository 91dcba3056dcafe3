"""Subscribers as a file: what is wrong is said line by line, and nobody is taken in against her will."""

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from statuspage import links, subscriber_lists, suppression
from statuspage.bounces import Returned
from statuspage.models import Subscriber

pytestmark = pytest.mark.django_db
HEAD = "channel,address,owner,components,kinds,state,confirmed_at\n"
GOOD = (
    HEAD
    + "email,Dave@Shop.example,,cards payments,incidents,active,2026-01-02T03:04:05Z\n"
    + "webhook,https://hooks.shop.example/in,ops@shop.example,,incidents maintenance postmortems,,\n"
)
IMPORT = "/admin/statuspage/subscriber/import/"


def plan(text, page, at):
    return subscriber_lists.plan(text, page, at=at())


def take_in(text, page, at, **options):
    options = {"consent": True, "by": None, "at": at(), **options}
    return subscriber_lists.carry_out(plan(text, page, at), page, **options)


def test_with_the_operators_word_they_are_subscribed_as_the_file_says(page, cards, payments, alice, at):
    assert take_in(GOOD, page, at, by=alice) == 2

    dave, hook = Subscriber.objects.order_by("channel")
    assert (dave.state, dave.confirmed_at.isoformat()) == ("active", "2026-01-02T03:04:05+00:00")
    assert (set(dave.components.all()), dave.everything, dave.maintenance) == (
        {cards, payments},
        False,
        False,
    )
    assert (hook.owner, hook.everything, hook.postmortems) == ("ops@shop.example", True, True)
    assert str(dave.events.get().by) == "alice"
    assert not Delivery.objects.exists()


def test_without_it_each_is_asked_and_nobody_is_subscribed(page, at):
    take_in("address\ndave@shop.example\nerin@shop.example\n", page, at, consent=False)

    assert set(Subscriber.objects.values_list("state", flat=True)) == {"pending"}
    dave = Subscriber.objects.get(address="dave@shop.example")
    sent = Delivery.objects.get(address="dave@shop.example")
    assert sent.values["confirm_url"] == links.confirm_url(dave)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("email,not-an-address,,,,,", "Enter one plain e-mail address"),
        ("email,a@x.example b@x.example,,,,,", "Enter one plain e-mail address"),
        ('email,"a@x.example\nBcc: b@x.example",,,,,', "holds a line end"),
        ("email,abuse@x.example,,,,,", "not a technical one"),
        ("email,a@x.example,,nothing,,,", "There is no component 'nothing'"),
        ("email,a@x.example,,,everything,,", "Kinds are"),
        ("email,a@x.example,,,,confirmed,", "The state is one of"),
        ("email,a@x.example,,,,,yesterday", "confirmed_at is a time"),
        ("email,a@x.example,,,,,2030-01-01", "lies in the past"),
        ("fax,a@x.example,,,,,", "The channel is one of"),
        ("webhook,https://10.0.0.7/,a@x.example,,,,", "reachable from the internet"),
        ("webhook,https://hooks.shop.example/,,,,,", "e-mail address"),
        ("slack,https://hooks.shop.example/,,,,,", "not an incoming webhook"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken_in(page, at, line, fault):
    found = plan(HEAD + "email,fine@shop.example,,,,,\n" + line + "\n", page, at)

    assert len(found.faults) == 1 and fault in found.faults[0][1]
    assert found.faults[0][0] in (3, 4)
    with pytest.raises(DomainError):
        subscriber_lists.carry_out(found, page, consent=True, by=None, at=at())
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    "text", ["", "\n\n", "name,mail\nx,y\n", "\x00\x00", "PK\x03\x04rubbish", 'address\n"' + "x" * 200_000]
)
def test_what_is_no_such_file_is_refused(page, at, text):
    with pytest.raises(DomainError):
        plan(text, page, at)


@pytest.mark.parametrize(
    "text", ["email;x\n'dave@shop.example;1\n", "\ufeffADDRESS\tx\ndave@shop.example\t1\n"]
)
def test_a_spreadsheets_own_ways_are_understood(page, at, text):
    assert [row.address for row in plan(text, page, at).rows] == ["dave@shop.example"]


def test_one_address_twice_in_a_file_is_a_fault(page, at):
    found = plan("address\ndave@shop.example\nDAVE@shop.example\n", page, at)

    assert found.faults == ((3, "The same address stands in line 2."),)


def test_who_is_there_keeps_her_choice_and_who_left_or_is_suppressed_stays_away(page, subscriber, cards, at):
    subscriber("there@shop.example", cards)
    subscriber("gone@shop.example", state="unsubscribed")
    suppression.take(Returned("spam@shop.example", "complaint", "json", "1"), at=at())
    names = ["there", "gone", "spam", "fresh"]
    text = (
        "address,state\n"
        + "".join(f"{name}@shop.example,\n" for name in names)
        + "out@x.example,unsubscribed\n"
    )

    found = plan(text, page, at)
    subscriber_lists.carry_out(found, page, consent=True, by=None, at=at())

    assert (found.there, found.left, found.suppressed) == (2, 1, 1)
    states = dict(Subscriber.objects.values_list("address", "state"))
    assert states == {
        "there@shop.example": "active",
        "gone@shop.example": "unsubscribed",
        "spam@shop.example": "suppressed",
        "fresh@shop.example": "active",
    }
    assert list(Subscriber.objects.get(address="there@shop.example").components.all()) == [cards]


def test_lines_are_taken_in_many_at_a_time(page, cards, at, django_assert_max_num_queries):
    text = "address,components\n" + "".join(f"s{n}@shop.example,cards\n" for n in range(2_000))

    with django_assert_max_num_queries(80):
        assert take_in(text, page, at) == 2_000


def test_what_is_exported_can_be_imported_again(page, cards, subscriber, at, tmp_path):
    subscriber("+dave@shop.example", cards, postmortems=True)
    subscriber("https://hooks.shop.example/in", channel="webhook", owner="ops@shop.example")
    file = tmp_path / "subscribers.csv"
    call_command("statuspage_subscribers", "export", str(file))
    Subscriber.objects.all().delete()

    call_command("statuspage_subscribers", "import", str(file), "--consent")

    again = tmp_path / "again.csv"
    call_command("statuspage_subscribers", "export", str(again))
    assert sorted(again.read_text().splitlines()) == sorted(file.read_text().splitlines())


def test_the_command_names_what_is_wrong_and_a_dry_run_writes_nothing(page, tmp_path, capsys):
    file = tmp_path / "subscribers.csv"
    file.write_text("address\ndave@shop.example\n")
    call_command("statuspage_subscribers", "import", str(file), "--dry-run")
    assert not Subscriber.objects.exists()

    file.write_text("address\nnobody\n")
    with pytest.raises(CommandError):
        call_command("statuspage_subscribers", "import", str(file), "--consent")
    assert "line 2: Enter one plain e-mail address" in capsys.readouterr().err


# -- in the console ------------------------------------------------------------------------------------------
@pytest.fixture
def as_alice(client, alice, at):
    client.force_login(alice)
    with time_machine.travel(at("12:30"), tick=False):
        yield client


def upload(text):
    return {"file": SimpleUploadedFile("subscribers.csv", text if isinstance(text, bytes) else text.encode())}


def test_a_file_is_checked_first_and_taken_in_second(as_alice, page, cards, payments):
    checked = as_alice.post(IMPORT, upload(GOOD) | {"import": "1"})
    assert "Take 2 in" in checked.content.decode() and not Subscriber.objects.exists()

    done = as_alice.post(IMPORT, {"text": GOOD, "consent": "on", "import": "1"})

    assert done.status_code == 302
    assert Subscriber.objects.active().count() == 2


@pytest.mark.parametrize(
    "text", [b"\xff\xfe\x00", b"", b"rubbish", HEAD + "email,x,,,,,\n", b"a" * 1_600_000]
)
def test_a_wrong_file_is_explained(as_alice, page, text):
    answer = as_alice.post(IMPORT, upload(text))

    assert answer.status_code == 200
    assert not Subscriber.objects.exists() and "Take" not in answer.content.decode()


def test_files_need_the_right(client, carol, subscriber):
    subscriber()
    client.force_login(carol)

    assert client.get(IMPORT).status_code == 403
    assert client.get("/admin/statuspage/subscriber/export/").status_code == 403


def test_the_export_is_the_list_as_it_is_filtered(as_alice, subscriber):
    subscriber("dave@shop.example")
    subscriber("https://hooks.shop.example/in", channel="webhook", owner="ops@shop.example")

    answer = as_alice.get("/admin/statuspage/subscriber/export/?channel__exact=email")

    text = b"".join(answer.streaming_content).decode()
    assert "dave@shop.example" in text and "hooks" not in text
