"""`seemachine ledger` and `seemachine audit --fleet` with machines of this process."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.in_process import Machine, Shell, machines
from kit.processes import Ran

from seemachine.fleet import ledgers

FIRST, SECOND = "0000-0000-0001", "0000-0000-0002"


class AuditShell(Shell):
    """A world of two machines, and their clients."""

    def sign(self, alias: str, path: Path, message: bytes) -> int:
        """Sign a message into PATH.sig; the leaf.

        A file is hashed here, bytes are hashed by the machine.
        """
        path.write_bytes(message)
        with self.fleet() as fleet:
            signed = fleet.key(alias).sign_with(path if len(message) > 1 << 20 else message)
        path.with_name(f"{path.name}.sig").write_bytes(signed.signature)
        return signed.leaf


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    """Two machines for all tests of this file."""
    made = AuditShell(tmp_path_factory.mktemp("audit") / "world")
    with machines(made.home, FIRST, SECOND) as both:
        with made.fleet() as fleet:
            fleet.generate_lms("test", lms="sha256_m24_h5", lmots="sha256_n24_w2")
        yield both


@pytest.fixture
def world(running: list[Machine]) -> AuditShell:
    """Their world, with a key `test`."""
    return AuditShell(running[0].config.world.folder)


@pytest.fixture
def sigs(world: AuditShell, tmp_path: Path) -> Path:
    """A folder with a short and a long message and their signatures."""
    for name, message in (("short", b"short"), ("long", bytes(2 << 20))):
        world.sign("test", tmp_path / name, message)
    return tmp_path


def rows(ran: Ran) -> list[dict[str, object]]:
    """The rows of `ledger --json-lines`."""
    assert ran[0] == 0, ran[1]
    return [json.loads(line) for line in ran[1]]


def test_a_fleet_in_order(world: AuditShell, sigs: Path) -> None:
    """Both kinds of signatures agree with the ledger, and the keys of this host are found without
    being named.
    """
    code, lines = world.seemachine("audit", "--fleet", str(sigs))

    assert code == 0, lines
    assert lines[-1].startswith("clean: 2 signatures (2 verified), 1 public key, ")
    assert not any(line.startswith(("reuse", "bad", "unread", "gap")) for line in lines)


def test_the_ledger(world: AuditShell, sigs: Path) -> None:
    """Leaves in order, what they are bound to, and by whom; --esn tells of one machine.

    As JSON it is what audit reads.
    """
    found = rows(world.seemachine("ledger", "--json-lines"))
    last = found[-2:]
    assert [row["leaf"] for row in found] == list(range(len(found)))
    assert [(row["esn"], row["client"], str(row["digest"])[:2]) for row in last] == [
        (FIRST, "memory", "6d"),
        (FIRST, "memory", "71"),
    ]
    assert len(str(last[1]["digest"])) == 2 + 2 * 24
    assert rows(world.seemachine("ledger", "--json-lines", "--esn", FIRST)) == found
    code, document = world.seemachine("ledger", "--json")
    assert (code, json.loads("\n".join(document))["rows"]) == (0, found)
    assert world.seemachine("ledger", "--json", "--json-lines")[0] == 2
    assert world.seemachine("ledger", "--esn", SECOND) == (
        0,
        ["seemachine ledger: no leaf was handed out yet"],
    )
    plain = world.seemachine("ledger")[1]
    assert len(plain) == len(found)
    words = plain[0].split()
    assert (words[:2], words[4:7]) == ([FIRST, "1"], ["test", "leaf", "0"])
    assert "Traceback" not in "".join(plain)

    (sigs / "ledger.jsonl").write_text("\n".join(json.dumps(row) for row in found))
    (sigs / "ledger.json").write_text("\n".join(document))
    code, lines = world.seemachine("audit", "--fleet", str(sigs))
    assert (code, lines[-1].endswith(f"{3 * len(found)} rows of ledgers")) == (0, True)


def test_a_signature_that_no_machine_made(world: AuditShell, sigs: Path) -> None:
    """A message that was swapped, with a ledger that knows what its leaf signed, is exit code 1."""
    found = rows(world.seemachine("ledger", "--json-lines"))
    found[-2]["digest"] = "6d" + "00" * 32
    (sigs / "ledger.json").write_text("\n".join(json.dumps(row) for row in found))
    code, lines = world.seemachine("audit", "--fleet", str(sigs))

    assert code == 1
    assert sorted(line.split()[0] for line in lines) == ["NOT", "note", "reuse", "reuse"]


def test_many_rows(world: AuditShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger of many pages is read to its end, each row once."""
    found = rows(world.seemachine("ledger", "--json-lines"))
    monkeypatch.setattr(ledgers, "MAX_LEDGER_PAGE", 1)

    assert rows(world.seemachine("ledger", "--json-lines")) == found


