"""Nothing that is shipped signals a process by its number.

What it started itself it knows by handle; all others are asked. A supervisor takes a handle of a
child that was forked for it, whose number is its own until it was waited for.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("seemachine", "client", "container", "deploy")
BY_NUMBER = {"kill", "killpg", "pidfd_open", "pidfd_send_signal", "pthread_kill", "waitpid"}
HANDLES = {
    ("seemachine/fleet/processes.py", "pidfd_open"),
    ("seemachine/fleet/processes.py", "pidfd_send_signal"),
    ("seemachine/process/fork_server.py", "pidfd_open"),
    # The parent, to see its end.
    ("seemachine/fleet/lifetime.py", "pidfd_open"),
    # Children that were adopted, which nobody else waits for.
    ("seemachine/temporary/descendants.py", "pidfd_open"),
    ("seemachine/temporary/descendants.py", "pidfd_send_signal"),
}
SHELL = re.compile(r"\b(p?kill|killall)\b")


def by_number(text: str) -> Iterator[str]:
    """What a Python source names of `os` and `signal` that goes by a process's number."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from {node.attr} & BY_NUMBER if node.value.id in ("os", "signal") else ()
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "signal"):
            yield from {name.name for name in node.names} & BY_NUMBER


@pytest.mark.parametrize("room", ROOMS)
def test_no_source_signals_by_number(room: str) -> None:
    """A number in a file, or of yesterday, may be anybody's."""
    python, shell = ([*(ROOT / room).rglob(f"*.{ext}")] for ext in ("py", "sh"))

    assert python
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in python
        for name in by_number(path.read_text())
    }
    assert found == {(path, name) for path, name in HANDLES if path.startswith(room)}
    assert [path for path in shell if SHELL.search(path.read_text())] == []


@pytest.mark.parametrize(
    "text",
    ["import os\nos.kill(1, 2)", "from signal import pthread_kill", "import os\nx = os.killpg"],
)
def test_the_look_can_fail(text: str) -> None:
    """It finds what it looks for."""
    assert list(by_number(text))
