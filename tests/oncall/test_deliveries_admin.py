from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from oncall.models import User

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
LINK = "https://muster.example.com/a/token/"


@pytest.fixture
def delivery() -> Delivery:
    message = outbox.compose(
        purpose="page",
        subject="Checkout is down",
        text="Answer: {{link}}",
        html='<style>p{}</style><p style="x">Answer: <a href="{{link}}">here</a></p><script>alert(1)</script>',
        at=NOW,
    )
    return outbox.send(
        message,
        medium="email",
        address="alice@example.com",
        recipient="alice",
        key="k",
        values={"link": LINK},
        at=NOW,
    )


@pytest.fixture
def read(client, delivery):
    """The delivery's page as somebody with these rights sees it."""

    def page(*rights: str) -> str:
        person = User.objects.create_user("bob", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=rights))
        client.force_login(person)
        return client.get(reverse("admin:messaging_delivery_change", args=[delivery.pk])).content.decode()

    return page


def test_a_kept_message_can_be_read_with_its_link(read, delivery):
    outbox.deliver_due(now=lambda: NOW)

    page = read("view_delivery")

    assert f"Answer: {LINK}" in page
    assert f'<a href="{LINK}" rel="noopener nofollow ugc">here</a>' in page
    assert "alert(1)" not in page


def test_the_link_of_a_message_that_was_sent_is_its_recipients_alone(read, delivery):
    page = read("view_delivery")

    assert LINK not in page
    assert "Answer: {{link}}" in page


def test_a_dead_delivery_is_sent_again_by_who_may(read, client, delivery):
    Delivery.objects.update(state="dead", due_at=None, finished_at=NOW)
    page = read("view_delivery", "change_delivery")
    url = reverse("admin:messaging_delivery_verb", args=[delivery.pk, "send-again"])

    client.post(url, {"expected": delivery.generation})

    delivery.refresh_from_db()
    assert "Send again" in page
    assert (delivery.state, delivery.last_error) == ("pending", "Sent again by bob.")


def test_what_was_lost_in_one_message_is_sent_again_together(read, client, delivery):
    fields = {"medium": "email", "address": "alice@example.com", "recipient": "alice", "at": NOW}
    other = outbox.send(delivery.message, key="k2", **fields)
    outbox.send(delivery.message, key="k3", **fields)
    assert "Send all of its message again" not in read("view_delivery", "change_delivery")
    Delivery.objects.filter(pk__in=[delivery.pk, other.pk]).update(state="dead", due_at=None, finished_at=NOW)
    Delivery.objects.filter(pk=other.pk).update(bundled_into=delivery)

    page = client.get(reverse("admin:messaging_delivery_change", args=[other.pk])).content.decode()
    url = reverse("admin:messaging_delivery_verb", args=[other.pk, "send-bundle-again"])
    client.post(url, {"expected": other.generation})

    assert "Send all of its message again" in page
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}


def test_nobody_else_sends_again_and_nobody_edits(read, client, delivery):
    Delivery.objects.update(state="dead", due_at=None, finished_at=NOW)
    page = read("view_delivery")
    url = reverse("admin:messaging_delivery_verb", args=[delivery.pk, "send-again"])

    answer = client.post(url, {"expected": delivery.generation})

    assert answer.status_code == 403
    assert "Send again" not in page
    assert 'name="_save"' not in page


def test_the_list_can_be_filtered_and_searched(client, delivery, admin_user):
    client.force_login(admin_user)

    found = client.get(
        reverse("admin:messaging_delivery_changelist"), {"state__exact": "pending", "q": "checkout"}
    )

    assert found.status_code == 200
    assert "Checkout is down" in found.content.decode()
