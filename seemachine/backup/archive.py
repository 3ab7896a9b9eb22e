"""The file of a backup: a tar that can be made in one way only, so that whatever was changed in it
shows.

    MANIFEST.json                    what is in it: see `Manifest`, and the SHA-256 of every member
    fleet.toml
    kmdata/local/key_pqsdk_<alias>   key files: no secrets in clear
    ledger-<ESN>.jsonl               rows as `seemachine ledger --json-lines` prints them
    archive/<ESN>-<NVRAM>.jsonl      ledgers of NVRAMs that were gone before
    cards/<card>.card                cards that moved here, encrypted under the key of their world

Nothing else is allowed in it: no links, no other names, no byte more.
"""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from seemachine.formats import Format
from seemachine.state.records import MAX_LEAVES
from seemachine.wire.names import FILE_NAME_BYTES, NVRAM_BYTES, is_esn
from seemachine.world import CARD_SUFFIX

FORMAT = Format("seemachine backup")
MANIFEST = "MANIFEST.json"
FLEET = "fleet.toml"
KEYS = "kmdata/local/"
CARDS = "cards/"
ARCHIVE = "archive/"
ESN = r"[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}"
NAMES = re.compile(
    rf"fleet\.toml|kmdata/local/(key_pqsdk|pkcs11_id)_[a-z0-9-]{{1,64}}|ledger-{ESN}\.jsonl"
    rf"|archive/{ESN}-[0-9a-f]{{32}}(\.[0-9a-f]{{32}})?\.jsonl|cards/[A-Za-z0-9_-][A-Za-z0-9_.-]{{0,63}}\.card",
    re.ASCII,
)
# What is not text.
KINDS: dict[str, type] = {
    **dict.fromkeys(("epoch", "first", "next", "end", "time"), int),
    **dict.fromkeys(("files", "machines", "cards", "without"), tuple),
}
IDENTIFIER = re.compile(r"[0-9a-f]{32}", re.ASCII)
WORLD = re.compile(r"([0-9a-f]{2})*", re.ASCII)


class ArchiveError(ValueError):
    """Not a backup, or one that was changed since it was made."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """An NVRAM file as its machine told it: name and public key in hexadecimal, leaves `first` to
    `end` (not included), the next one.
    """

    file: str
    public_key: str
    first: int
    next: int
    end: int

    def __post_init__(self) -> None:
        _check_types(self)
        if (
            len(bytes.fromhex(self.file)) != FILE_NAME_BYTES
            or not 0 <= self.first <= self.next <= self.end <= MAX_LEAVES
        ):
            raise ArchiveError("an NVRAM file that can't be one")

    @property
    def name(self) -> bytes:
        """The 11 bytes of its name."""
        return bytes.fromhex(self.file)


@dataclass(frozen=True, slots=True)
class MachinePart:
    """A machine: which NVRAM it had, in hexadecimal, how often that was opened, and
    what was in it.
    """

    esn: str
    nvram: str
    epoch: int
    files: tuple[ListedFile, ...]

    def __post_init__(self) -> None:
        _check_types(self)
        if (
            not is_esn(self.esn)
            or len(bytes.fromhex(self.nvram)) != NVRAM_BYTES
            or self.nvram != self.nvram.lower()
        ):
            raise ArchiveError("a machine that can't be one")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    `time` is in milliseconds since 1970; machines in `without` were left out.
    """

    id: str
    time: int
    world: str
    machines: tuple[MachinePart, ...]
    cards: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_types(self)
        if not IDENTIFIER.fullmatch(self.id) or not WORLD.fullmatch(self.world) or self.time < 0:
            raise ArchiveError("an identifier or time that can't be one")
        if not all(map(is_esn, self.without)):
            raise ArchiveError("a machine that can't be one was left out")


@dataclass(frozen=True, slots=True)
class Backup:
    """A whole backup: its manifest, and the bytes of each other member by name."""

    manifest: Manifest
    members: Mapping[str, bytes]

    def cards(self) -> dict[str, bytes]:
        """Card files by the names of the cards."""
        return {card: self.members[f"{CARDS}{card}{CARD_SUFFIX}"] for card in self.manifest.cards}


