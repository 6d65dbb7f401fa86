"""Text in any account's colour, and on it, is readable."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.portal import colours
from waypost.portal.colours import DARK, LIGHT, READABLE, contrast, readable_on, theme

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@given(COLOURS, st.sampled_from([LIGHT, DARK]))
def test_every_colour_becomes_readable(colour, ground):
    assert contrast(readable_on(ground, colour), ground) >= READABLE


@given(COLOURS)
def test_themes_are_readable_in_light_and_dark_mode(colour):
    accents = re.findall(r"--accent:(#[0-9a-f]{6});--on-accent:(#[0-9a-f]{6})", theme(colour))

    assert len(accents) == 2
    for (accent, on_accent), ground in zip(accents, (LIGHT, DARK), strict=True):
        assert contrast(accent, ground) >= READABLE
        assert contrast(accent, on_accent) >= READABLE


def test_readable_colours_are_not_changed():
    assert readable_on(LIGHT, colours.DEFAULT) == colours.DEFAULT
    assert readable_on(LIGHT, "#ffff00") != "#ffff00"


def test_contrast_is_calculated_as_in_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("text", ["", "#fff", "#GGGGGG", "#FFFFFF", "red", "#0b5c6b\n", "#0b5c6b;}", "0b5c6b"])
def test_invalid_colours_give_none(text):
    assert not colours.is_colour(text)
