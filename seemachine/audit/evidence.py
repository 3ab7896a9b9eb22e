"""What a pile of files says: signatures with their messages, public keys, rows of ledgers. What a file is shows in its bytes."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seemachine.lms.keys import PublicKey, Signature
from seemachine.lms.parameters import ParameterError, lmots, lms, signature_bytes

MAX_FILE = 16 << 20
PIECE = 1 << 20
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
    """A row of a ledger: machine, its NVRAM, number of the row, NVRAM file, leaf, and what the leaf was bound to."""

    source: str
    esn: str
    nvram: str
    row: int
    file: bytes
    leaf: int
    digest: bytes


@dataclass
class Evidence:
    """Everything that was found. `unknown` are files that are none of these; messages are among them."""

    signatures: list[Signed] = field(default_factory=list)
    keys: list[Known] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def gather(paths: Iterable[Path], messages: Mapping[Path, Path]) -> Evidence:
    """Read files, and folders with all that is in them; `messages` says what a signature file is over. Raises OSError."""
    found = Evidence()
    for path in _files(paths):
        if path.stat().st_size > MAX_FILE:
            found.unknown.append(str(path))
            continue
        read(found, str(path), path.read_bytes(), messages.get(path) or _message_of(path))
    return found


def read(found: Evidence, source: str, data: bytes, message: Path | None) -> None:
    """Add what a file holds."""
    for attempt in (data, _from_hex(data)):
        if attempt and (_add_signature(found, source, attempt, message) or _add_key(found, source, attempt)):
            return
    if not (_add_key_file(found, source, data) or _add_ledger(found, source, data)):
        found.unknown.append(source)


def handed_from(values: Mapping[str, object], source: str) -> Handed:
    """A row of a ledger from its JSON form. Raises KeyError, ValueError, TypeError."""
    file, digest = bytes.fromhex(str(values["file"])), bytes.fromhex(str(values["digest"]))
    row, leaf = int(str(values["row"])), int(str(values["leaf"]))
    return Handed(source, str(values["esn"]), str(values["nvram"]), row, file, leaf, digest)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (inner for inner in sorted(path.rglob("*")) if inner.is_file()) if path.is_dir() else [path]


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
    for encoded in (data, data[4:]):
        try:
            key = PublicKey.decode(encoded)
        except ParameterError:
            continue
        found.keys.append(Known(source, key, 1 << key.tree.h))
        return True
    return False


def _add_key_file(found: Evidence, source: str, data: bytes) -> bool:
    if not data.startswith(KEY_FILE):
        return False
    head = json.loads(data.partition(b"\n")[0])
    key = PublicKey.decode(bytes.fromhex(head["public_key"]))
    found.keys.append(Known(source, key, 1 << key.tree.h - head["expcards"] - head["explease"]))
    return True


def _add_ledger(found: Evidence, source: str, data: bytes) -> bool:
    """Lines of JSON, as `seemachine ledger --json` prints them, or a backup."""
    try:
        rows = [handed_from(json.loads(line), source) for line in data.splitlines() if line.strip()]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    found.handed.extend(rows)
    return bool(rows)
