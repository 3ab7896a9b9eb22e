"""What a pile of files says: signatures with their messages, public keys, rows of ledgers. What a file is shows in its bytes."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from seeclient.keys import PREFIX

from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.parameters import ParameterError, lmots, lms, signature_bytes

MAX_FILE = 16 << 20
PIECE = 1 << 20
MAX_LINE = 1 << 16
KEY_FILE = b'{"format": "seemachine key file'
MESSAGE_ENDINGS = ("", ".msg", ".message", ".bin", ".txt")
SIGNATURE_ENDINGS = (".sig", ".signature", ".lms", ".hss")
MAX_LEVELS = 8


@dataclass(frozen=True, slots=True)
class Signed:
    """A plain LMS signature. `message` is what it is over: a file, bytes (a key below it in an HSS signature), or None when not known."""

    source: str
    parts: Signature
    message: Path | bytes | None

    def pieces(self) -> Iterator[bytes]:
        """The message. Raises OSError."""
        if isinstance(self.message, bytes):
            yield self.message
        elif self.message is not None:
            with self.message.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece


@dataclass(frozen=True, slots=True)
class Known:
    """A public key. `lease` is how many leaves belong together, all of them where that is not known."""

    source: str
    key: PublicKey
    lease: int


@dataclass(frozen=True, slots=True)
class Handed:
    """A row of a ledger: machine, its NVRAM, number of the row, NVRAM file, leaf, what the leaf was bound to, and the request's token."""

    source: str
    esn: str
    nvram: str
    row: int
    file: bytes
    leaf: int
    digest: bytes
    token: str

    @property
    def awaited(self) -> bool:
        """Whether it was not known yet what the leaf signs."""
        return self.digest == b"q"

    def same(self, other: "Handed") -> bool:
        """Whether two rows of one leaf tell of one use; what it signs may have been written down later."""
        known = (self.nvram, self.row, self.token) == (other.nvram, other.row, other.token)
        return known and (self.digest == other.digest or (self.digest[:1] == other.digest[:1] and (self.awaited or other.awaited)))


@dataclass
class Evidence:
    """Everything that was found. `unknown` are files that are none of these; messages are among them. `unread` says what is missing."""

    signatures: list[Signed] = field(default_factory=list)
    keys: list[Known] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def gather(paths: Iterable[Path], messages: Mapping[Path, Path]) -> Evidence:
    """Read files, and folders with all that is in them; `messages` says what a signature file is over. Raises OSError for a path itself."""
    found = Evidence()
    over = {signature.resolve(): message for signature, message in messages.items()}
    for path in _files(found, [*paths, *messages]):
        try:
            _read_file(found, path, over.get(path.resolve()) or _message_of(path))
        except OSError as error:
            found.unread.append(f"{path}: {error.strerror}")
    return found


def _read_file(found: Evidence, path: Path, message: Path | None) -> None:
    source = str(path)
    with path.open("rb") as file:
        start = file.readline(MAX_LINE)
        # Ledgers grow without bound; nothing else of that size is evidence.
        if _row(start, source):
            _add_ledger(found, source, chain([start], iter(lambda: file.readline(MAX_LINE), b"")))
        elif len(data := start + file.read(MAX_FILE)) > MAX_FILE:
            found.unknown.append(source)
        else:
            read(found, source, data, message)


def read(found: Evidence, source: str, data: bytes, message: Path | None) -> None:
    """Add what a file holds."""
    for attempt in (data, _from_hex(data)):
        if attempt and (_add_signature(found, source, attempt, message) or _add_key(found, source, attempt)):
            return
    if not (_add_key_file(found, source, data) or _add_ledger(found, source, data.splitlines())):
        found.unknown.append(source)


def handed_from(values: Mapping[str, object], source: str) -> Handed:
    """A row of a ledger from its JSON form. Raises KeyError, ValueError, TypeError."""
    file, digest = bytes.fromhex(str(values["file"])), bytes.fromhex(str(values["digest"]))
    row, leaf = int(str(values["row"])), int(str(values["leaf"]))
    return Handed(source, str(values["esn"]), str(values["nvram"]), row, file, leaf, digest, str(values["token"]))


