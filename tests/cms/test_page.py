"""docs/how-to/cms.md: its commands, in their order."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.typed import at
from seeclient import pipsqueak

from seemachine import testing
from seemachine.cli.command import main

PAGE = Path(__file__).parents[2] / "docs/how-to/cms.md"
OURS = {"seemachine": main, "pipsqueak": pipsqueak.main}


def commands() -> list[str]:
    """The lines of the page's blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return "".join(blocks).splitlines()


@pytest.fixture(autouse=True)
def world(tmp_path: Path) -> Iterator[None]:
    """One with a machine, and a folder to be in."""
    with testing.fleet() as fleet, at(tmp_path, fleet):
        yield


def test_the_page_does_what_it_says(capsys: Any) -> None:
    """Each command ends with exit code 0; what was signed verifies."""
    for line in commands():
        words = shlex.split(line, comments=True)
        if words[0] in OURS:
            assert OURS[words[0]](words[1:]) == 0, line
        elif words[0] in ("openssl", "grep") and shutil.which("openssl") is None:
            continue
        else:
            ran = line.replace("python3", shlex.quote(sys.executable))
            subprocess.run(["bash", "-c", ran], check=True)
    assert capsys.readouterr().out.count(": verified") == 7
    assert Path("app-signed.jar").is_file()
