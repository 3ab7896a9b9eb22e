"""printable.py: what a terminal would obey, a line would break at, or nobody would see, is shown as
an escape.
"""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire.contract import UNSEEN

from seemachine.wire.printable import fitting, is_printable, printable

SHOWN = {
    "plain": "plain",
    "caf\u00e9 \u4e2d \U0001f511 \ufffd": "caf\u00e9 \u4e2d \U0001f511 \ufffd",
    "a\\n": "a\\n",
    "\n\r\t": "\\n\\r\\t",
    "\x1b[2J\x07\x7f": "\\x1b[2J\\x07\\x7f",
    "\x85\x9b31m": "\\x85\\x9b31m",
    "\u2028\u2029": "\\u2028\\u2029",
    "\u200e\u200f\u061c\u202a\u202e\u2066\u2069": (
        "\\u200e\\u200f\\u061c\\u202a\\u202e\\u2066\\u2069"
    ),
    "\udc9b\ud800": "\\x9b\\ud800",
    "\U000e0041": "\\U000e0041",
}
# Controls of format that are seen: signs before numbers, and how hieroglyphs are joined.
VISIBLE = {
    *range(0x600, 0x606),
    0x6DD,
    0x70F,
    0x890,
    0x891,
    0x8E2,
    0x110BD,
    0x110CD,
    *range(0x13430, 0x13440),
}


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_not_printable_is_shown_as_an_escape(text):
    """Everything else stays as it is."""
    assert printable(text) == SHOWN[text]


def test_every_control_and_separator_of_unicode_is_caught():
    """By category: controls, format, surrogates, line and paragraph separators; and nothing beyond
    the ranges of the protocol.
    """
    hidden = {code for code in range(0x110000) if not is_printable(chr(code))}
    steering = {
        code
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert steering - VISIBLE <= hidden
    assert hidden == {code for low, high in UNSEEN for code in range(low, high + 1)}


@given(st.text(st.characters()), st.integers(1, 40))
def test_a_text_that_was_made_to_fit_is_printable_and_short(text, most):
    """Whatever it was, also with surrogates; and what was printable already only loses its end."""
    made = fitting(text, most)
    assert is_printable(made)
    assert len(made) <= most
    if is_printable(text):
        assert made == text[:most]
