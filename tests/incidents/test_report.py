"""``/report/``: whoever is signed in can say that something is wrong."""

import pytest
from django.test import Client

from incidents import reporting
from incidents.models import Incident
from oncall import escalation
from oncall.messaging.errors import DomainError
from oncall.models import Runbook

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(carol):
    client = Client()
    client.force_login(carol)
    return client


def told(checkout, **more):
    return {"title": "Cards fail", "service": checkout.pk, "seen": "Error 500", **more}


def test_the_form_is_for_whoever_is_signed_in(browser):
    assert browser.get("/report/").status_code == 200
    assert Client().get("/report/").status_code == 302


def test_it_shows_who_is_on_call_before_it_pages(browser, checkout, portal):
    Runbook.objects.create(service=checkout, title="Card failures", url="https://wiki.example.com/cards")

    page = browser.post("/report/", told(checkout)).content.decode()

    assert "You are about to page" in page
    assert "Alice" in page
    assert "https://wiki.example.com/cards" in page
    assert Incident.objects.count() == 0


def test_the_second_press_pages_and_shows_whom(browser, carol, checkout, portal):
    answer = browser.post("/report/", told(checkout, step="page"), follow=True)

    incident = Incident.objects.get()
    assert (incident.state, incident.reporter, incident.detection_method) == ("detected", carol, "employee")
    assert answer.redirect_chain == [(f"/report/{incident.key}/", 302)]
    page = answer.content.decode()
    assert f"{incident.key} is reported" in page
    assert "Checkout on-call" in page
    assert incident.timeline.first().text == "Reported by Carol\nError 500"


def test_the_report_shows_who_was_paged_and_when(browser, carol, checkout, portal, at):
    incident = reporting.report(title="Cards fail", service=checkout, seen="x", by=carol, at=at("10:00"))
    escalation.advance_due(now=lambda: at("10:00"))

    page = browser.get(f"/report/{incident.key}/").content.decode()

    assert "Alice" in page
    assert "10:00" in page


def test_a_double_click_is_one_report(browser, checkout, portal):
    for _ in range(2):
        browser.post("/report/", told(checkout, step="page"))

    assert Incident.objects.count() == 1


def test_after_ten_in_an_hour_it_asks_to_call_somebody(checkout, portal, carol, at):
    for number in range(10):
        reporting.report(title=f"Report {number}", service=checkout, seen="x", by=carol, at=at("10:00"))

    with pytest.raises(DomainError) as refusal:
        reporting.report(title="One more", service=checkout, seen="x", by=carol, at=at("10:30"))
    assert refusal.value.code == "too_many_reports"
    assert reporting.report(title="Later", service=checkout, seen="x", by=carol, at=at("11:01")).pk


@pytest.mark.parametrize("title", ["", "   ", "x" * 301])
def test_a_form_that_is_not_filled_in_says_so(title, browser, checkout):
    answer = browser.post("/report/", told(checkout, title=title, step="page"))

    assert answer.status_code == 400
    assert "Nothing has been sent yet" in answer.content.decode()


def test_who_did_not_report_does_not_see_it(browser, declared):
    assert browser.get(f"/report/{declared.key}/").status_code == 404


def test_without_a_service_the_managers_are_named(portal, bob, at):
    assert list(reporting.who_would_be_paged(None, at=at("10:00"))) == [bob]
