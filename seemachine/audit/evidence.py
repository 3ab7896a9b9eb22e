"""What a pile of files says: signatures with their messages, public keys, rows of ledgers.

What a file is shows in its bytes, however it is wrapped. What is named as evidence or begins like
some, and can't be read, is said to be unread: it is never taken for some other file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.keyfile_format import UnknownAlgorithm, decode
from seeclient.keys import PREFIX

from seemachine.audit.files import find, identity, open_regular, sentence
from seemachine.audit.origins import Origin, origin_of
from seemachine.audit.recognizing import Made, Recognized, recognize
from seemachine.audit.rows import MAX_LINE, Handed, ledger_in, row_in, rows_in
from seemachine.encodings.readings import MAX_BYTES, Reading, readings
from seemachine.formats import OtherVersion
from seemachine.lms.hss import HssPublicKey, HssSignature, decode_either
from seemachine.lms.keys import Signature
from seemachine.lms.parameters import ParameterError

PIECE = 1 << 20
KEY_FILE = b'{"format": "seemachine key file'
Message = Path | bytes | None


@dataclass(frozen=True, slots=True)
class LeafUse:
    """What one leaf signed: a file, bytes (such as a key below it), or None when not known."""

    source: str
    parts: Signature
    message: Message

    def pieces(self) -> Iterator[bytes]:
        """The message. Raises OSError."""
        if isinstance(self.message, bytes):
            yield self.message
        elif self.message is not None:
            with open_regular(self.message) as file:
                while piece := file.read(PIECE):
                    yield piece


@dataclass(frozen=True, slots=True)
class KnownSignature:
    """A signature of one or more levels, and what its lowest one is over."""

    source: str
    signature: HssSignature
    message: Message

    def uses(self) -> list[LeafUse]:
        """The leaves that made it, top first."""
        messages = (*(key.encode() for key in self.signature.keys), self.message)
        parts = self.signature.signatures
        if len(parts) == 1:
            return [LeafUse(self.source, parts[0], self.message)]
        levels = enumerate(zip(parts, messages, strict=True))
        return [LeafUse(f"{self.source} (level {level})", *each) for level, each in levels]


@dataclass(frozen=True, slots=True)
class Known:
    """A public key. `lease` is how many leaves of its top tree belong together: all, if unknown."""

    source: str
    key: HssPublicKey
    lease: int

    def is_of(self, made: Signature) -> bool:
        """Whether its top tree could have made a signature, by its parameter sets."""
        return (self.key.key.tree, self.key.key.ots) == (made.tree, made.ots)


@dataclass
class Evidence:
    """Everything that was found.

    `unknown` are files that are none of these, such as messages. `unread` says what is missing.
    """

    signatures: list[KnownSignature] = field(default_factory=list)
    keys: list[Known] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def gather(paths: Iterable[Path], messages: Mapping[Path, Path]) -> Evidence:
    """Read files, and folders with all that is in them; `messages` says what a signature is over.

    Raises OSError and ValueError for a path itself.
    """
    found = Evidence()
    over = {identity(signature): message for signature, message in messages.items()}
    for which, names in find([*paths, *messages], found.unread).items():
        origin = origin_of(names, over.get(which))
        try:
            _read_file(found, origin, names[0])
        except OSError as error:
            found.unread.append(f"{origin.source}: {sentence(error)}")
    return found


def _read_file(found: Evidence, origin: Origin, path: Path) -> None:
    with open_regular(path) as file:
        start = file.readline(MAX_LINE)
        # Ledgers grow without bound; nothing else of that size is evidence.
        if row_in(start, origin.source) is not None:
            lines = chain([start], iter(lambda: file.readline(MAX_LINE), b""))
            _add_rows(found, origin.source, *rows_in(lines, origin.source))
            return
        data = start + file.read(MAX_BYTES)
    # A larger one is a message, but for what its beginning shows.
    read(found, origin, data, whole=len(data) <= MAX_BYTES)


def read(found: Evidence, origin: Origin, data: bytes, *, whole: bool = True) -> None:
    """Add what a file holds."""
    # By its name, too: what is in it may be damaged.
    if Path(origin.source).name.startswith(PREFIX) and not origin.named:
        _add_key_file(found, origin.source, data)
        return
    before = _count(found, origin)
    known = [_add(found, origin, reading) for reading in readings(data, whole=whole)]
    if origin.named and _count(found, origin) == before:
        found.unread.append(f"{origin.source}: {_why_not(data)}")
    elif not any(known):
        found.unknown.append(origin.source)


def _count(found: Evidence, origin: Origin) -> int:
    """How much there is of what a file with this name should hold, or that is known to be wrong."""
    keys = len(found.keys) if origin.or_key else 0
    return len(found.signatures) + len(found.unread) + keys


def _add(found: Evidence, origin: Origin, reading: Reading) -> bool:
    """Add what one reading of a file is. Whether it is anything of ours."""
    source, data, troubles = origin.source, reading.data, len(found.unread)
    rows, wrong = ledger_in(data, source)
    if data.startswith(KEY_FILE):
        _add_key_file(found, source, data)
    elif recognized := recognize(data):
        _add_recognized(found, origin, recognized, whole=reading.whole)
    elif rows or wrong:
        _add_rows(found, source, rows, wrong)
    else:
        return False
    if not reading.whole and len(found.unread) == troubles:
        found.unread.append(f"{source}: damaged, cut off or too large, and read in part")
    return True


def _add_recognized(
    found: Evidence,
    origin: Origin,
    recognized: Recognized,
    *,
    whole: bool,
) -> None:
    source = origin.source
    for made in recognized.made:
        found.signatures += _signed(origin, made)
        if made.behind:
            found.unread.append(f"{source}: {_more(made.behind, whole=whole)} the signature")
    for key in recognized.keys:
        found.keys.append(Known(source, key, 1 << key.key.tree.h))
    if recognized.trouble:
        found.unread.append(f"{source}: {recognized.trouble}")


def _more(count: int, *, whole: bool) -> str:
    if count == 1:
        return "1 byte follows"
    return f"{count} bytes follow" if whole else "more bytes follow"


def _signed(origin: Origin, made: Made) -> list[KnownSignature]:
    """A signature with each message that it may be over."""
    messages: tuple[Message, ...] = (made.signed,) if made.signed is not None else origin.messages
    return [
        KnownSignature(origin.source, made.signature, message) for message in messages or (None,)
    ]


def _why_not(data: bytes) -> str:
    try:
        decode_either(data)
    except ParameterError as error:
        return str(error)
    return "no signature"


def _add_key_file(found: Evidence, source: str, data: bytes) -> None:
    try:
        file = decode(data, source)
    except OtherVersion as other:
        found.unread.append(str(other))
    except UnknownAlgorithm as unknown:
        found.unread.append(f"{source}: a key of {unknown}, which this version does not know")
    except (ValueError, KeyError, TypeError, RecursionError):
        found.unread.append(f"{source}: a damaged key file")
    else:
        # Other algorithms have no leaves that could be used twice.
        if isinstance(file, LmsKeyFile):
            lease = file.sectors.signatures_per_lease
            found.keys.append(Known(source, HssPublicKey(1, file.key), lease))


def _add_rows(found: Evidence, source: str, rows: list[Handed], wrong: str) -> None:
    found.handed += rows
    if wrong:
        found.unread.append(f"{source}: {wrong}")
