"""The rehearsal of deploy/README.md, line by line as it is printed there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from deploy.desk import DEPLOY, FIVE, XC
from kit import processes

FLEET = (
    f'[[machines]]\nesn = "{FIVE}"\nport = 0\n[[machines]]\nesn = "{XC}"\nmodel = "xc"\nport = 0\n'
)
SECONDS = 300.0
FIRST = ". .venv/bin/activate; "


def block(title: str) -> list[str]:
    """The first block of commands of a chapter."""
    chapter = (
        (DEPLOY / "README.md").read_text().partition(f"\n### {title}\n")[2].partition("\n### ")[0]
    )
    return [line.removeprefix("    ") for line in re.findall(r"^    .*$", chapter, re.MULTILINE)]


def test_the_rehearsal_of_the_readme(tmp_path: Path) -> None:
    """From nothing to a mixed fleet with one key, and back.

    Changed are where the environment is, and the ports, which others may have.
    """
    lines = block("A rehearsal")
    assert lines[0].startswith(FIRST)
    lines[0] = lines[0].removeprefix(FIRST)
    lines.insert(2, 'mkdir -m 700 world; printf %s "$FLEET" > world/fleet.toml')
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {
        **processes.environment(tmp_path / "unused"),
        "PATH": path,
        "FLEET": FLEET,
        "TMPDIR": str(tmp_path),
    }
    try:
        said = subprocess.run(
            ["sh", "-c", "\n".join(lines)],
            cwd=DEPLOY.parent,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        ).stdout
    finally:
        for world in tmp_path.glob("*/world"):
            processes.seemachine(["fleet", "down"], {**env, "SEEMACHINE_HOME": str(world)})
    ends = [
        line for line in said.splitlines() if re.match(r"nshield|PQSDK|no problems found", line)
    ]
    assert ends == [
        f"nshieldxc: module 2 ({XC}) is set up",
        "nshield5c: not so: a valid developer certificate",
        f"nshield5c: module 1 ({FIVE}) is set up",
        f"PQSDK: 1.4.1 ({FIVE}: 1.4.1, {XC}: 1.4.1)",
        "no problems found",
        f"nshield5c: module 1 ({FIVE}) is uninstalled",
        f"nshieldxc: module 2 ({XC}) is uninstalled",
    ], said
    assert not (DEPLOY.parent / "pqcop-5c").exists()
