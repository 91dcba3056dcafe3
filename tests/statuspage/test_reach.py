"""Whom a message reaches, in words."""

import pytest

from statuspage import reach


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"email": 0}, ""),
        ({"email": 1}, "1 person"),
        ({"webhook": 31, "email": 1284}, "1,284 people and 31 webhooks"),
        (
            {"email": 2, "slack": 1, "webhook": 0, "teams": 2},
            "2 people, 1 Slack channel and 2 Teams channels",
        ),
    ],
    ids=str,
)
def test_counts_by_channel_become_a_sentence(counts, words):
    assert reach.words(counts) == words


def test_the_same_people_have_the_same_mark_and_others_another():
    assert reach.mark({"email": 2, "webhook": 0}) == reach.mark({"email": 2})
    assert reach.mark({"email": 2}) != reach.mark({"email": 1, "webhook": 1})
    assert reach.mark({"email": 0}) == "nobody"
