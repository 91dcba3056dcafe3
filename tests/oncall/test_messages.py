"""What a page's message says, and what it never does."""

import pytest

from oncall.messaging.models import Delivery
from oncall.messaging.render import fill
from oncall.models import Service

pytestmark = pytest.mark.django_db

FACTS = {
    "severity": "major",
    "severity_label": "Major",
    "service": "Checkout",
    "state_label": "Troubleshooting",
    "impact_since": "2026-03-09T09:40:00Z",
    "channel_name": "inc-47",
    "channel_url": "https://chat.example.com/inc-47",
    "bridge_url": "https://meet.example.com/inc-47",
    "runbooks": [{"title": "Payment failures", "url": "https://wiki.example.com/p"}],
}


def mail_to(username: str) -> tuple[str, str, str]:
    """(subject, text, html) as the person gets them."""
    delivery = Delivery.objects.filter(recipient=username).latest("pk")
    message = delivery.message
    html = fill(message.html, delivery.values, escape=True)
    return fill(message.subject, delivery.values), fill(message.text, delivery.values), html


def test_the_mail_says_how_bad_what_and_what_comes_next_on_her_own_clock(make_page, policy, advance):
    make_page(policy, reference="INC-47", facts=FACTS, url="/admin/incidents/incident/47/change/")

    advance("10:00")

    subject, text, html = mail_to("alice")
    assert subject == "[Major] Checkout: Card payments fail (INC-47)"
    assert text.splitlines()[:4] == [
        "Major: Checkout",
        "Card payments fail",
        "",
        "Unless somebody answers before 11:05 (Berlin), Bob is paged.",
    ]
    for words in (
        "Since 10:40 (Berlin)",
        "https://meet.example.com/inc-47",
        "Payment failures",
        "/incident/47/change/",
    ):
        assert words in text
    assert "Named in the step" in html


def test_each_person_gets_a_link_of_her_own(make_page, team, advance):
    make_page(team=team)

    advance("10:00")

    links = {delivery.values["link"] for delivery in Delivery.objects.all()}
    assert len(links) == 2
    assert all(link.startswith("http://testserver/a/") for link in links)


def test_without_facts_the_services_own_runbooks_are_listed(make_page, policy, advance):
    service = Service.objects.create(slug="checkout", name="Checkout", policy=policy)
    service.runbooks.create(title="Start here", url="https://wiki.example.com/start")
    make_page(service=service)

    advance("10:00")

    assert "Start here: https://wiki.example.com/start" in mail_to("alice")[1]


def test_what_others_wrote_is_text_and_never_markup_or_a_placeholder(make_page, policy, advance):
    make_page(policy, title="<b>{{link}}</b> & {{ name }}", text="<script>alert(1)</script>")

    advance("10:00")

    subject, text, html = mail_to("alice")
    assert "/a/" not in subject
    assert "<b>{ {link}}</b> & { { name }}" in text
    assert "<script>" not in html and "&lt;b&gt;" in html


def test_who_is_left_when_nobody_is(make_page, root, advance):
    make_page(None)

    advance("10:00")

    assert "Nobody else will be paged after you." in mail_to("root")[1]


def test_a_webhook_step_carries_the_page_as_values(make_page, make_policy, advance):
    make_page(make_policy((0, "https://hooks.example.com/x")), reference="INC-47", facts=FACTS)

    advance("10:00")

    values = Delivery.objects.get(medium="webhook").values
    assert (values["title"], values["reference"], values["severity"], values["step"]) == (
        "Card payments fail",
        "INC-47",
        "major",
        "1",
    )
    assert "/a/" not in str(values)
