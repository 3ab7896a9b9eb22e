"""The entries of a JAR, read strictly: what two readers take for two things must not be signed."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from seemachine.jar.errors import JarError

MANIFEST = "META-INF/MANIFEST.MF"
FOLDER = "META-INF/"
BLOCK_ENDINGS = (".DSA", ".RSA", ".EC")
SIGNATURE_ENDINGS = (".SF", *BLOCK_ENDINGS)
PIECE_BYTES = 1 << 20
# New entries have the earliest time that there is, so that nothing but the signature differs.
TIME = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED = 0x1
# What reading a damaged archive, or a hostile one, raises.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError),
    *(ValueError, OSError),
)


@contextmanager
def entries_of(data: bytes) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """The archive and its entries. Raises JarError."""
    try:
        # Java takes all names for UTF-8.
        archive = zipfile.ZipFile(io.BytesIO(data), metadata_encoding="utf-8")
    except DAMAGED as error:
        raise JarError(f"it is not a JAR that can be read: {error}") from None
    with archive:
        entries = archive.infolist()
        _refuse(entries)
        yield archive, entries


def manifest_of(entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo | None:
    """Its manifest, if it has one."""
    return next((each for each in entries if each.filename.upper() == MANIFEST), None)


def is_of_signatures(name: str) -> bool:
    """Whether an entry is part of a signature, which no other one covers."""
    name = name.upper()
    inside = name.startswith(FOLDER) and "/" not in name.removeprefix(FOLDER)
    return inside and (name.endswith(SIGNATURE_ENDINGS) or name.startswith(FOLDER + "SIG-"))


def pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of an entry. Raises JarError for a damaged one."""
    try:
        with archive.open(entry) as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
    except DAMAGED as error:
        raise JarError(f"its entry {entry.filename} is damaged: {error}") from None


def rewritten(data: bytes, first: dict[str, bytes]) -> bytes:
    """The same JAR with these entries before all others, in place of its manifest."""
    made = io.BytesIO()
    with entries_of(data) as (archive, entries), zipfile.ZipFile(made, "w") as target:
        target.comment = archive.comment
        for name, content in first.items():
            target.writestr(_new(name), content)
        for entry in entries:
            if entry is not manifest_of(entries):
                _copy(archive, entry, target)
    return made.getvalue()


def _new(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, TIME)
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o644 << 16
    return made


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: zipfile.ZipFile) -> None:
    made = zipfile.ZipInfo(entry.filename, entry.date_time)
    for name in ("compress_type", "comment", "create_system", "external_attr"):
        setattr(made, name, getattr(entry, name))
    if entry.is_dir():
        target.writestr(made, b"")
        return
    made.file_size = entry.file_size
    with target.open(made, "w") as file:
        for piece in pieces(archive, entry):
            file.write(piece)


def _refuse(entries: list[zipfile.ZipInfo]) -> None:
    seen = set[str]()
    for entry in entries:
        name = entry.filename
        _refuse_name(entry.orig_filename)
        # Java finds entries of META-INF whatever the case.
        known = name.upper() if name.upper().startswith(FOLDER) else name
        if known in seen:
            raise JarError(f"it has two entries {name}; which of them would be signed is not clear")
        seen.add(known)
        if entry.flag_bits & _ENCRYPTED:
            raise JarError(f"its entry {name} is encrypted, which Java can't read")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise JarError(f"its entry {name} is compressed as Java can't read it")


def _refuse_name(name: str) -> None:
    if not name or any(ord(character) < 0x20 or ord(character) == 0x7F for character in name):
        raise JarError(f"it has an entry named {name!r}, which a manifest can't name")
