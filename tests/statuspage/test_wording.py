"""Variables in the words of templates."""

import pytest

from oncall.messaging.errors import DomainError
from statuspage import wording


def test_names_are_filled_and_asked_for():
    text = "{{components}} are slow since {{started_at}}; {{ what }} helps, says {{what}}."

    assert wording.asked(text) == ["what"]
    values = {"components": "Cards", "started_at": "12:00 UTC", "what": "Waiting"}
    assert wording.fill(text, values) == "Cards are slow since 12:00 UTC; Waiting helps, says Waiting."


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("eta", "give it a value"),
        ("components", "choose the affected components"),
        ("next_update", "promise"),
    ],
)
def test_a_variable_without_a_value_is_refused_with_what_to_do(missing, sentence):
    with pytest.raises(DomainError, match=sentence):
        wording.fill(f"Back by {{{{{missing}}}}}.", {missing: " "})


@pytest.mark.parametrize(
    "hostile",
    ["{% include '/etc/passwd' %}", "{% load x %}{# gone #}", "${7*7} <%= 7*7 %> %(x)s {0.__class__}"],
)
def test_nothing_in_a_template_is_executed(hostile):
    assert wording.fill(hostile, {}) == hostile


def test_a_value_is_no_template():
    assert wording.fill("{{a}}", {"a": "{{b}}", "b": "x"}) == "{{b}}"


@pytest.mark.parametrize("odd", ["{{ user.email }}", "{{x|safe}}", "{{ 1 }}", "{{ open"])
def test_braces_that_nothing_fills_are_found(odd):
    assert wording.odd(f"Text {{{{fine}}}} {odd}").startswith(odd[:8])
    assert wording.odd("Text {{fine}} and {single}") == ""
