"""Who may import whom. The table is the architecture; see docs/explanation/architecture.md."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STATE = {
    "seemachine.state",
    "seemachine.state.disk",
    "seemachine.state.witness",
    "seemachine.state.cards",
    "seemachine.state.nvram",
    "seemachine.state.nvram.stores",
}
# What any room may import.
EVERYWHERE = {"seemachine.frozen"}
# Room: the rooms of ours that it may import from (besides itself), and the third-party packages.
ARROWS: dict[str, tuple[set[str], set[str]]] = {
    "seemachine.frozen": (set(), set()),
    "seemachine.wire": (set(), {"msgpack"}),
    "seemachine.lms": (set(), set()),
    "seemachine.mldsa": (set(), {"dilithium_py", "cryptography"}),
    "seemachine.encodings": ({"seemachine.lms", "seemachine.mldsa"}, set()),
    "seemachine.caliptra": (
        {"seemachine.encodings", "seemachine.lms", "seemachine.mldsa"},
        set(),
    ),
    "seemachine.caliptra.bundles": (
        {
            "seemachine.wire",
            "seemachine.lms",
            "seemachine.state.disk",
            "seemachine.caliptra",
            "seeclient",
        },
        set(),
    ),
    "seemachine.presets": ({"seemachine.encodings", "seemachine.lms", "seemachine.mldsa"}, set()),
    "seemachine.signing_files": (
        {
            "seemachine.wire",
            "seemachine.lms",
            "seemachine.encodings",
            "seemachine.presets",
            "seeclient",
        },
        set(),
    ),
    "seemachine.terminal": (set(), set()),
    "seemachine.world": (set(), set()),
    "seemachine.formats": (set(), set()),
    "seemachine.printing": ({"seemachine.wire", "seemachine.world"}, set()),
    "seemachine.document": ({"seemachine.wire"}, set()),
    "seemachine.process": (set(), {"trio"}),
    "seemachine.state": (
        {
            "seemachine.formats",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.state.disk",
            "seemachine.state.witness",
        },
        {"msgpack"},
    ),
    "seemachine.state.disk": (
        {
            "seemachine.state",
            "seemachine.formats",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.process",
        },
        {"msgpack"},
    ),
    "seemachine.state.witness": (
        {
            "seemachine.state",
            "seemachine.state.disk",
            "seemachine.formats",
            "seemachine.wire",
            "seemachine.world",
        },
        set(),
    ),
    "seemachine.state.cards": (
        STATE - {"seemachine.state.nvram", "seemachine.state.nvram.stores"}
        | {"seemachine.formats", "seemachine.wire", "seemachine.world"},
        # `cryptography` for older cards alone, when one of them is read.
        {"msgpack", "cryptography"},
    ),
    "seemachine.state.nvram": (
        STATE - {"seemachine.state.cards"}
        | {"seemachine.formats", "seemachine.wire", "seemachine.world"},
        set(),
    ),
    # The list of them, which whoever only names one imports.
    "seemachine.state.nvram.stores": (STATE, set()),
    "seemachine.witnesses": (
        {
            "seemachine.formats",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.state",
            "seemachine.state.witness",
        },
        set(),
    ),
    "seemachine.faults": ({"seemachine.wire"}, set()),
    "seemachine.chance": (
        STATE | {"seemachine.formats", "seemachine.wire", "seemachine.world"},
        set(),
    ),
    "seemachine.keyring": ({"seemachine.lms"}, set()),
    "seemachine.tokens": ({"seemachine.wire"}, set()),
    "seemachine.machine": (
        STATE
        | {
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.lms",
            "seemachine.faults",
            "seemachine.keyring",
            "seemachine.tokens",
        },
        set(),
    ),
    "seemachine.commands": (
        STATE
        | {
            "seemachine",
            "seemachine.process",
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.lms",
            "seemachine.mldsa",
            "seemachine.faults",
            "seemachine.machine",
        },
        set(),
    ),
    "seemachine.config": (
        {
            "seemachine.chance",
            "seemachine.faults",
            "seemachine.encodings",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.witnesses",
            "seemachine.state.nvram.stores",
        },
        set(),
    ),
    "seemachine.hsms": (
        {
            "seemachine.formats",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.process",
            "seemachine.state",
            "seemachine.state.disk",
        },
        set(),
    ),
    "seemachine.mishaps": (
        STATE
        | {
            "seemachine.wire",
            "seemachine.world",
            "seemachine.faults",
            "seemachine.witnesses",
        },
        set(),
    ),
    "seemachine.server": (
        STATE
        | {
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.lms",
            "seemachine.process",
            "seemachine.printing",
            "seemachine.config",
            "seemachine.witnesses",
            "seemachine.faults",
            "seemachine.machine",
            "seemachine.commands",
            "seemachine.hsms",
            "seemachine.mishaps",
        },
        {"trio", "structlog"},
    ),
    "seeclient": (
        {
            "seemachine",  # its version
            "seemachine.process",
            "seemachine.encodings",
            "seemachine.formats",
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.lms",
            "seemachine.mldsa",
            "seemachine.terminal",
            "seemachine.printing",
            "seemachine.document",
        },
        {"trio", "rich"},
    ),
    "seemachine.fleet": (
        {
            "seemachine.formats",
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.process",
            "seemachine.printing",
            "seemachine.state",
            "seemachine.state.cards",
            "seemachine.state.disk",
            "seemachine.state.nvram.stores",
            "seemachine.config",
            "seemachine.hsms",
            "seeclient",
        },
        {"trio"},
    ),
    "seemachine.temporary": (
        {
            "seemachine.wire",
            "seemachine.world",
            "seemachine.process",
            "seemachine.printing",
            "seemachine.state",
            "seemachine.state.disk",
            "seemachine.config",
            "seemachine.hsms",
            "seemachine.server",
            "seemachine.fleet",
        },
        {"trio"},
    ),
    "seemachine.audit": (
        {
            "seemachine.encodings",
            "seemachine.formats",
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.lms",
            "seeclient",
        },
        set(),
    ),
    "seemachine.backup": (
        STATE
        | {
            "seemachine.formats",
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.printing",
            "seemachine.config",
            "seemachine.witnesses",
            "seemachine.fleet",
            "seemachine.audit",
            "seeclient",
        },
        set(),
    ),
    "seemachine.testing": (
        STATE
        | {
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.lms",
            "seemachine.faults",
            "seemachine.mishaps",
            "seemachine.process",
            "seemachine.config",
            "seemachine.hsms",
            "seemachine.server",
            "seemachine.temporary",
            "seemachine.machine",
            "seemachine.commands",
            "seemachine.audit",
            "seeclient",
        },
        {"trio", "hypothesis"},
    ),
    "seemachine.testing.plugin": (
        {
            "seemachine.world",
            "seemachine.lms",
            "seemachine.config",
            "seemachine.temporary",
            "seemachine.testing",
            "seeclient",
        },
        {"pytest"},
    ),
    "seemachine.watch": (
        {
            "seemachine.wire",
            "seemachine.world",
            "seemachine.printing",
            "seemachine.state",
            "seemachine.state.cards",
            "seemachine.state.disk",
            "seemachine.hsms",
            "seemachine.fleet",
            "seeclient",
        },
        {"trio", "rich"},
    ),
    "seemachine.pki": (
        {"seemachine.wire", "seemachine.world", "seemachine.state", "seemachine.state.disk"},
        {"cryptography"},
    ),
    "seemachine.x509": (
        {"seemachine.encodings", "seemachine.lms", "seemachine.mldsa"},
        {"cryptography", "pyasn1"},
    ),
    "seemachine.cms": (
        {
            "seemachine.wire",
            "seemachine.encodings",
            "seemachine.lms",
            "seemachine.mldsa",
            "seeclient",
        },
        {"pyasn1"},
    ),
    "seemachine.jar": ({"seemachine.wire", "seemachine.cms"}, set()),
    "seemachine.cose": (
        {"seemachine.encodings", "seemachine.lms", "seemachine.mldsa", "seeclient"},
        set(),
    ),
    "seemachine.doctor": (
        {
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.lms",
            "seemachine.process",
            "seemachine.state",
            "seemachine.state.disk",
            "seemachine.config",
            "seemachine.hsms",
            "seemachine.server",
            "seemachine.fleet",
            "seeclient",
        },
        {"cryptography"},
    ),
    "seemachine.cli.argtypes": (
        {"seemachine.chance", "seemachine.wire", "seemachine.world"},
        set(),
    ),
    "seemachine.nfast": (
        {
            "seemachine",
            "seemachine.formats",
            "seemachine.chance",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.process",
            "seemachine.printing",
            "seemachine.terminal",
            "seemachine.state",
            "seemachine.state.cards",
            "seemachine.state.disk",
            "seemachine.config",
            "seemachine.hsms",
            "seemachine.fleet",
            "seemachine.cli.argtypes",
            "seeclient",
        },
        {"cryptography"},
    ),
    "seemachine.nfast.tools": (
        {
            "seemachine",
            "seemachine.wire",
            "seemachine.world",
            "seemachine.state",
            "seemachine.state.cards",
            "seemachine.state.disk",
            "seemachine.hsms",
            "seemachine.nfast",
            "seemachine.cli.argtypes",
        },
        set(),
    ),
}
# Where imports end: these may import any room.
TOP = {"seemachine", "seemachine.__main__", "seemachine.cli"}
OURS = ("seemachine", "seeclient")
PACKAGES = (
    *("trio", "msgpack", "structlog", "rich", "pyhsslms", "cryptography"),
    *("dilithium_py", "hypothesis", "pytest", "pyasn1"),
)


def sources(room: str) -> list[Path]:
    """The files of a room."""
    return [path for path in all_files() if room_of(module_of(path)) == room]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, as dotted names; `from a import b` is a.b where
    that is a module.
    """
    yield from named(path, ast.parse(path.read_text()))


