"""What can be read: ratios as WCAG has them, and a brand's second value for dark pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage import colours

COLOURS = st.tuples(*[st.integers(0, 255)] * 3).map(lambda rgb: "#{:02x}{:02x}{:02x}".format(*rgb))


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#767676", "#ffffff", 4.54),
        ("#5536b8", "#f6f7f9", 7.5),
        ("#ffffff", "#ffffff", 1),
    ],
)
def test_a_ratio_is_the_one_of_wcag(one, other, ratio):
    assert colours.contrast(one, other) == pytest.approx(ratio, abs=0.05)


def test_a_ratio_is_cut_not_rounded():
    assert colours.worst("#777777", ("#ffffff",)) == 4.4 and not colours.is_readable("#777777", ("#ffffff",))


@given(COLOURS)
def test_every_brand_is_readable_on_dark_pages_and_so_are_words_on_it(brand):
    dark = colours.for_dark(brand)

    assert colours.is_readable(dark, colours.DARK)
    assert colours.contrast(colours.on(dark), dark) >= 4.5
    if colours.is_readable(brand, colours.LIGHT):
        assert colours.contrast(colours.on(brand), brand) >= 4.5


def test_a_brand_that_is_readable_on_dark_already_stays():
    assert colours.for_dark("#b7a5ff") == "#b7a5ff"
