"""Half-made keys on disk, so that an hour of hashing outlives a client, a machine or a power cut.

    hsm/<ESN>/making/<label>.key    what the key is, the seeds not yet on cards; replaced as a whole
    hsm/<ESN>/making/<label>.rows   a row of nodes per chunk that is done, appended and flushed; a
                                    torn last row counts as not done

The head has seeds, so it is encrypted under the key of the world, for this label and machine. Seeds
are gone from here before they can be anywhere else: see `Checkpoints.rewrite`.
"""

import hashlib
import os
from itertools import count
from pathlib import Path

import msgpack

from seemachine.formats import Format
from seemachine.state.disk.checksummed import seal, unseal
from seemachine.state.disk.durable import (
    PRIVATE_FILE,
    flush,
    private_folder,
    remove_file,
    replace_file,
)
from seemachine.state.disk.world_key import world_key, world_of
from seemachine.state.errors import StateCorrupt
from seemachine.state.half_made import MAX_LABEL, Head, is_label
from seemachine.state.witness import card_witness

# Of head and rows together.
FORMAT = Format("half-made key")
CHECK_BYTES = 8


class FolderCheckpoints:
    """See Checkpoints.

    `folder` is the machine's own, in its world: hsm/<ESN>. Raises StateCorrupt elsewhere.
    """

    def __init__(self, folder: Path) -> None:
        self._world = world_of(folder)
        self._esn = folder.name
        self._folder = private_folder(folder / "making")

    def labels(self) -> list[str]:
        """See Checkpoints."""
        return sorted(path.stem for path in self._folder.glob("*.key"))

    def create(self, label: str, head: Head) -> None:
        """See Checkpoints."""
        # Rows of an older key must not be taken for rows of this one: the old head goes first, then
        # its rows.
        self.discard(label)
        replace_file(self._path(label, "rows"), b"")
        self.rewrite(label, head)

    def rewrite(self, label: str, head: Head) -> None:
        """See Checkpoints."""
        secret = world_key(self._world).encrypt(
            "half-made key", self._clear(label), msgpack.packb(head)
        )
        path = self._path(label, "key")
        replace_file(
            path,
            seal({"secret": secret}, FORMAT),
            before=lambda scratch: card_witness.expect(self._world, path, scratch),
        )
        card_witness.confirm(self._world, path)

    def append(self, label: str, index: int, row: bytes) -> None:
        """See Checkpoints."""
        record = row + _check(index, row)
        descriptor = os.open(self._path(label, "rows"), os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
        try:
            # At its place rather than at the end: after a failed write the same chunk is written
            # over what was left of it.
            if os.pwrite(descriptor, record, index * len(record)) != len(record):
                raise OSError(f"{label}: a row was written in part")
            flush(descriptor)
        finally:
            os.close(descriptor)

    def load(self, label: str, row_bytes: int) -> list[bytes]:
        """See Checkpoints."""
        data = self._path(label, "rows").read_bytes()
        size, rows = row_bytes + CHECK_BYTES, []
        for index in range(len(data) // size):
            row, check = (
                data[index * size : index * size + row_bytes],
                data[index * size + row_bytes : (index + 1) * size],
            )
            if check != _check(index, row):
                break
            rows.append(row)
        return rows

    def head(self, label: str) -> Head | None:
        """See Checkpoints."""
        path = self._path(label, "key")
        if not path.exists():
            return None
        secret = unseal(path.read_bytes(), str(path), FORMAT).get("secret")
        if type(secret) is not bytes:
            raise StateCorrupt(f"{path}: not a half-made key of this version")
        head: Head = msgpack.unpackb(
            world_key(self._world).decrypt("half-made key", self._clear(label), secret, str(path))
        )
        # Put back from a copy, it would have seeds that are on cards by now.
        card_witness.check_original(self._world, path)
        return head

    def discard(self, label: str) -> None:
        """See Checkpoints."""
        for kind in ("key", "rows"):
            path = self._path(label, kind)
            remove_file(path.with_name(f".{path.name}.new"))
            remove_file(path)
        card_witness.forget(self._world, self._path(label, "key"))

    def suspend(self, reason: str) -> None:
        """See Checkpoints.

        Under a number after the label, the key can't be taken for one of that label.
        """
        for label in self.labels():
            quarantine = private_folder(self._folder / "quarantine")
            # With its number it must still have the length of a label.
            names = (f"{label[: MAX_LABEL - 1 - len(str(number))]}.{number}" for number in count(1))
            replace_file(
                quarantine / next(name for name in names if not (quarantine / name).exists()),
                reason.encode(),
            )
            self.discard(label)

    def suspended(self) -> list[tuple[str, str]]:
        """See Checkpoints."""
        return [
            (path.name, path.read_text())
            for path in sorted((self._folder / "quarantine").glob("*.*"))
        ]

    def discard_suspended(self, label: str) -> None:
        """See Checkpoints."""
        remove_file(self._folder / "quarantine" / label)

    def _clear(self, label: str) -> bytes:
        """What a head is bound to: it is nobody's elsewhere."""
        return f"{self._esn} {label}".encode()

    def _path(self, label: str, kind: str) -> Path:
        if not is_label(label):
            raise StateCorrupt(f"{label!r} is not a label")
        return self._folder / f"{label}.{kind}"


def _check(index: int, row: bytes) -> bytes:
    return hashlib.sha256(index.to_bytes(4, "big") + row).digest()[:CHECK_BYTES]
