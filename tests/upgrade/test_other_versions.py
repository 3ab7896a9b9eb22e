"""Every stored format: a file of another version is refused with a sentence, and never called
damaged.
"""

import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seeclient import discovery
from seeclient.keys import KeyStore
from seeclient.sightings import Sightings
from upgrade.make_world import FIRST, SECOND

from seemachine.backup import restoring
from seemachine.fleet import running
from seemachine.formats import Format, OtherVersion
from seemachine.hsms import published, records
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.smartcard import FOREIGN, look, read_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.world_key import world_key
from seemachine.state.errors import StateOtherVersion
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.witness.folder import FolderWitness
from seemachine.state.witness.protocol import Mark, Past
from seemachine.state.witness.record_layout import HEAD_BYTES, LENGTH
from seemachine.state.witness.runtime import RuntimeWitness
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

CARD = "cards/card2.card"
NEWER = 9


def sealed(path: Path, name: str = "version") -> None:
    """A record with a checksum."""
    path.write_bytes(seal(unseal(path.read_bytes(), "") | {name: NEWER}))


def record(path: Path) -> None:
    """The head of a witness record."""
    data = path.read_bytes()
    length = int.from_bytes(data[: LENGTH.size], "big")
    head = seal(unseal(data[LENGTH.size : LENGTH.size + length], "") | {"version": NEWER})
    packed = LENGTH.pack(len(head)) + head
    path.write_bytes(packed.ljust(HEAD_BYTES, b"\0") + data[HEAD_BYTES:])


def table(path: Path) -> None:
    """A table of JSON, or a list of before it was one."""
    found = json.loads(path.read_text()) if path.exists() else {}
    values = found if isinstance(found, dict) else {"machines": found}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values | {"version": NEWER}))


def first_line(name: str) -> Callable[[Path], None]:
    """A file of a version that would begin with a line for it."""
    return lambda path: path.write_bytes(f"{name} {NEWER}\n".encode() + path.read_bytes())


def database(path: Path) -> None:
    """A database with a table less, as another version may have it."""
    with sqlite3.connect(path) as opened:
        opened.execute("DROP TABLE spent")
        opened.execute(f"PRAGMA user_version = {NEWER}")
    opened.close()


FILES: dict[str, tuple[str, Callable[[Path], None], Callable[[World], Any]]] = {
    "a card": (CARD, sealed, lambda world: read_card(world.folder / CARD)),
    "the witness of a card": (
        "witness/cards/card2",
        sealed,
        lambda world: read_card(world.folder / CARD),
    ),
    "a half-made key": (
        f"hsm/{FIRST}/making/halfway.key",
        sealed,
        lambda world: FolderCheckpoints(world.hsm(FIRST)).head("halfway"),
    ),
    "a witness record": (
        f"witness/{FIRST}.record",
        record,
        lambda world: FolderWitness(world.witness, FIRST),
    ),
    "a file store": (
        f"hsm/{SECOND}/nvram/history",
        lambda path: sealed(path, "format"),
        lambda world: FileStore(world.hsm(SECOND)),
    ),
    "a database": (f"hsm/{FIRST}/nvram.db", database, lambda world: SqliteStore(world.hsm(FIRST))),
    "the key of a world": ("world.key", first_line("world key"), world_key),
    "where a machine listens": (
        f"hsm/{FIRST}/listening.json",
        table,
        lambda world: published.listening(world, FIRST),
    ),
    "the record of an HSM": (
        f"hsm/{FIRST}/module.json",
        table,
        lambda world: records.read(world, FIRST),
    ),
    "the list of running machines": ("fleet/running.json", table, running.machines),
}


@pytest.mark.parametrize("what", FILES)
def test_state_of_a_newer_version_is_refused_with_a_sentence(what: str, in_place: Path) -> None:
    """The sentence names the file's version and ours; read by its own version it would be whole."""
    name, change, read = FILES[what]
    change(in_place / name)
    with pytest.raises(StateOtherVersion) as refused:
        read(World.at(in_place))
    said_right(str(refused.value))


def said_right(sentence: str) -> None:
    """It says which side is older, and what to do; not what would burn leaves."""
    assert "written by a newer version of seemachine (" in sentence
    assert f" {NEWER}; this one knows " in sentence
    assert sentence.endswith(
        "It is not damaged: leave it as it is, and use that one, or a later one"
    )


