"""The pages about libacorn: the reference against the header, the how-to as printed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from acorn.compiling import INCLUDE, ROOT
from acorn.interface import VENDORS
from kit import processes
from test_documents import rows

from seemachine.testing import ESN

REFERENCE = ROOT / "docs/reference/libacorn.md"
HOW_TO = ROOT / "docs/how-to/c.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STRUCTURE = re.compile(
    r"^struct acorn_(request|response)_(\w+) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL
)
MEMBER = re.compile(r"^    [\w ]+ \*?(\w+);", re.MULTILINE)


def members() -> dict[str, dict[str, list[str]]]:
    """Of each command: the members of request and response, as the header has them."""
    found: dict[str, dict[str, list[str]]] = {}
    for kind, name, body in STRUCTURE.findall((INCLUDE / "acorn.h").read_text()):
        names = [each for each in MEMBER.findall(body) if each != "unused"]
        found.setdefault(name, {})[kind] = names
    return found


def quoted(cell: str) -> list[str]:
    """The words of a cell that are code."""
    return re.findall(r"`(\w+)`", cell)


def described() -> dict[str, dict[str, list[str]]]:
    """The same, as the page has them."""
    commands = [cells for cells in rows(REFERENCE.read_text()) if len(cells) == 4]
    return {
        name: {"request": quoted(request), "response": quoted(response)}
        for first, request, response, _ in commands
        for name in quoted(first)
    }


def test_the_reference_has_every_command_with_its_members() -> None:
    """In the header's order, which for the vendor's is that of the tables."""
    assert described() == members()
    assert tuple(described())[:12] == VENDORS
    assert "The last two are ours" in " ".join(REFERENCE.read_text().split())
    assert len(described()) == 12 + 2


def test_the_c_document(path: Path, tmp_path: Path) -> None:
    """Its program compiles and its commands run as printed; a full disk makes it fail aloud."""
    del path
    if shutil.which("cc") is None:
        pytest.skip("cc not installed")
    [(_, program), (_, commands)] = BLOCK.findall(HOW_TO.read_text())
    (tmp_path / "sign.c").write_text(program)
    home = tmp_path / "world"
    bin_first = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with processes.machines(home, (ESN,)):
        done = subprocess.run(
            ["sh", "-euc", commands],
            cwd=tmp_path,
            env=processes.environment(home, PATH=bin_first),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        full = subprocess.run(
            ["sh", "-c", "./sign > /dev/full"],
            cwd=tmp_path,
            env=processes.environment(home, PATH=bin_first),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Verify \(alias: from-c\): true$", done.stdout, re.MULTILINE), done.stdout
    assert full.returncode == 1
    assert full.stderr.startswith(
        "the signature could not be written; an LMS key has spent its leaf"
    )
