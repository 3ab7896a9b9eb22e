"""The vendor's tools, a file each: one that has a NAME. The other files are parts of one.

NAME is as a shell calls it; of a script it ends in .py. ORIGIN is where a host has it from: "host",
which is Security World and CodeSafe and need not be said; "release" (guide 2.4); or "support", for
what only Entrust Support gives out (guide 2.8.1 step 7).
"""

import ast
import functools
from pathlib import Path

HOST, RELEASE, SUPPORT = "host", "release", "support"


def known(*origins: str) -> dict[str, str]:
    """The tools of some origins, else all: name, and the module that it is."""
    heads = {path.stem: _head(path) for path in sorted(Path(__file__).parent.glob("[!_]*.py"))}
    return {
        head["NAME"]: f"{__name__}.{stem}"
        for stem, head in heads.items()
        if "NAME" in head and (not origins or head.get("ORIGIN", HOST) in origins)
    }


@functools.cache
def _head(path: Path) -> dict[str, str]:
    """NAME and ORIGIN, read and not imported: what a tool imports takes its time, and whoever
    installs the tools uses none of it.
    """
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in ast.parse(path.read_bytes()).body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id in ("NAME", "ORIGIN")
    }
