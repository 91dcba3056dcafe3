"""What holds for every service of chat and push: its yes, its not now, its never, and its misbehaviour."""

import pytest

from oncall.messaging.errors import DomainError
from oncall.messaging.mediums import MEDIUMS, by_name, changeable, hint, label, offered
from oncall.messaging.models import Delivery
from tests.messaging.services import KNOWN, fake_service

pytestmark = pytest.mark.django_db

VALUES = {
    "link": "https://muster.example.com/a/0123456789012345678901234567890a/",
    "page": "7",
    "step": "1",
    "urgency": "high",
    "verbs": "acknowledge escalate resolve",
}


@pytest.fixture(params=KNOWN)
def known(request):
    return KNOWN[request.param]


@pytest.fixture
def medium(request, known):
    return request.node.callspec.params["known"]


@pytest.fixture
def service(settings, known, medium):
    """The provider, set up as an operator does; nothing private is permitted but where people enter URLs."""
    settings.EGRESS_ALLOW = []
    with fake_service(dict(known.script)) as (fake, url):
        if medium == "matrix":
            fake.otherwise = (200, {"event_id": "$event"})
        for name, value in known.setup(url).items():
            setattr(settings, name, value)
        fake.url = url
        yield fake


@pytest.fixture
def sent(post, deliver, known, medium):
    """Send one page by this medium and return what became of it."""

    def send(service, **fields) -> Delivery:
        address = known.address.format(url=service.url)
        delivery = post("alice", medium=medium, address=address, lane="page", values=VALUES, **fields)
        deliver()
        delivery.refresh_from_db()
        return delivery

    return send


def test_a_message_is_taken_and_the_providers_name_for_it_is_kept(service, sent, known):
    delivery = sent(service)

    attempt = delivery.attempts.get()
    assert (delivery.state, delivery.provider_id) == ("sent", known.provider_id)
    assert attempt.code.startswith("2")


def test_a_rate_limit_is_waited_for(service, sent, known, clock):
    service.everywhere(known.limited)

    delivery = sent(service)

    assert (delivery.state, delivery.attempts.get().outcome) == ("pending", "temporary")
    assert (delivery.due_at - clock()).total_seconds() == 30


def test_a_final_no_ends_it_at_once_with_the_reason(service, sent, known):
    service.everywhere(known.refused)

    delivery = sent(service)

    attempt = delivery.attempts.get()
    assert (delivery.state, attempt.outcome) == ("dead", "permanent")
    assert known.reason in delivery.last_error
    assert attempt.code


def test_trouble_of_the_service_is_tried_again(service, sent):
    service.everywhere((502, None))

    delivery = sent(service)

    assert (delivery.state, delivery.attempts.get().code) == ("pending", "502")


@pytest.mark.parametrize("misbehaves", ["hang", "drip", "flood"])
def test_a_service_that_never_comes_to_an_end_is_cut_off(service, sent, monkeypatch, misbehaves, medium):
    monkeypatch.setattr("oncall.messaging.mediums.provider.LIMIT_S", 0.3)
    service.everywhere(getattr(service, misbehaves))

    delivery = sent(service)

    told_yes = medium == "teams" and misbehaves != "hang"  # its status says it all, whatever the body
    assert delivery.state == ("sent" if told_yes else "pending")
    assert service.sent_bytes < 50_000_000


def test_a_redirect_to_a_private_address_is_not_followed(service, sent):
    with fake_service({}) as (inside, inside_url):
        service.everywhere((307, None, {"Location": f"{inside_url}/latest/meta-data/"}))
        delivery = sent(service)

    assert (delivery.state, inside.requests) == ("dead", [])
    assert "redirect" in delivery.last_error


def test_a_success_without_its_usual_words_may_have_arrived(service, sent, medium):
    service.everywhere((200, {"surprise": True}))

    delivery = sent(service)

    expected = ("sent", "accepted") if medium == "teams" else ("pending", "unknown")
    assert (delivery.state, delivery.attempts.get().outcome) == expected


def test_an_address_that_cannot_be_is_refused_in_a_sentence(known, medium, settings):
    settings.EGRESS_ALLOW = []
    for address in known.bad_addresses:
        with pytest.raises(DomainError) as refusal:
            by_name(medium).check_address(address)
        assert refusal.value.code == "bad_address"
        assert refusal.value.detail.startswith("Enter ")


@pytest.mark.parametrize("known", [name for name in KNOWN if name != "teams"], indirect=True)
def test_without_its_settings_it_is_not_offered_and_a_message_ends_at_once(
    post, deliver, settings, known, medium
):
    for name in known.setup("http://127.0.0.1:1"):
        setattr(settings, name, "")
    delivery = post("alice", medium=medium, address=known.address)

    deliver()

    delivery.refresh_from_db()
    assert medium not in offered()
    assert delivery.state == "dead"
    assert "is not set up here" in delivery.last_error


def test_what_a_token_is_never_shows_in_an_error(service, sent, known, settings):
    service.everywhere((500, None))

    delivery = sent(service)

    secrets = [value for name, value in known.setup("").items() if name.endswith("TOKEN")]
    assert not [secret for secret in secrets if secret in delivery.last_error]


@pytest.mark.parametrize("known", [name for name in KNOWN if by_name(name).changes], indirect=True)
def test_what_went_out_can_be_changed(service, sent, post, deliver, known, medium):
    first = sent(service)

    post(
        "bob",
        medium=medium,
        address=first.address,
        text="{{said}}",
        values={**VALUES, "said": "Alice acknowledged · 11:03 (Berlin)", "verbs": "resolve"},
        follows=first,
    )
    deliver()

    follow_up = Delivery.objects.get(follows=first)
    assert follow_up.state == "sent"
    assert known.changed in ("", service.calls[-1])


def test_a_change_waits_for_no_message_that_never_went_out(service, sent, post, deliver, medium):
    service.everywhere((502, None))
    first = sent(service)

    post("bob", medium=medium, address=first.address, values=VALUES, follows=first)
    deliver()

    assert Delivery.objects.get(follows=first).state == "cancelled"


def test_every_medium_says_what_it_is_called_and_what_to_enter():
    assert all(label(name) != name or hint(name) != "An address" for name in MEDIUMS)
    assert set(changeable()) <= set(MEDIUMS)
