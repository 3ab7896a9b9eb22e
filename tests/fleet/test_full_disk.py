"""Commands on a full disk, and on paths that can't be a world: each says which file, and no number
of the system's.
"""

import sys
from pathlib import Path

import pytest
from kit import processes

# Folders are there, and not a byte more.
FULL = """
mount -t tmpfs -o size=512k none "$1"
cd "$1"
mkdir -m 700 world world/fleet world/hsm world/cards
printf '[[machines]]\\nesn = "0000-0000-0001"\\nport = 0\\n' > world/fleet.toml
dd if=/dev/zero of=fill bs=4k 2> /dev/null
truncate -s "-$2" fill
shift 2
exec "$@"
"""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["card", "new"],
            "seemachine card new: {0}/world/cards/card1.card: No space left on device",
        ),
        (["fleet", "up"], "seemachine fleet up: {0}/world/fleet/lock: No space left on device"),
        (
            ["fleet", "up", "--detach"],
            "seemachine fleet up: {0}/world/fleet: No space left on device; make room there",
        ),
        (["backup", "x.tar"], "seemachine backup: x.tar: No space left on device"),
        (["pki", "init"], "seemachine pki init: {0}/world/pki/ca.key: No space left on device"),
        (
            ["serve", "--esn", "0000-0000-0001", "--port", "0"],
            "seemachine serve: {0}/world/hsm/0000-0000-0001/lock: No space left on device",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_full_disk_is_named(
    tmp_path: Path, namespace: list[str], words: list[str], sentence: str
) -> None:
    """One line with the command and the file, or the world where even the log could not
    be written.
    """
    before = [*namespace, "sh", "-c", FULL, "sh", str(tmp_path), "0"]

    code, lines = processes.within(before, words, processes.environment(tmp_path / "world"))

    assert (code, lines) == (1, [sentence.format(tmp_path)])


def test_a_disk_that_is_full_after_some_lines_is_named(
    tmp_path: Path, namespace: list[str]
) -> None:
    """Where the log took what the supervisor said, and not what the machine did."""
    before = [*namespace, "sh", "-c", FULL, "sh", str(tmp_path), "8k"]

    words = ["fleet", "up", "--detach"]
    code, lines = processes.within(before, words, processes.environment(tmp_path / "world"))

    why = f"{tmp_path}/world/fleet: No space left on device; make room there"
    assert (code, lines[-1]) == (1, f"seemachine fleet up: {why}")


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_a_world_that_is_open_to_others_is_refused_once(
    tmp_path: Path, detach: tuple[str, ...]
) -> None:
    """By the command that was typed, not by each machine."""
    (world := tmp_path / "world").mkdir()
    world.chmod(0o777)

    code, lines = processes.seemachine(["fleet", "up", *detach], processes.environment(world))

    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith(f"seemachine fleet up: {world} ")
    assert lines[0].endswith(f"chmod go-w {world}")


@pytest.mark.parametrize(
    "words",
    [
        ["card", "new"],
        ["fleet", "up"],
        ["fleet", "up", "--detach"],
        ["fleet", "status"],
        ["fleet", "down"],
    ],
)
@pytest.mark.parametrize("below", ["", "world"])
def test_a_file_is_no_world(tmp_path: Path, words: list[str], below: str) -> None:
    """What is a file, where a folder should be, is named."""
    file = tmp_path / "file"
    file.touch()

    code, lines = processes.seemachine(words, processes.environment(file / below))

    command = " ".join(words[:2])
    assert (code, lines) == (1, [f"seemachine {command}: {file} is not a folder"])


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", " " * 8])
def test_a_ca_has_a_name(tmp_path: Path, name: str) -> None:
    """A name that no certificate can have is refused in our words, and nothing is made."""
    code, lines = processes.seemachine(
        ["pki", "init", "--name", name], processes.environment(tmp_path)
    )

    taken = "1 to 64 characters that can be printed, among them a letter or digit"
    assert (code, lines) == (
        2,
        [f"seemachine pki init: {name!r} is not a name for a CA; it takes {taken}"],
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder_of_certificates(tmp_path: Path) -> None:
    """`pki --folder` says what is wrong with it."""
    code, lines = processes.seemachine(
        ["pki", "init", "--folder", sys.executable], processes.environment(tmp_path)
    )

    assert (code, lines) == (1, [f"seemachine pki init: {sys.executable} is not a folder"])
