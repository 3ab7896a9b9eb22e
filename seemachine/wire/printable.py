"""Which characters a text from elsewhere may have, and how the others are shown.

Out are those that move a terminal's cursor, start an escape sequence, begin a line, turn the order
of what follows, or show as nothing at all: C0, DEL and C1, line and paragraph separators,
surrogates, and what Unicode calls default ignorable (DerivedCoreProperties.txt), among them all
controls of direction. The ranges are fixed, so that two sides with different versions of Unicode
agree.
"""

import re
from functools import cache

_HIDDEN = (
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_WORD = re.compile(r"[A-Za-z0-9._+-]+", re.ASCII)


def is_word(text: str) -> bool:
    """Whether a text can stand in the middle of a line without looking like the rest of it: ASCII
    letters, digits and `. _ + -`.
    """
    return _WORD.fullmatch(text) is not None


def is_printable(text: str) -> bool:
    """Whether a text stays in its line and shows all that is in it."""
    return _is_plain(text) or _hidden().search(text) is None


def printable(text: str) -> str:
    r"""The text with each character that may not be in one as an escape: `\n`, `\x1b`, `\u202e`,
    `\ud800`. A byte of a file's name that is not UTF-8 (PEP 383) is that byte, such as `\xff`.
    """
    return text if _is_plain(text) else _hidden().sub(_escape, text)


def fitting(text: str, most: int) -> str:
    """The text as a message can carry it: printable, and its first `most` characters."""
    return printable(text[:most])[:most]


@cache
def _hidden() -> re.Pattern[str]:
    """Compiled when the first text asks for it: most commands have none."""
    return re.compile(_HIDDEN)


def _is_plain(text: str) -> bool:
    """Whether it is ASCII without controls, as most texts are: that is soon found out."""
    return text.isascii() and text.isprintable()


def _escape(found: re.Match[str]) -> str:
    text = found[0]
    if "\udc80" <= text <= "\udcff":
        return f"\\x{ord(text) & 0xFF:x}"
    return text.encode("unicode_escape").decode()
