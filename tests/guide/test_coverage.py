"""docs/reference/guide-coverage.md: a row for each statement of the guide, and what holds it."""

import re

from guide.replay import load
from guide.test_whole_guide import steps
from test_documents import ROOT, covered, functions_of, rows

PAGE = ROOT / "docs/reference/guide-coverage.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_statement_has_a_status_and_what_holds_it() -> None:
    """A section of the guide, what it says, whether that is so here; and tests, each of which is
    there, or none and a reason.
    """
    found = list(rows(PAGE.read_text()))
    assert len(found) > 80
    for cells in found:
        assert len(cells) == 4, cells
        assert all(cells), cells
        where, _, here, held = cells
        assert re.fullmatch(r"\d(\.\d)+( steps? \d+(, \d+| - \d+)*)?(, \d(\.\d)+ step \d+)?", where)
        assert re.match(r"emulated\b|in part: |not emulated: |not emulated but ", here), cells
        tests = TEST.findall(held)
        assert (
            ", ".join(f"`{path}::{name}`" for path, name in tests) == held if tests else held == "-"
        )
        assert tests or not here.startswith("emulated"), cells
        for path, name in tests:
            assert name in functions_of(ROOT / path), (path, name)


def test_every_step_with_a_command_has_a_row() -> None:
    """What the guide says around a command belongs to a step, or to its section, on the page."""
    played = [*steps(), *(step for chapter in load() for step in chapter.steps)]
    printed = {step.section for step in played if not step.implied}
    sections = {re.sub(r",.*| example \d", "", section) for section in printed}
    wheres = [cells[0] for cells in rows(PAGE.read_text())]
    missing = {each for each in sections if not any(covered(each, where) for where in wheres)}
    assert len(sections) > 60
    assert not missing
