"""The long tail: what is allowed holds without the package too; what it sends is tested where it is installed."""

import importlib.util

import pytest

from oncall.messaging.errors import DeliveryError, DomainError, Unsure
from oncall.messaging.mediums import apprise
from oncall.messaging.mediums.apprise import Apprise, ours
from tests.messaging.services import fake_service

installed = pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None, reason="needs requirements/apprise.txt"
)


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.APPRISE_SCHEMAS = ["discord", "json"]
    settings.EGRESS_ALLOW = []


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "Enter an Apprise URL"),
        ("discord", "Enter an Apprise URL"),
        ("discord://1/a b", "Enter an Apprise URL"),
        ("http://[", "Enter an Apprise URL"),
        ("syslog://", "not allowed here"),
        ("file:///etc/passwd", "not allowed here"),
        ("slack://a/b/c", "not allowed here"),
        ("json://10.0.0.1/x", "list 10.0.0.1 in the setting EGRESS_ALLOW"),
        ("json://user:pass@internal/x", "list internal in the setting EGRESS_ALLOW"),
    ],
)
def test_only_what_the_operator_allows_is_taken(address, reason):
    with pytest.raises(DomainError, match=reason):
        Apprise().check_address(address)


def test_a_host_that_the_operator_names_may_be_called(settings):
    settings.EGRESS_ALLOW = ["internal"]

    assert Apprise().check_address("json://internal/x") == "json://internal/x"


@pytest.mark.parametrize(
    "sneaked", ["redirect=yes", "%72edirect=yes", "Redirect=yes", "verify=no", "retry=99"]
)
def test_what_the_portal_decides_cannot_be_set_in_the_address(sneaked):
    assert ours(f"discord://1/a?avatar=no&{sneaked}") == (
        "discord://1/a?avatar=no&redirect=no&cto=3&rto=5&retry=0"
    )


def test_without_the_package_or_the_setting_it_is_not_offered(letter, settings, monkeypatch):
    settings.APPRISE_SCHEMAS = []
    assert Apprise().missing()

    settings.APPRISE_SCHEMAS = ["discord"]
    monkeypatch.setattr(apprise, "_is_installed", lambda: False)
    with pytest.raises(DeliveryError, match="install requirements/apprise.txt") as failure:
        Apprise().send(letter("discord://1/a"))
    assert failure.value.permanent


@pytest.fixture
def receiver(settings):
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    with fake_service({"POST /x": (200, {})}) as (fake, url):
        fake.address = f"{url.replace('http', 'json')}/x"
        yield fake


@installed
def test_a_message_arrives(receiver, letter):
    Apprise().send(letter(receiver.address))

    told = receiver.told()
    assert told["title"] == "[SEV1] Checkout: Card payments fail (INC-47)"
    assert "Answer: https://muster.example.com/a/secret" in told["message"]


@installed
@pytest.mark.parametrize(("status", "permanent"), [(404, True), (401, True), (429, False), (500, False)])
def test_its_sentence_tells_whether_a_no_is_final(receiver, letter, status, permanent):
    receiver.everywhere((status, {}))

    with pytest.raises(DeliveryError) as failure:
        Apprise().send(letter(receiver.address))

    assert (failure.value.permanent, failure.value.code) == (permanent, str(status))


@installed
def test_a_redirect_to_a_private_address_is_not_followed(receiver, letter):
    with fake_service({}) as (inside, url):
        receiver.everywhere((307, None, {"Location": f"{url}/latest/meta-data/"}))
        with pytest.raises(DeliveryError):
            Apprise().send(letter(receiver.address))

    assert inside.requests == []


@installed
@pytest.mark.parametrize("misbehaves", ["hang", "drip"])
def test_a_service_that_never_comes_to_an_end_is_left_behind(receiver, letter, monkeypatch, misbehaves):
    monkeypatch.setattr(apprise, "LIMIT_S", 0.3)
    receiver.everywhere(getattr(receiver, misbehaves))

    with pytest.raises(Unsure):
        Apprise().send(letter(receiver.address))


@installed
def test_what_apprise_does_not_understand_is_final(letter, settings):
    with pytest.raises(DeliveryError, match="does not understand") as failure:
        Apprise().send(letter("discord://"))

    assert failure.value.permanent
