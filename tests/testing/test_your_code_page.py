"""docs/how-to/test-your-code.md says what is so: its blocks run as printed."""

import re
from pathlib import Path

import pytest

from seemachine.testing.fleets import bench, cards

PAGE = (Path(__file__).parents[2] / "docs/how-to/test-your-code.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_each_block_of_the_page(code):
    """By itself, as a program."""
    exec(compile(code, "test-your-code.md", "exec"), {"__name__": "__main__"})


def test_the_page_names_all_that_a_fleet_has():
    """Everything that it has beside the operations of a client; so does the page's row of cards."""
    rows = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    named = set(re.findall(r"`(\w+)", " ".join(rows)))
    had = {"start", "stop", "restart", "cards"} | {
        name for name in vars(bench.OnBench) if not name.startswith("_")
    }
    assert named == had
    row = next(line for line in PAGE.splitlines() if line.startswith("| `cards`"))
    theirs = {name for name in dir(cards.Cards) if name[0] != "_"}
    assert set(re.findall(r"`(\w+)`", row)) - {"cards"} == theirs
