"""The guide, replayed: its commands against real processes, its printed lines against what they
print.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from guide.replay import Chapter, Context, Step, compare, load

if TYPE_CHECKING:
    from guide.conftest import Laboratory, Ran

CHAPTERS = load()
RUNS = [(chapter, False) for chapter in CHAPTERS] + [
    (chapter, True) for chapter in CHAPTERS if any(s.vendor_last for s in chapter.steps)
]


def perform(world: "Laboratory", step: Step) -> "Ran":
    """Do what a step says in the world."""
    if step.kind == "pipsqueak":
        return world.run_pipsqueak(list(step.command), step.blank_cards)
    if step.kind == "shell":
        return world.run_shell(str(step.command))
    if step.kind == "card-move":
        return world.move_card(step.esn, step.slot, step.to_esn, step.to_slot)
    if step.kind.startswith("card-"):
        act = {"card-insert": world.insert_card, "card-format": world.format_card}[step.kind]
        return act(step.esn, step.slot)
    return {"machine-stop": world.stop_machine, "machine-unpublish": world.unpublish}[step.kind](
        step.esn
    )


@pytest.mark.parametrize(
    ("chapter", "vendor"),
    RUNS,
    ids=[f"{chapter.name}{', as 1.4.1' if vendor else ''}" for chapter, vendor in RUNS],
)
def test_guide(chapter: Chapter, vendor: bool, world: "Laboratory", tmp_path: Path) -> None:
    """Every command of a chapter, in the guide's order, prints the guide's lines and ends as the
    guide says.
    """
    context = Context()
    for step in chapter.steps:
        for turn in step.below(tmp_path).turns(vendor=vendor):
            code, lines = perform(world, turn)
            differences = compare(lines, turn, context)
            assert not differences, "\n".join([*differences, "", "printed:", *lines])
            assert code == turn.exit, "\n".join(
                [f"{turn.section}: exit code {code}, not {turn.exit}", "", "printed:", *lines]
            )