def named(path: Path, tree: ast.Module) -> Iterator[str]:
    """The same of a tree of a file, whole or in part."""
    known = all_modules()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in known else str(node.module)


def room_of(module: str) -> str:
    """The room that a module of ours is in: the innermost one that has a row in the table."""
    parts = module.split(".")
    ways = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((way for way in ways if way in ARROWS), ".".join(parts[:2]))


@cache
def all_files() -> list[Path]:
    """Every module of ours."""
    found = [*(ROOT / "seemachine").rglob("*.py"), *(ROOT / "client" / "seeclient").rglob("*.py")]
    return sorted(found)


@cache
def all_modules() -> frozenset[str]:
    """Their dotted names."""
    return frozenset(map(module_of, all_files()))


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[parts[0] == "client" :]).removesuffix(".__init__")


def test_every_room_is_in_the_table() -> None:
    """A file is in a room that the table has a row for, or is where imports end."""
    rooms = {room_of(module_of(path)) for path in all_files()}
    assert rooms == ARROWS.keys() | TOP


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_imports_only_what_its_arrows_allow(room: str) -> None:
    """No file of a room imports another room, or a package, that the table does not name."""
    rooms, packages = ARROWS[room]
    files = sources(room)
    assert files
    for path in files:
        for module in imported(path):
            top = module.split(".")[0]
            if top in OURS:
                assert room_of(module) in rooms | {room} | EVERYWHERE, f"{path} imports {module}"
            elif top in PACKAGES:
                assert top in packages, f"{path} imports {module}"


