"""The README's first session, the tutorials and the page about CI: their commands run as
printed.
"""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
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


def installed_for_demo() -> set[str]:
    """The packages that the environment of `make demo` is asked for, beside seemachine itself."""
    recipe = (ROOT / "Makefile").read_text().partition("\n.venv/installed:")[2].split("\n\n")[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"]]
    for group in re.findall(r"--group (\w+)", recipe):
        asked += project["dependency-groups"][group]
    return {re.split(r"\W", each)[0] for each in asked}


@pytest.mark.parametrize("page", [page for page in PAGES if script(page)])
def test_make_demo_installs_what_a_page_runs(page: str) -> None:
    """Each program of a Python package that a page calls is there after the first two commands, as
    is pytest, which runs the README's test.
    """
    owners = {
        each.name: each.dist.name
        for each in entry_points(group="console_scripts")
        if each.dist is not None and each.dist.name != "seemachine"
    }
    called = set(re.findall(r"^\s*(?:. && |-- )?([\w.-]+)", script(page), re.MULTILINE))
    needed = {owners[name] for name in called & owners.keys()}
    needed |= {"pytest"} if "def test_" in (ROOT / page).read_text() else set()
    assert needed <= installed_for_demo()


def test_there_are_pages_with_commands() -> None:
    """The README, the page about CI and four tutorials."""
    assert sum(bool(script(page)) for page in PAGES) == 6