def _files(found: Evidence, paths: Iterable[Path]) -> Iterator[Path]:
    """Each file once. Raises OSError for a path that is not there."""
    seen: set[tuple[int, int]] = set()
    for path in paths:
        path.stat()
        for inner in _below(found, path) if path.is_dir() else [path]:
            status = inner.stat()
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield inner


def _below(found: Evidence, folder: Path) -> Iterator[Path]:
    def missed(error: OSError) -> None:
        found.unread.append(f"{error.filename}: {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=missed):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def _message_of(path: Path) -> Path | None:
    """firmware.bin for firmware.bin.sig, or firmware.msg for firmware.sig."""
    if path.suffix not in SIGNATURE_ENDINGS:
        return None
    base = path.with_suffix("")
    candidates = (base.with_name(base.name + ending) for ending in MESSAGE_ENDINGS)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _from_hex(data: bytes) -> bytes:
    try:
        return bytes.fromhex(data.decode("ascii")) if len(data) < 1 << 20 else b""
    except ValueError:
        return b""


def _add_signature(found: Evidence, source: str, data: bytes, message: Path | None) -> bool:
    try:
        found.signatures.append(Signed(source, Signature.decode(data), message))
        return True
    except ParameterError:
        pass
    try:
        found.signatures.extend(_hss(found, source, data, message))
        return True
    except ParameterError:
        return False


def _hss(found: Evidence, source: str, data: bytes, message: Path | None) -> list[Signed]:
    """The levels of an HSS signature (RFC 8554 6.2): each but the last signs the public key of the next. Raises ParameterError."""
    levels, rest = int.from_bytes(data[:4], "big"), data[4:]
    if levels >= MAX_LEVELS:
        raise ParameterError("not an HSS signature")
    signed, keys = [], []
    for level in range(levels):
        parts, rest = _cut_signature(rest)
        key, size = _cut_key(rest)
        keys.append(Known(f"{source} (level {level + 1})", key, 1 << key.tree.h))
        signed.append(Signed(f"{source} (level {level})", parts, rest[:size]))
        rest = rest[size:]
    signed.append(Signed(source if not levels else f"{source} (level {levels})", Signature.decode(rest), message))
    found.keys.extend(keys)
    return signed


def _cut_signature(data: bytes) -> tuple[Signature, bytes]:
    """A signature at the start of some bytes, and the rest."""
    ots = lmots(int.from_bytes(data[4:8], "big"))
    place = 8 + ots.n * (ots.p + 1)
    size = signature_bytes(lms(int.from_bytes(data[place : place + 4], "big")), ots)
    return Signature.decode(data[:size]), data[size:]


def _cut_key(data: bytes) -> tuple[PublicKey, int]:
    size = lms(int.from_bytes(data[:4], "big")).public_key_bytes
    return PublicKey.decode(data[:size]), size


def _add_key(found: Evidence, source: str, data: bytes) -> bool:
    """A plain LMS public key, or an HSS one, which has its number of levels before it."""
    hss = data[4:] if 1 <= int.from_bytes(data[:4], "big") <= MAX_LEVELS else b""
    for encoded in (data, hss):
        try:
            key = PublicKey.decode(encoded)
        except ParameterError:
            continue
        found.keys.append(Known(source, key, 1 << key.tree.h))
        return True
    return False


def _add_key_file(found: Evidence, source: str, data: bytes) -> bool:
    # By its name, too: what is in it may be damaged.
    if not data.startswith(KEY_FILE) and not Path(source).name.startswith(PREFIX):
        return False
    try:
        head = json.loads(data.partition(b"\n")[0])
        key = PublicKey.decode(bytes.fromhex(head["public_key"]))
        found.keys.append(Known(source, key, 1 << key.tree.h - head["expcards"] - head["explease"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        found.unread.append(f"{source}: a damaged key file")
    return True


def _add_ledger(found: Evidence, source: str, lines: Iterable[bytes]) -> bool:
    """Lines of JSON, as `seemachine ledger --json` prints them, or a backup. Whether the first line is one."""
    rows = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = _row(line, source)
        if row is not None:
            found.handed.append(row)
            rows += 1
        elif not rows:
            return False
        else:
            found.unread.append(f"{source}: line {number} is not a row of a ledger")
    return rows > 0


def _row(line: bytes, source: str) -> Handed | None:
    try:
        return handed_from(json.loads(line), source)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
