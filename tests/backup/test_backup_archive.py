"""The file of a backup: only what `pack` wrote is taken."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from kit.flips import flipped
from kit.stores import ESN

from seemachine.backup.archive import (
    ArchiveError,
    Backup,
    ListedFile,
    MachinePart,
    Manifest,
    pack,
    unpack,
)

LISTED = ListedFile("6c6d73" + "ab" * 8, "00" * 56, 0, 5, 32)
PART = MachinePart(ESN, "0a" * 16, 3, (LISTED,))
MANIFEST = Manifest("1f" * 16, 1_700_000_000_000, "77" * 8, (PART,), ("card1",), ())
MEMBERS = {
    f"ledger-{ESN}.jsonl": b"",
    "cards/card1.card": b"secret",
    "fleet.toml": b"[[machines]]\n",
    "kmdata/local/key_pqsdk_a": b"{}\n",
}
BACKUP = Backup(MANIFEST, MEMBERS)
DATA = pack(BACKUP)


def tar_of(*members: tuple[tarfile.TarInfo, bytes], data: bytes = DATA) -> bytes:
    """The tar with more members behind its own."""
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as new,
        tarfile.open(fileobj=io.BytesIO(data)) as old,
    ):
        for info in old:
            new.addfile(info, old.extractfile(info))
        for info, content in members:
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """The head of a member."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def forged(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The tar with a changed manifest that has its right checksum again."""
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as new,
        tarfile.open(fileobj=io.BytesIO(DATA)) as old,
    ):
        for info in old:
            content = old.extractfile(info)
            assert content is not None
            data = content.read()
            if info.name == "MANIFEST.json":
                values = json.loads(data)
                del values["sha256"]
                change(values)
                checksum = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
                data = json.dumps({**values, "sha256": checksum}, indent=2).encode() + b"\n"
                info.size = len(data)
            new.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_what_was_packed_is_unpacked() -> None:
    """A backup comes out as it went in, and any tar reads it."""
    assert unpack(DATA) == BACKUP
    with tarfile.open(fileobj=io.BytesIO(DATA)) as tar:
        assert tar.getnames() == ["MANIFEST.json", *sorted(MEMBERS)]
        manifest = json.load(tar.extractfile("MANIFEST.json"))  # type: ignore[arg-type]
    assert manifest["members"]["fleet.toml"] == hashlib.sha256(b"[[machines]]\n").hexdigest()


def test_a_changed_bit_is_refused() -> None:
    """Wherever it is: in contents, heads, padding and the end."""
    for byte in range(0, len(DATA), 5):
        with pytest.raises(ArchiveError):
            unpack(flipped(DATA, 8 * byte + byte % 8))


def test_a_cut_or_longer_file_is_refused() -> None:
    """A backup ends where it ends."""
    for size in (*range(0, len(DATA), 101), len(DATA) - 1):
        with pytest.raises(ArchiveError):
            unpack(DATA[:size])
    for more in (b"\0", b"\0" * 512, b"x" * 512):
        with pytest.raises(ArchiveError):
            unpack(DATA + more)


@pytest.mark.parametrize(
    ("name", "kind", "target"),
    [
        ("hsm/7852-268D-3BF9/nvram.db", tarfile.REGTYPE, ""),
        ("world.key", tarfile.REGTYPE, ""),
        ("../outside", tarfile.REGTYPE, ""),
        ("/tmp/absolute", tarfile.REGTYPE, ""),
        ("cards/../../outside.card", tarfile.REGTYPE, ""),
        ("cards/.card", tarfile.REGTYPE, ""),
        ("kmdata/local/key_pqsdk_../x", tarfile.REGTYPE, ""),
        ("kmdata/local/key_pqsdk_b", tarfile.SYMTYPE, "/etc/passwd"),
        ("kmdata/local/key_pqsdk_b", tarfile.LNKTYPE, "fleet.toml"),
        ("kmdata/local/key_pqsdk_b", tarfile.FIFOTYPE, ""),
        ("kmdata/local/key_pqsdk_b", tarfile.GNUTYPE_SPARSE, ""),
        ("cards", tarfile.DIRTYPE, ""),
        ("kmdata/local/key_pqsdk_b", tarfile.REGTYPE, ""),
        ("cards/card2.card", tarfile.REGTYPE, ""),
        ("fleet.toml", tarfile.REGTYPE, ""),
    ],
)
def test_a_member_too_many_is_refused(name: str, kind: bytes, target: str) -> None:
    """Links, paths that lead out, folders, doubles, and anything that the manifest does
    not list.
    """
    with pytest.raises(ArchiveError):
        unpack(tar_of((member(name, kind, target), b"")))


def test_the_forger_of_these_tests_can_leave_all_as_it_was() -> None:
    """So what is refused below is refused for what was changed."""
    assert unpack(forged(dict.copy)) == BACKUP
    assert unpack(tar_of()) == BACKUP


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.update(id="../" * 10 + "aa"),
        lambda values: values.update(time=-1),
        lambda values: values.update(time="now"),
        lambda values: values.update(format="seemachine archive 1"),
        lambda values: values.update(cards=["card1", "card1"]),
        lambda values: values.update(cards=[]),
        lambda values: values.update(cards=[1]),
        lambda values: values.update(more=1),
        lambda values: values.update(machines=[]),
        lambda values: values.update(machines=values["machines"] * 2),
        lambda values: values.pop("world"),
        lambda values: values.update(world="../x"),
        lambda values: values.update(without=["7852-268D-3BF9\n"]),
        lambda values: values["machines"][0].update(esn="../../x"),
        lambda values: values["machines"][0].update(nvram="../x"),
        lambda values: values["machines"][0].update(files=5),
        lambda values: values["machines"][0]["files"][0].update(next=-1),
        lambda values: values["machines"][0]["files"][0].update(end=1 << 70),
        lambda values: values["machines"][0]["files"][0].update(file="zz"),
        lambda values: values["members"].update({"fleet.toml": "00"}),
    ],
)
def test_a_forged_manifest_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    """Also with the right checksum: it says nothing that could lead out of the world folder or stop
    a witness.
    """
    with pytest.raises(ArchiveError):
        unpack(forged(change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tar at all",
        tar_of(data=b"".join([pack(BACKUP)]))[512:],
        json.dumps([]).encode() * 600,
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    """With a reason."""
    with pytest.raises(ArchiveError) as refused:
        unpack(data)
    assert str(refused.value)