@pytest.mark.parametrize(
    "room",
    [
        "seemachine.wire",
        "seemachine.lms",
        "seemachine.mldsa",
        "seemachine.state",
        "seemachine.commands",
        "seemachine.machine",
    ],
)
def test_the_inner_rooms_know_no_sockets_and_no_event_loop(room: str) -> None:
    """What is said, hashed, remembered and asked works without a network."""
    for path in sources(room):
        assert not {"socket", "ssl", "select", "selectors", "asyncio", "trio", "structlog"} & {
            name.split(".")[0] for name in imported(path)
        }


def reached(path: Path) -> set[str]:
    """The modules of ours that run before a file can, or that its functions load.

    Not those that it names for types alone; nor, of a package, what its functions choose from its
    own folder.
    """
    tree = ast.parse(path.read_text())
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    known = all_modules()
    own = f"{module_of(path)}." if path.stem == "__init__" else " "
    return {name for name in named(path, tree) if name in known and not name.startswith(own)}


def test_no_import_leads_back() -> None:
    """The files of ours have an order in which each needs only those before it."""
    order = TopologicalSorter({module_of(path): reached(path) for path in all_files()})
    order.prepare()


# What the client imports by name: a module of each algorithm, when a key of it is met.
BY_NAME = {
    "seeclient.keyfile_format": [
        "seeclient.algorithms.lms.keyfile",
        "seeclient.algorithms.mldsa.keyfile",
    ],
    "seeclient.algorithms.registry": [
        "seeclient.algorithms.lms.algorithm",
        "seeclient.algorithms.mldsa.algorithm",
    ],
}


