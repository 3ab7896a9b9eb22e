"""The README's first session, the tutorials and the page about CI: their commands run as
printed.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.processes import environment, seemachine

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "docs/how-to/ci.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/tutorial/*")),
]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPECTED = re.compile(r'\|\| echo "(.+)"')


def script(page: str) -> str:
    """All blocks of commands of a page, in order."""
    return "".join(BLOCK.findall((ROOT / page).read_text()))


@pytest.mark.parametrize("page", [page for page in PAGES if script(page)])
def test_the_commands_of_a_page(page: str, tmp_path: Path) -> None:
    """Each exits with 0, or where the page says `|| echo "..."`, is refused."""
    env = environment(tmp_path / "world", TMPDIR=str(tmp_path))
    env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script(page)],
            env=env,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )
    finally:
        for file in tmp_path.glob("**/fleet.toml"):
            seemachine(["fleet", "down"], environment(file.parent))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for expected in EXPECTED.findall(script(page)):
        assert expected in lines, done.stdout


def test_there_are_pages_with_commands() -> None:
    """The README, the page about CI and four tutorials."""
    assert sum(bool(script(page)) for page in PAGES) == 6
