"""Which modules are made faulty, which faults there are in each, and which tests are to notice."""

import ast
import random
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from mutants.operators import sites

HERE = Path(__file__).parent
TESTS = HERE.parent
ROOT = TESTS.parent
ORDERS = ROOT / "docs/explanation/architecture.md"
# A row of the table of orders: a file, and the function that it is about unless that is all of
# them.
ORDER = re.compile(r"^\| `([\w/]+\.py)`(?: `(\w+)`)? \|", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """One fault in one module. `name` stays the same while other lines of the module change."""

    room: str
    path: str
    name: str
    line: int
    number: int

    @property
    def scope(self) -> str:
        """The function that it is in."""
        return self.name.partition("[")[0].strip()

    @property
    def operator(self) -> str:
        """What kind of fault it is."""
        return self.name.partition("[")[2].partition("]")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}"


@dataclass(frozen=True)
class Room:
    """Some modules and the tests of each."""

    name: str
    tests: dict[str, list[str]]
    only: frozenset[str]
    within: dict[str, str]

    def mutants(self) -> list[Mutant]:
        """Every fault of every module."""
        return [
            mutant
            for path in self.tests
            for mutant in mutants_of(self.name, path)
            if self._takes(mutant)
        ]

    def _takes(self, mutant: Mutant) -> bool:
        within = self.within.get(Path(mutant.path).stem)
        return (not self.only or mutant.operator in self.only) and (
            not within or mutant.scope == within
        )


def all_rooms() -> list[Room]:
    """As rooms.toml has them."""
    tables = tomllib.loads((HERE / "rooms.toml").read_text())
    return [_room(name, table) for name, table in tables.items()]


def _room(name: str, table: dict[str, Any]) -> Room:
    paths = [path for pattern in table["modules"] for path in sorted(ROOT.glob(pattern))]
    tests = {str(path.relative_to(ROOT)): _files(_patterns(table, path.stem)) for path in paths}
    return Room(name, tests, frozenset(table.get("only", ())), table.get("within", {}))


def _patterns(table: dict[str, Any], module: str) -> list[str]:
    own: list[str] = table.get("own", {}).get(module, table["tests"])
    also: list[str] = table.get("also", {}).get(module, [])
    return own + also


def _files(patterns: list[str]) -> list[str]:
    """Each file once, where it is named first."""
    files = [
        str(path.relative_to(TESTS)) for pattern in patterns for path in sorted(TESTS.glob(pattern))
    ]
    return list(dict.fromkeys(files))


def mutants_of(room: str, path: str) -> list[Mutant]:
    """Every fault of a module, in the order of its lines."""
    seen: dict[str, int] = {}
    found = []
    for number, site in enumerate(sites(_tree(path), _ordered(path))):
        name = f"{site.scope} [{site.operator}] {site.text}".strip()
        seen[name] = seen.get(name, 0) + 1
        found.append(
            Mutant(
                room, path, name if seen[name] == 1 else f"{name} #{seen[name]}", site.line, number
            )
        )
    return found


def code_of(mutant: Mutant) -> CodeType:
    """The faulty module, compiled."""
    tree = _tree(mutant.path)
    sites(tree, _ordered(mutant.path))[mutant.number].apply()
    return _compiled(tree, mutant.path)


@cache
def plain_code(path: str) -> CodeType:
    """A module without any fault."""
    return _compiled(_tree(path), path)


def _compiled(tree: ast.Module, path: str) -> CodeType:
    return compile(ast.fix_missing_locations(tree), str(ROOT / path), "exec")


def _tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def _ordered(path: str) -> re.Pattern[str]:
    """The functions of a module whose order the table of docs/explanation/architecture.md names."""
    named = [
        function or r"\w+"
        for file, function in ORDER.findall(ORDERS.read_text())
        if path.endswith(f"/{file}")
    ]
    return re.compile(rf"(?:\w+\.)*(?:{'|'.join(named)})") if named else re.compile("(?!)")


def sample(mutants: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """The first ones of all in a random order, which is the same for the same seed; all for
    size 0.
    """
    return random.Random(seed).sample(mutants, len(mutants))[: size or None]


def module_name(path: str) -> str:
    """As it is imported."""
    dotted = path.removeprefix("client/").removesuffix(".py").replace("/", ".")
    return dotted.removesuffix(".__init__")
