"""The rules that suggest a severity, and the words of the search."""

from datetime import timedelta
from decimal import Decimal

import pytest

from incidents import classification, lifecycle
from incidents.classification import Facts, suggest
from incidents.models import Incident
from incidents.search import search

HALF_HOUR = timedelta(minutes=30)
DOWN = {"critical": True, "unavailable": True}


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        # The three examples of the process: the site is down, messages fail in a region, a badge is missing.
        (Facts(**DOWN, share=Decimal("0.9"), lasting=timedelta(minutes=31)), 1),
        (Facts(critical=True, regions=1), 2),
        (Facts(critical=False, regions=1), 3),
        # The edges of the rules.
        (Facts(**DOWN, share=Decimal("0.5"), lasting=HALF_HOUR), 1),
        (Facts(**DOWN, share=Decimal("0.499"), lasting=HALF_HOUR), 2),
        (Facts(**DOWN, share=Decimal("0.5"), lasting=timedelta(minutes=29)), 2),
        (Facts(critical=True, share=Decimal("0.5"), lasting=HALF_HOUR), 2),
        (Facts(critical=True, regions=3), 1),
        (Facts(critical=True, regions=2), 2),
        (Facts(critical=True, share=Decimal("0.05")), 2),
        (Facts(critical=True, share=Decimal("0.049")), 3),
        (Facts(critical=False, share=Decimal("1")), 3),
        (Facts(brand=True), 1),
        (Facts(critical=True), None),
        (Facts(), None),
    ],
)
def test_the_rules(facts, level):
    found = suggest(facts)

    assert (found.level if found else None) == level
    assert found is None or found.rule.endswith(".")


@pytest.mark.django_db
def test_an_incident_is_judged_by_its_own_numbers(declared, major, medium, minor, at):
    assert classification.suggested(declared, at=at("10:31")) == (None, "")

    declared.impacts.update(level="full", share=Decimal("0.6"))
    assert classification.suggested(declared, at=at("10:10"))[0] == medium
    assert classification.suggested(declared, at=at("10:31"))[0] == major


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("payments", True),
        ("FAIL card", True),
        ("payments ledger", False),
        ("checkout", True),
        ("inc-{pk}", True),
        ("{pk}", True),
        ("INC-99", False),
        ("%", False),
        ("", True),
        ("\x00", True),
    ],
)
def test_search(text, found, detected, at):
    rows = search(Incident.objects.all(), text.format(pk=detected.pk))

    assert list(rows) == ([detected] if found else [])


@pytest.mark.django_db
def test_search_stays_within_what_it_is_given(detected, carol, at):
    lifecycle.make_private(detected, by=None, at=at("10:05"))

    assert list(search(Incident.objects.visible_to(carol), "payments")) == []
