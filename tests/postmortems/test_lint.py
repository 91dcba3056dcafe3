import pytest

from postmortems import lint


@pytest.mark.parametrize(
    "text",
    [
        "Bob was careless",
        "It was human error.",
        "She should have known",
        "Whose fault is it",
        "He failed to look",
    ],
)
def test_a_word_that_blames_is_found(text):
    assert lint.check(text)


def test_it_says_where_and_what_instead():
    finding = lint.check("All well.\nAn obvious mistake.")[0]

    assert (finding.line, finding.word) == (2, "obvious")
    assert finding.advice


def test_plain_words_pass():
    assert lint.check("The connection pool ran out; the limit was set in 2019.") == []
