"""The commands that sentences of `seemachine` tell people to type, collected from its sources;
values are `{}`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from seemachine.cli.parser import whole

ROOT = Path(__file__).parents[2] / "seemachine"
# Rooms whose sentences it prints. Those of `nfast` are of other tools; help texts refuse nothing.
ROOMS = ("audit", "backup", "cli", "doctor", "fleet", "hsms", "pki", "server", "state", "witnesses")
HELP = ("cli/words", "cli/parser.py", "fleet/template.py", "fleet/settings_document.py")
WORDS = "|".join(sorted({each.prog.split()[1] for each in whole().endings()}))
TYPED = re.compile(rf"(?<![\w`])seemachine (?:{WORDS})\b(?!:)[^;,\n]*")


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module that is not a docstring, whole."""
    parts = (node.values for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    inner = {id(part) for values in parts for part in values}
    inner |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                part.value if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def in_sources() -> dict[str, set[str]]:
    """Each command, and the files that name it."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name.startswith(HELP):
                continue
            for text in texts(ast.parse(path.read_text())):
                for command in TYPED.findall(text):
                    found.setdefault(command.strip(" .)'"), set()).add(name)
    return found
