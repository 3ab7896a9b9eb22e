"""Real machines that are kept short of one thing or of all, while honest clients sign with them.

`make attack` tries every shortage, for longer, and measures.
"""

import pytest
from attacks.honest import STEADY_PAUSE
from attacks.shortages import SHORTAGES, measure

SECONDS = 1.5
HEIGHT = 10


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("descriptors (64)", "silent", "allows less"),
        ("descriptors (64), file store", "silent", "allows less"),
        ("threads", "none", "out of threads"),
        ("memory", "none", "allows less"),
        ("room on the disk, for a second", "none", ""),
        ("all but room for NVRAM", "silent", "allows less"),
    ],
)
def test_a_machine_that_is_kept_short_stays_up(name: str, kind: str, said: str) -> None:
    """It says what is missing, serves every client, repeats no leaf and stops in order."""
    shortage = SHORTAGES[name]
    if not shortage.possible:
        pytest.skip("this shortage takes root, or a tool that is not here")
    line = measure(shortage, kind, SECONDS, HEIGHT, STEADY_PAUSE)
    assert line.good, (line.outcome.failures, line.code, line.said)
    assert line.said[said] >= 1 or not said
    assert not {word for word in line.said if word.startswith("bug")}
