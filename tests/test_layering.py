"""Who may import whom. The table is the architecture; see docs/architecture.md."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Room: the rooms of ours that it may import from (besides itself), and the third-party packages.
ARROWS: dict[str, tuple[set[str], set[str]]] = {
    "seemachine.wire": (set(), {"msgpack"}),
    "seemachine.lms": (set(), set()),
    "seemachine.state": ({"seemachine.wire"}, {"msgpack"}),
    "seemachine.keyring": ({"seemachine.lms"}, set()),
    "seemachine.machine": (
        {"seemachine.wire", "seemachine.lms", "seemachine.state", "seemachine.keyring"},
        set(),
    ),
    "seemachine.commands": (
        {
            "seemachine",
            "seemachine.shortage",
            "seemachine.wire",
            "seemachine.lms",
            "seemachine.state",
            "seemachine.machine",
        },
        set(),
    ),
    "seemachine.config": ({"seemachine.wire", "seemachine.witnesses"}, set()),
    "seemachine.notify": (set(), set()),
    "seemachine.stopping": (set(), {"trio"}),
    "seemachine.entry": (set(), set()),
    "seemachine.shortage": (set(), set()),
    "seemachine.log_writer": ({"seemachine.shortage"}, set()),
    "seemachine.usage": ({"seemachine.wire"}, set()),
    "seemachine.printing": ({"seemachine.wire"}, set()),
    "seemachine.fleet": (
        {
            "seemachine",
            "seemachine.log_writer",
            "seemachine.notify",
            "seemachine.printing",
            "seemachine.shortage",
            "seemachine.stopping",
            "seemachine.wire",
            "seemachine.state",
            "seemachine.config",
            "seeclient",
        },
        {"trio"},
    ),
    "seemachine.witnesses": ({"seemachine.wire", "seemachine.state"}, set()),
    "seemachine.audit": (
        {"seemachine.printing", "seemachine.wire", "seemachine.lms", "seeclient"},
        set(),
    ),
    "seemachine.pki": (
        {"seemachine.printing", "seemachine.wire", "seemachine.state"},
        {"cryptography"},
    ),
    "seemachine.nfast": (
        {
            "seemachine",
            "seemachine.usage",
            "seemachine.printing",
            "seemachine.wire",
            "seemachine.state",
            "seemachine.config",
            "seemachine.fleet",
        },
        {"cryptography"},
    ),
    "seemachine.backup": (
        {
            "seemachine.printing",
            "seemachine.wire",
            "seemachine.state",
            "seemachine.config",
            "seemachine.fleet",
            "seemachine.witnesses",
            "seemachine.audit",
            "seeclient",
        },
        set(),
    ),
    "seeclient": (
        {"seemachine.wire", "seemachine.lms", "seemachine.entry", "seemachine.printing"},
        {"trio", "rich"},
    ),
}
OURS = ("seemachine", "seeclient")


def sources(room: str) -> list[Path]:
    """The files of a room."""
    base = ROOT / "client" if room.startswith("seeclient") else ROOT
    path = base / room.replace(".", "/")
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, as dotted names; `from a import b` counts as a.b
    too, for b may be a module.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            yield str(node.module)
            yield from (
                f"{node.module}.{name.name}" for name in node.names if (node.module or "") in OURS
            )


def room_of(module: str) -> str:
    """The room that a module of ours is in: its first two parts, or seeclient as a whole."""
    return "seeclient" if module.startswith("seeclient") else ".".join(module.split(".")[:2])


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
                assert room_of(module) in rooms | {room}, f"{path} imports {module}"
            elif top in ("trio", "msgpack", "structlog", "rich", "pyhsslms", "cryptography"):
                assert top in packages, f"{path} imports {module}"


@pytest.mark.parametrize(
    "room",
    [
        "seemachine.wire",
        "seemachine.lms",
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


def test_nobody_imports_the_command_line() -> None:
    """`seemachine.cli` is where imports end."""
    importers = [
        path
        for path in (ROOT / "seemachine").rglob("*.py")
        if "seemachine.cli" in set(imported(path))
    ]
    assert importers == [ROOT / "seemachine" / "__main__.py"]


def test_the_command_line_enters_no_room_before_it_must() -> None:
    """To know its words `seemachine` loads nothing but words: no state, no fleet, no packages."""
    code = "import sys; from seemachine import cli; cli._parser(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    words = {
        "seemachine.cli",
        "seemachine.entry",
        "seemachine.printing",
        "seemachine.words",
        "seemachine.usage",
        "seemachine.wire",
        "seemachine.wire.names",
        "seemachine.wire.printable",
        "seemachine.nfast",
        "seemachine.nfast.words",
        "seemachine.fleet",
        "seemachine.fleet.features",
    }
    assert {name for name in loaded if name.startswith(("seemachine.", "seeclient"))} == words
