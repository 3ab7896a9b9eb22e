"""The entries of a JAR, read strictly: what two readers take for two things must not be signed."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zipfile import ZipFile, ZipInfo

from seemachine.jar import ends, local_headers
from seemachine.jar.errors import JarError

MANIFEST = "META-INF/MANIFEST.MF"
FOLDER = "META-INF/"
BLOCK_ENDINGS = (".DSA", ".RSA", ".EC")
SIGNATURE_ENDINGS = (".SF", *BLOCK_ENDINGS)
# As Java has it: one with another ending is an entry like all others, which must be signed.
_OTHER_SIGNATURE = re.compile(r"META-INF/SIG-([^.]*|.*\.[A-Z0-9_-]{1,3})", re.DOTALL)
PIECE_BYTES = 1 << 20
# Of a manifest or a file of a signature, which are read whole. It is Java's limit too.
MOST_WHOLE = 16 << 20
# New entries have the earliest time that there is, so that nothing but the signature differs.
TIME = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED = 0x1
# What reading a damaged archive, or a hostile one, raises.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError),
    *(ValueError, OSError),
)


@dataclass(frozen=True, slots=True)
class Archive:
    """A JAR that is open: its manifest, if it has one, the files of signatures, folders, and
    `contents`, which is what a signature covers.
    """

    zip: ZipFile
    entries: list[ZipInfo]
    manifest: ZipInfo | None
    signatures: list[ZipInfo]
    contents: list[ZipInfo]

    def pieces(self, entry: ZipInfo) -> Iterator[bytes]:
        """The content of an entry. Raises JarError for a damaged one."""
        try:
            with self.zip.open(entry) as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except DAMAGED as error:
            raise JarError(f"its entry {entry.filename} is damaged: {error}") from None

    def whole(self, entry: ZipInfo) -> bytes:
        """The same at once, of a small one. Raises JarError for one that is not."""
        found = bytearray()
        for piece in self.pieces(entry):
            found += piece
            if len(found) > MOST_WHOLE:
                raise JarError(f"its entry {entry.filename} has more than {MOST_WHOLE >> 20} MiB")
        return bytes(found)


@contextmanager
def read(data: bytes) -> Iterator[Archive]:
    """The archive. Raises JarError."""
    try:
        # Java takes all names for UTF-8.
        archive = ZipFile(io.BytesIO(data), metadata_encoding="utf-8")
    except DAMAGED as error:
        raise JarError(f"it is not a JAR that can be read: {error}") from None
    with archive:
        entries = archive.infolist()
        _refuse(entries)
        ends.refuse_unclear(data, len(entries))
        local_headers.refuse_others(data, entries, archive.start_dir)
        yield _sorted(archive, entries)


def _sorted(archive: ZipFile, entries: list[ZipInfo]) -> Archive:
    manifest, signatures, contents = None, [], []
    for entry in entries:
        if entry.filename.upper() == MANIFEST:
            manifest = entry
        elif _is_of_signatures(entry.filename):
            signatures.append(entry)
        elif not entry.is_dir():
            contents.append(entry)
    return Archive(archive, entries, manifest, signatures, contents)


def _is_of_signatures(name: str) -> bool:
    name = name.upper()
    inside = name.startswith(FOLDER) and "/" not in name.removeprefix(FOLDER)
    return inside and (
        name.endswith(SIGNATURE_ENDINGS) or _OTHER_SIGNATURE.fullmatch(name) is not None
    )


def rewritten(data: bytes, first: dict[str, bytes]) -> bytes:
    """The same JAR with these entries before all others, in place of its manifest."""
    made = io.BytesIO()
    with read(data) as archive, ZipFile(made, "w") as target:
        target.comment = archive.zip.comment
        for name, content in first.items():
            target.writestr(_new(name), content)
        for entry in archive.entries:
            if entry is not archive.manifest:
                _copy(archive, entry, target)
    return made.getvalue()


def _new(name: str) -> ZipInfo:
    made = ZipInfo(name, TIME)
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o644 << 16
    return made


def _copy(archive: Archive, entry: ZipInfo, target: ZipFile) -> None:
    made = ZipInfo(entry.filename, entry.date_time)
    for name in ("compress_type", "comment", "create_system", "external_attr"):
        setattr(made, name, getattr(entry, name))
    if entry.is_dir():
        target.writestr(made, b"")
        return
    made.file_size = entry.file_size
    with target.open(made, "w") as file:
        for piece in archive.pieces(entry):
            file.write(piece)


def _refuse(entries: list[ZipInfo]) -> None:
    if before := min((each.header_offset for each in entries), default=0):
        raise JarError(
            f"{before} bytes stand before its first entry, such as a script that starts it; no"
            " signature of a JAR covers them; sign it without"
        )
    seen = set[str]()
    for entry in entries:
        name = entry.filename
        _refuse_name(entry.orig_filename)
        if name != entry.orig_filename:
            raise JarError(f"it has an entry with two names, {name} and {entry.orig_filename}")
        if entry.is_dir() and entry.file_size:
            raise JarError(f"its folder {name} has content, which no signature covers")
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
