"""docs/how-to/caliptra.md: its commands run as printed, in their order."""

import re
import shlex
from pathlib import Path

from caliptra.conftest import LMS, MLDSA, World
from caliptra.making import put, request
from seeclient import arguments

PAGE = (Path(__file__).parents[2] / "docs/how-to/caliptra.md").read_text()
TYPED = re.findall(r"^    (seemachine .*|pipsqueak .*)$", PAGE, re.MULTILINE)


def test_the_commands_of_the_page(world: World, folder: Path) -> None:
    """The keys that it makes are those that are here; its file of labels is the one it prints."""
    put(folder / "signing_request.json", request())
    [table] = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (folder / "keys.toml").write_text(table)
    made, run = [], []
    for program, *words in map(shlex.split, TYPED):
        (made if program == "pipsqueak" else run).append(words)
    assert made == [
        ["generate", "alias=vendor", *LMS],
        ["generate", "alias=owner", *MLDSA],
    ]
    for words in made:
        arguments.parse(words)
    assert len(run) == 7
    for words in run:
        code, said = world.seemachine(*words)
        assert code == 0, said
    assert (folder / "vendor_lms_pub.bin").stat().st_size == 48