def ledger_name(esn: str) -> str:
    """The member that is the ledger of a machine."""
    return f"ledger-{esn}.jsonl"


def pack(backup: Backup) -> bytes:
    """The bytes of the file. Raises ArchiveError for a member that can't be in one."""
    for name in backup.members:
        if not NAMES.fullmatch(name):
            raise ArchiveError(f"{name!r} can't be in a backup")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in ((MANIFEST, _manifest_bytes(backup)), *sorted(backup.members.items())):
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), backup.manifest.time // 1000, 0o600
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def unpack(data: bytes, what: str = "the backup") -> Backup:
    """The backup in a file, which is called `what`.

    Raises ArchiveError unless the file is exactly what `pack` makes of it; OtherVersion.
    """
    try:
        members = _members(data)
        backup = Backup(_manifest(members.pop(MANIFEST), what), members)
        _check_members(backup)
        same = pack(backup) == data
    except KeyError:
        raise ArchiveError(f"it has no {MANIFEST}") from None
    except (tarfile.TarError, ValueError, TypeError, EOFError, OSError, RecursionError) as error:
        raise ArchiveError(str(error) or type(error).__name__) from None
    if not same:
        raise ArchiveError("some of its bytes are not as a backup is written")
    return backup


def _members(data: bytes) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        for info in tar:
            # Sparse files and links are of other types: only what lies here byte by byte is read.
            if info.type != tarfile.REGTYPE or not (
                info.name == MANIFEST or NAMES.fullmatch(info.name)
            ):
                raise ArchiveError(f"{info.name!r} can't be in a backup")
            if info.name in members:
                raise ArchiveError(f"{info.name} is in it twice")
            content = tar.extractfile(info)
            members[info.name] = content.read() if content is not None else b""
    return members


def _check_members(backup: Backup) -> None:
    manifest, names = backup.manifest, backup.members.keys()
    expected = {
        *(ledger_name(part.esn) for part in manifest.machines),
        *(f"{CARDS}{card}{CARD_SUFFIX}" for card in manifest.cards),
    }
    found = {name for name in names if name.startswith(("ledger-", CARDS))}
    if expected != found or len(expected) != len(manifest.machines) + len(manifest.cards):
        raise ArchiveError("its ledgers and cards are not those that it lists")


def _manifest_bytes(backup: Backup) -> bytes:
    values = {
        "format": str(FORMAT),
        **asdict(backup.manifest),
        "members": {
            name: hashlib.sha256(data).hexdigest() for name, data in sorted(backup.members.items())
        },
    }
    return json.dumps({**values, "sha256": _checksum(values)}, indent=2).encode() + b"\n"


def _checksum(values: dict[str, Any]) -> str:
    """Of everything else in a manifest; of all versions, so that a damaged one is known as such."""
    rest = {name: value for name, value in values.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _manifest(data: bytes, what: str) -> Manifest:
    """The manifest alone; that the members are those it lists, and it has its own checksum, shows
    when it is made again.
    """
    values = json.loads(data)
    if type(values) is not dict:
        raise ArchiveError(f"its {MANIFEST} is none")
    if values.get("sha256") != _checksum(values):
        raise ArchiveError(f"its {MANIFEST} does not have its checksum")
    FORMAT.check(values.get("format"), what)
    given: dict[str, Any] = {field.name: values[field.name] for field in fields(Manifest)}
    machines = tuple(
        MachinePart(**{**part, "files": tuple(ListedFile(**file) for file in part["files"])})
        for part in given["machines"]
    )
    return Manifest(
        **{
            **given,
            "machines": machines,
            "cards": tuple(given["cards"]),
            "without": tuple(given["without"]),
        }
    )


def _check_types(record: Any) -> None:
    """JSON may say anything."""
    for field in fields(record):
        value: Any = getattr(record, field.name)
        texts = field.name not in ("cards", "without") or all(type(each) is str for each in value)
        if type(value) is not KINDS.get(field.name, str) or not texts:
            raise ArchiveError(f"{field.name} is not what it should be")
