"""Words that a native reader would read the wrong way round, or not at all: none in the pages, in
`--help`, in what is printed, or in docstrings.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *ROOT.glob("docs/**/*.md"),
    *(ROOT / name / "README.md" for name in ("deploy", "container")),
]
SOURCES = [
    path
    for folder in ("seemachine", "client", "deploy", "container", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
# What is refused, and why.
REFUSED = {
    r"(?<![Tt]here )\bis no (?!longer|more|less|need|way|other|such)\w+": "it is not a ...",
    r"\bbehind\b": "a later leaf, row or byte comes after: to English ears, one behind is earlier",
    r"\b(that|which|it) is none\b": "say what it is: invalid, damaged, not a key",
    r"\b(fed|feeds|cards) unasked\b": "say who does it, and when",
    r"\bwrong (usage|in itself|in themselves)\b": "the command line is invalid",
    r"\b[Nn]ot tried on\b": "not tested on",
}
# Where `behind` is right: what somebody leaves.
LEFT = re.compile(r"\b(leave|leaves|left|leaving)\b[^.;:]{0,40}?\bbehind\b")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and what a reader may see there: all of a page, strings and docstrings of a
    source.
    """
    if path.suffix == ".md":
        yield 1, path.read_text(encoding="utf-8")
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def faults(text: str) -> list[str]:
    """What of a text is refused."""
    plain = LEFT.sub("", " ".join(text.split()))
    return [
        f"{plain[max(0, found.start() - 40) : found.end() + 20]!r}: {why}"
        for pattern, why in REFUSED.items()
        for found in re.finditer(pattern, plain)
    ]


def test_the_words_read_the_right_way_round() -> None:
    """Each refusal names the place, and what to write."""
    assert [
        f"{path.relative_to(ROOT)}:{line}: {fault}"
        for path in (*PAGES, *SOURCES)
        for line, text in texts(path)
        for fault in faults(text)
    ] == []


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("skip behind the last leaf", True),
        ("a machine that was killed leaves its file\nbehind: the port", False),
        ("backup.tar is no backup", True),
        ("there is no card in slot 2", False),
        ("it is no longer enrolled", False),
        ("an ESN that is none", True),
        ("cards are fed unasked", True),
        ("exit code 2 is wrong usage", True),
    ],
)
def test_what_is_refused(text: str, refused: bool) -> None:
    """So that the list can fail."""
    assert bool(faults(text)) == refused
