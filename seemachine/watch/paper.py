"""Lines, what they are written for, and how many of them fit."""

from collections.abc import Sequence

from seemachine.frozen import frozen

GOOD, BAD, DIM, TITLE = "green", "red", "dim", "bold"
BAR = 20
# With fewer columns addresses are left out, and bars beside which there are words.
WIDE = 72
# Columns of the line of a machine's part of a key without its bar.
BESIDE_BAR = 20


@frozen
class Line:
    """A line, and how it looks: a style of rich, or none."""

    text: str
    style: str = ""


Section = list[Line]


@frozen
class Paper:
    """What lines are written for: how many columns there are, and whether blocks can be shown."""

    width: int = 80
    blocks: bool = True

    @property
    def wide(self) -> bool:
        """Whether there is room for a bar and words, and for addresses."""
        return self.width >= WIDE

    def bar(self, left: int, size: int) -> str:
        """How much is left: full only while nothing is used, empty only once nothing is left."""
        length = max(0, min(BAR, self.width - BESIDE_BAR))
        full = max(length * left // size, min(left, 1)) if size else 0
        done, rest = ("█", "░") if self.blocks else ("#", ".")
        return done * full + rest * (length - full)


def fitted(whole: Sequence[Section], height: int) -> Section:
    """So many lines at most, with one between sections as far as there is room: the longest section
    loses its last lines first, and says how many.
    """
    kept = [len(section) for section in whole]
    while sum(kept) > height and max(kept) > 2:
        kept[kept.index(max(kept))] -= 1
    lines: Section = []
    spare = height - sum(kept)
    for number, (section, count) in enumerate(zip(whole, kept, strict=True)):
        if 0 < number <= spare:
            lines.append(Line(""))
        lines += _cut(section, count)
    return lines[:height]


def _cut(section: Section, count: int) -> Section:
    more = len(section) - count
    if not more:
        return section
    return [*section[: count - 1], Line(f"  and {more + 1} more", DIM)]