def test_older_records_than_any_that_are_read(in_place: Path) -> None:
    """Format 1 of the file store had no number; the sentence says that it is older."""
    history = in_place / "hsm" / SECOND / "nvram" / "history"
    values = unseal(history.read_bytes(), "")
    del values["format"]
    history.write_bytes(seal(values))
    with pytest.raises(StateOtherVersion, match=r"an older version of seemachine .file store 1; "):
        FileStore(in_place / "hsm" / SECOND)


def test_a_card_of_a_newer_version_is_not_formatted_unasked(in_place: Path) -> None:
    """Its leases are there: it is no damaged card, which would be formatted without a word."""
    sealed(in_place / CARD)
    assert look(in_place / CARD) == (FOREIGN, 0)
    world = World.at(in_place)
    rack = Rack(world)
    rack.insert("card2", FIRST, 3)
    with pytest.raises(Exception, match=r"newer version of seemachine.*it may hold leases"):
        rack.format(FIRST, 3)


def test_the_runtime_witness_of_a_newer_version(tmp_path: Path) -> None:
    """The folder has one version; a record of openings has its own."""
    RuntimeWitness(tmp_path / "a")
    (tmp_path / "a" / "version").write_text(f"runtime witness {NEWER}\n")
    with pytest.raises(StateOtherVersion) as refused:
        RuntimeWitness(tmp_path / "a")
    said_right(str(refused.value))
    past = Past(Mark(b"i" * 16, 1, b"n" * 8))
    witness = RuntimeWitness(tmp_path / "b")
    witness.meet(past, b"")
    witness.advance(past.last, "")
    witness.release()
    sealed(next((tmp_path / "b").glob("*.tips")))
    with pytest.raises(StateOtherVersion) as refused:
        RuntimeWitness(tmp_path / "b").meet(past, b"")
    said_right(str(refused.value))


def test_a_backup_of_a_newer_version(world: Path) -> None:
    """The manifest still has its checksum; without that it is damaged."""
    file = world.parent / "backup.tar"
    with tarfile.open(file) as tar:
        members = {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    for good in (True, False):
        file.write_bytes(with_version(members, good=good))
        with pytest.raises(StateOtherVersion if good else ValueError) as refused:
            restoring.opened(file)
        if good:
            said_right(str(refused.value))
        else:
            assert "was damaged" in str(refused.value)


def with_version(members: dict[str, bytes], *, good: bool) -> bytes:
    """A backup with a manifest of another version."""
    from seemachine.backup.archive import MANIFEST, _checksum

    values = json.loads(members[MANIFEST]) | {"format": f"seemachine backup {NEWER}"}
    values |= {"sha256": _checksum(values)} if good else {}
    packed = members | {MANIFEST: json.dumps(values, indent=2).encode() + b"\n"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in packed.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_what_a_client_reads_of_a_newer_version(world: Path) -> None:
    """Its memory, and where machines are."""
    key = KeyStore(world / "kmdata" / "local").load("single")
    seen = world / "seen" / f"{key.name.hex()}-{FIRST}"
    assert Sightings(world / "seen").recall(FIRST, key) == {0: 2}  # type: ignore[arg-type]
    seen.write_bytes(f"sightings {NEWER}\n".encode() + seen.read_bytes())
    with pytest.raises(StatusError) as refused:
        Sightings(world / "seen").recall(FIRST, key)  # type: ignore[arg-type]
    assert refused.value.status is Status.NotYetImplemented
    said_right(refused.value.detail)
    table(world / "published" / "pqsdk" / f"{FIRST}.json")
    with pytest.raises(StatusError) as refused:
        discovery.addresses(World.at(world))
    said_right(refused.value.detail)


@pytest.mark.parametrize("found", [None, "", "key 1", "a format x", "a format", 1.0, True, []])
def test_what_is_no_version_is_none(found: object) -> None:
    """Such a file is another one, or damaged; its reader says which."""
    with pytest.raises(ValueError, match="is not a version of a"):
        Format("a format").check(found, "it")


@pytest.mark.parametrize("found", ["a format 0", 4, "a format 12345678", -1])
def test_other_versions_are_known_as_such(found: object) -> None:
    """As a number, and as name and number."""
    with pytest.raises(OtherVersion):
        Format("a format", 3, 2).check(found, "it")
    Format("a format", 3, 2).check("a format 2", "it")
