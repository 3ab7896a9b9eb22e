"""What people are told of the kinds and words of faults."""

from collections.abc import Iterator
from textwrap import fill

from seemachine.faults.forms import WORDS
from seemachine.faults.kinds import COMMON, KINDS, REQUEST, Kind


def in_help() -> str:
    """For `--help`: each kind and each word, from a line of its own on."""
    kinds = (f"{kind.name}{_own(kind)}: {kind.what}." for kind in KINDS.values())
    words = (f"{name}={WORDS[name].example}: {WORDS[name].what}." for name in _words())
    return "\n".join(("kinds:", *map(_listed, kinds), "", "words:", *map(_listed, words)))


def _listed(sentence: str) -> str:
    return fill(
        sentence, 78, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
    )


def kind_rows() -> Iterator[str]:
    """Of the table of docs/how-to/faults.md, a line each."""
    for kind in KINDS.values():
        own = ", ".join(f"`{word}`" for word in kind.own)
        where = "a request" if kind.place == REQUEST else kind.place
        yield f"| `{kind.name}` | {where} | {kind.what} | {own} |"


def word_rows() -> Iterator[str]:
    """The same of words."""
    for name in _words():
        yield f"| `{name}={WORDS[name].example}` | {WORDS[name].what} |"


def _words() -> tuple[str, ...]:
    """All, those of every kind first."""
    return ("on", *COMMON, *(name for name in WORDS if name not in ("on", *COMMON)))


def _own(kind: Kind) -> str:
    return f" ({', '.join(f'{word}=' for word in kind.own)})" if kind.own else ""
