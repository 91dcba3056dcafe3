"""The ways to be told, as a visitor sees them: tabs, forms, and the pages of each channel."""

import re

import pytest
import time_machine

from oncall.messaging.models import Delivery
from statuspage import copies, forms, links, publishing, subscriptions
from statuspage.models import Subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(at):
    copies.drop_all()
    with time_machine.travel(at("12:30"), tick=False):
        yield


def path_of(url):
    return url.removeprefix("http://testserver")


TABS = [
    "/subscribe/",
    *(f"/subscribe/{name}/" for name in ("webhook", "slack", "teams", "feeds", "calendar")),
]


@pytest.mark.parametrize("path", TABS)
def test_each_way_to_be_told_has_a_page_of_plain_links_without_script(client, page, path):
    answer = client.get(path)

    text = answer.content.decode()
    assert answer.status_code == 200 and "<script" not in text and not answer.cookies
    assert f'<a href="{path}" aria-current="page">' in text
    assert all(f'href="{tab}"' in text for tab in TABS)


def test_the_format_of_webhooks_is_described(client, page):
    assert "X-Signature" in client.get("/subscribe/webhook/format/").content.decode()


def test_signing_up_a_webhook_is_answered_the_same_whatever_becomes_of_it(sign_up, page, settings):
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    url = {"endpoint": "http://127.0.0.1:9/in", "owner": "ops@shop.example", "path": "/subscribe/webhook/"}

    first, second = sign_up(**url), sign_up(**url)

    assert (first.status_code, first.content) == (202, second.content)
    assert Delivery.objects.count() == 1


def test_a_wrong_endpoint_or_owner_is_explained_at_its_field(sign_up, page, settings):
    home = sign_up("/subscribe/webhook/", endpoint="http://10.0.0.7/hooks", owner="ops@shop.example")
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    nobody = sign_up("/subscribe/webhook/", endpoint="http://127.0.0.1:9/in", owner="x")

    assert 'id="endpoint-error"' in home.content.decode() and "http://10.0.0.7/hooks" in home.content.decode()
    assert 'id="owner-error"' in nobody.content.decode() and nobody.status_code == 400


@pytest.mark.parametrize(
    ("made", "says"),
    [("12:30", "quick"), ("12:29", ""), ("11:00", ""), ("forged", "once more"), ("", "once more")],
)
def test_a_form_that_nobody_can_have_filled_in_is_shown_once_more(client, page, at, made, says):
    stamp = forms.stamp(at(made)) if ":" in made else made and "1795435200.0000"

    answer = client.post("/subscribe/", {"email": "dave@shop.example", "made": stamp})

    assert answer.status_code == (400 if says else 202)
    assert says in answer.content.decode()
    assert Subscriber.objects.exists() is not bool(says)


def test_a_form_of_yesterday_is_shown_once_more_with_a_fresh_stamp(client, page, at):
    old = forms.stamp(at("12:00", days=-1))

    answer = client.post("/subscribe/", {"email": "dave@shop.example", "made": old})

    assert answer.status_code == 400
    assert forms.stamp(at("12:30")) in answer.content.decode()


def test_an_incident_is_followed_from_its_own_page(client, sign_up, post):
    link = f"/subscribe/?incident={post.public_id}"
    assert link in client.get(f"/incidents/{post.public_id}/").content.decode()
    assert "Card payments failing" in client.get(link).content.decode()

    sign_up(email="dave@shop.example", about="post", incident=post.public_id, incidents="on")

    dave = Subscriber.objects.get()
    assert (dave.everything, list(dave.posts.all()), dave.components.count()) == (False, [post], 0)


def test_what_is_over_can_not_be_followed(sign_up, post, alice, at):
    publishing.resolve(post, body="Over.", by=alice, at=at("12:10"))

    answer = sign_up(email="dave@shop.example", about="post", incident=post.public_id)

    assert answer.status_code == 400 and "is over" in answer.content.decode()
    assert not Subscriber.objects.exists()


def test_a_group_can_be_chosen_as_a_whole(sign_up, payments, cards):
    sign_up(email="dave@shop.example", about="some", components=payments.public_id)

    assert list(Subscriber.objects.get().components.all()) == [payments]


@pytest.fixture
def hook(subscriber):
    return subscriber("https://hooks.shop.example/in/s3cret", channel="webhook", owner="ops@shop.example")


def test_the_owner_of_a_webhook_sees_its_secret_and_can_take_another(client, hook):
    url = path_of(links.manage_url(hook))
    before = client.get(url).content.decode()

    after = client.post(url, {"answer": "secret"}).content.decode()

    secret = re.compile(r"<code>([0-9a-f]{64})</code>")
    assert secret.search(before)[1] != secret.search(after)[1]
    assert "s3cret" not in before and "ops@shop.example" in before


def test_an_echoed_webhook_shows_its_secret_at_the_link_of_its_challenge(client, page, settings, at):
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    url, owner = "http://127.0.0.1:9/in", "ops@shop.example"
    everything = subscriptions.Choice()
    subscriptions.subscribe(
        url, everything, network="192.0.2.1", at=at("12:00"), channel="webhook", owner=owner
    )
    hook = subscriptions.confirm(Subscriber.objects.get(), at=at("12:01"))

    answer = client.get(path_of(links.confirm_url(hook)))

    assert re.search("<code>[0-9a-f]{64}</code>", answer.content.decode())


def test_open_incidents_can_be_followed_from_the_manage_page(client, subscriber, cards, post):
    dave = subscriber("dave@shop.example", cards)

    client.post(
        path_of(links.manage_url(dave)),
        {"answer": "save", "about": "some", "components": cards.public_id, "posts": post.public_id},
    )

    assert list(dave.posts.all()) == [post]