def test_no_circle_in_the_client() -> None:
    """Nothing in the client leads back to itself: not by an import inside a function or for types
    alone, nor by a module that is imported by its name. `seeclient` itself only names what is
    public.
    """
    arrows = {
        module_of(path): {*imported(path), *BY_NAME.get(module_of(path), ())}
        for path in sources("seeclient")
        if module_of(path) != "seeclient"
    }
    assert set(BY_NAME) < set(arrows)
    TopologicalSorter(arrows).prepare()
    with pytest.raises(CycleError):
        TopologicalSorter(arrows | {"seeclient.message": {"seeclient.blocking"}}).prepare()


def test_nobody_imports_the_command_line() -> None:
    """Imports end in `seemachine.cli`, at whose door only those knock that begin a process."""
    importers = [
        module_of(path) for path in all_files() if "seemachine.cli.command" in set(imported(path))
    ]
    assert importers == ["seemachine.__main__", "seemachine.cli", "seemachine.cli.fork_server"]


def test_the_command_line_enters_no_room_before_it_must() -> None:
    """To know its words `seemachine` loads nothing but words: no state, no fleet, no packages."""
    code = "import sys; from seemachine.cli import command; command._parser(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    words = {
        "seemachine.cli",
        "seemachine.cli.answer",
        "seemachine.cli.argtypes",
        "seemachine.cli.command",
        "seemachine.cli.parser",
        "seemachine.cli.words",
        "seemachine.cli.words.audit",
        "seemachine.cli.words.backup",
        "seemachine.cli.words.caliptra",
        "seemachine.cli.words.card",
        "seemachine.cli.words.cert",
        "seemachine.cli.words.cms",
        "seemachine.cli.words.convert",
        "seemachine.cli.words.cose",
        "seemachine.cli.words.fault",
        "seemachine.cli.words.fleet",
        "seemachine.cli.words.jar",
        "seemachine.cli.words.key",
        "seemachine.cli.words.library",
        "seemachine.cli.words.nfast",
        "seemachine.cli.words.options",
        "seemachine.cli.words.pki",
        "seemachine.cli.words.quarantine",
        "seemachine.cli.words.run",
        "seemachine.cli.words.sign",
        "seemachine.cli.words.signed_files",
        "seemachine.cli.words.verify",
        "seemachine.cli.words.wait",
        "seemachine.cli.words.watch",
        "seemachine.document",
        "seemachine.hsms",
        "seemachine.hsms.features",
        "seemachine.printing",
        # Who started the process is looked at before anything else.
        "seemachine.process",
        "seemachine.process.parent",
        "seemachine.terminal",
        "seemachine.wire",
        "seemachine.wire.names",
        "seemachine.wire.printable",
    }
    assert {name for name in loaded if name.startswith(("seemachine.", "seeclient"))} == words