def test_a_copy_that_signed_too(world: AuditShell, running: list[Machine], tmp_path: Path) -> None:
    """A copy that was let go on at a leaf that the original came to as well: the ledgers of both
    show it, and both signatures alone.
    """
    sigs = tmp_path / "sigs"
    sigs.mkdir()
    running[0].stop()
    subprocess.run(["cp", "-a", world.home, tmp_path / "copy"], check=True)
    running[0].start()
    copy = AuditShell(tmp_path / "copy")
    machine = Machine(copy.home, FIRST)
    try:
        leaf = int(str(rows(world.seemachine("ledger", "--json-lines"))[-1]["leaf"]))
        assert (
            copy.seemachine("quarantine", "skip", "test", "--esn", FIRST, "--to", str(leaf + 2))[0]
            == 0
        )
        world.sign("test", sigs / "unused", b"unused")
        ours, theirs = (
            world.sign("test", sigs / "ours", b"ours"),
            copy.sign("test", sigs / "theirs", b"theirs"),
        )
        assert ours == theirs
        (sigs / "copy.json").write_text("\n".join(copy.seemachine("ledger", "--json-lines")[1]))
    finally:
        machine.stop()
    code, lines = world.seemachine("audit", "--fleet", str(sigs))
    assert code == 1
    assert sum(line.startswith("reuse") and f"leaf {ours} of" in line for line in lines) == 4, lines
    assert world.seemachine("audit", str(sigs / "ours.sig"), str(sigs / "theirs.sig"))[0] == 1


def test_another_home(world: AuditShell, sigs: Path, tmp_path: Path) -> None:
    """--home goes before the environment, for ledgers and keys."""
    elsewhere = AuditShell(tmp_path / "elsewhere")

    assert elsewhere.seemachine("audit", "--fleet", "--home", str(world.home), str(sigs))[0] == 0
    assert elsewhere.seemachine("ledger", "--home", str(world.home))[0] == 0


def test_machines_that_cannot_be_asked(tmp_path: Path) -> None:
    """A ledger that can't be read is missing from the picture: exit code 2 for audit, 1 for ledger,
    in one line.
    """
    world = AuditShell(tmp_path / "world")
    assert world.seemachine("audit", "--fleet") == (
        2,
        ["seemachine audit: no machine is up; start some with: seemachine fleet up"],
    )
    assert world.seemachine("ledger") == (
        1,
        ["seemachine ledger: no machine is up; start some with: seemachine fleet up"],
    )
    with machines(world.home, FIRST, SECOND) as [first, second]:
        assert world.seemachine("ledger") == (0, ["seemachine ledger: no leaf was handed out yet"])
        second.stop(withdrawn=False)
        for words, expected in ((["audit", "--fleet"], 2), (["ledger"], 1)):
            code, lines = world.seemachine(*words)
            assert (code, len(lines)) == (expected, 1)
            assert "Connection refused" in lines[0]
        assert world.seemachine("ledger", "--esn", FIRST) == (
            0,
            ["seemachine ledger: no leaf was handed out yet"],
        )
        assert world.seemachine("ledger", "--esn", SECOND)[0] == 1
        first.stop(withdrawn=False)
        assert world.seemachine("ledger", "--esn", FIRST)[0] == 1
