"""What git keeps: text, but for a few files that are known."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BINARY = ("docs/explanation/bench.png", "tests/fuzz/corpus/", "tests/upgrade/world-0.1.0.tar.gz")
HEAD = 8000


def tracked() -> list[str]:
    """Names below the root of the clone; a tree without git skips the test."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    words = ["git", "-C", str(ROOT), "ls-files", "-z"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"git does not list this tree: {done.stderr}")
    return [name for name in done.stdout.split("\0") if (ROOT / name).is_file()]


def is_binary(name: str) -> bool:
    """As git tells it: a zero byte near the beginning."""
    with (ROOT / name).open("rb") as file:
        return b"\0" in file.read(HEAD)


def test_no_binary_file_has_slipped_in() -> None:
    """A wheel or a library that a commit took along by mistake would stay in every clone."""
    names = tracked()
    assert len(names) > 500
    assert [name for name in names if not name.startswith(BINARY) and is_binary(name)] == []


def test_no_two_test_files_have_one_name() -> None:
    """Without packages pytest imports them by it: a run of all tests would end at the second."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) > 400
    assert [name for name, count in Counter(names).items() if count > 1] == []
