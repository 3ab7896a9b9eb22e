"""Nothing that is shipped signals a process by its number: those that it started it knows by handle, all others are asked."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("seemachine", "client", "container", "deploy")
BY_NUMBER = {"kill", "killpg", "pidfd_open", "pidfd_send_signal", "pthread_kill", "waitpid"}


def by_number(text: str) -> Iterator[str]:
    """Functions of `os` and `signal` that a Python source names and that go by a process's number."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
            yield from {node.attr} & BY_NUMBER
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "signal"):
            yield from {name.name for name in node.names} & BY_NUMBER


@pytest.mark.parametrize("room", ROOMS)
def test_no_source_signals_by_number(room: str) -> None:
    """Not one, in any file of a room: a number in a file, or of yesterday, may be anybody's."""
    sources = [path for path in (ROOT / room).rglob("*") if path.is_file() and b"\0" not in path.read_bytes()]
    python = [path for path in sources if path.suffix == ".py"]
    shell = [path for path in sources if path.suffix == ".sh"]

    assert python
    assert [(path.name, name) for path in python for name in by_number(path.read_text())] == []
    assert [path.name for path in shell if re.search(r"\b(p?kill|killall)\b", path.read_text())] == []


@pytest.mark.parametrize("text", ["import os\nos.kill(1, 2)", "from signal import pthread_kill", "import os\nend = os.killpg"])
def test_the_look_can_fail(text: str) -> None:
    """It finds what it looks for."""
    assert list(by_number(text))
