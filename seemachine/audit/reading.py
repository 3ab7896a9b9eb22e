"""What a file holds. That shows in its bytes, however they are wrapped.

What is named as evidence or begins like some, and can't be read, is said to be unread: it is never
taken for some other file.
"""

from io import BytesIO

from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.keyfile_format import UnknownAlgorithm, decode
from seeclient.keys import PREFIX

from seemachine.audit.evidence import (
    Evidence,
    Known,
    KnownSignature,
    Message,
    of_levels,
    of_one_level,
)
from seemachine.audit.files import beginning_of, open_regular
from seemachine.audit.origins import Origin
from seemachine.audit.recognizing import Made, Recognized, may_have_levels, recognize
from seemachine.audit.rows import MAX_LINE, Handed, ledger_in, row_in, rows_in
from seemachine.encodings.readings import BLOCK, MAX_BYTES, Reading, readings
from seemachine.formats import OtherVersion
from seemachine.lms.hss import HssPublicKey, decode_either
from seemachine.lms.parameters import ParameterError
from seemachine.lms.shapes import shape_of

KEY_FILE = b'{"format": "seemachine key file'


def read_file(found: Evidence, origin: Origin) -> None:
    """Add what a file holds. Raises OSError."""
    data, whole = beginning_of(origin.source, MAX_BYTES)
    if row_in(_first_line(data), origin.source) is None:
        # A larger one is a message, but for what its beginning shows.
        read(found, origin, data, whole=whole)
    else:
        # Ledgers grow without bound; nothing else of that size is evidence.
        with BytesIO(data) if whole else open_regular(origin.source) as file:
            lines = iter(lambda: file.readline(MAX_LINE), b"")
            _add_rows(found, origin.source, *rows_in(lines, origin.source))


def read_again(signature: KnownSignature) -> bytes:
    """The data of a signature, also when it was let go. Raises OSError, also when the file is
    another now.
    """
    if signature.data is not None:
        return signature.data
    found, source = Evidence(), signature.source
    read_file(found, Origin(source, named=True))
    again = found.signatures[signature.number : signature.number + 1]
    if not again or again[0].marks != signature.marks or again[0].data is None:
        raise OSError(0, "changed while it was audited", source)
    return again[0].data


def _first_line(data: bytes) -> bytes:
    return data[: data.find(b"\n", 0, MAX_LINE) + 1 or MAX_LINE]


def read(found: Evidence, origin: Origin, data: bytes, *, whole: bool = True) -> None:
    """Add what bytes of a file hold."""
    # By its name, too: what is in it may be damaged.
    if not origin.named and origin.name.startswith(PREFIX):
        _add_key_file(found, origin.source, data)
        return
    if whole and _add_plain(found, origin, data):
        return
    before = _count(found, origin)
    known = [_add(found, origin, reading) for reading in readings(data, whole=whole)]
    if origin.named and _count(found, origin) == before:
        found.unread.append(f"{origin.source}: {_why_not(data)}")
    elif not any(known):
        found.unknown.append(origin.source)


def _add_plain(found: Evidence, origin: Origin, data: bytes) -> bool:
    """Whether bytes are a plain signature and nothing else beside it, as most files of a pile are:
    what `read` would find, at once.
    """
    shape = shape_of(data)
    if shape is None or may_have_levels(data) or BLOCK in data:
        return False
    for message in origin.messages or (None,):
        found.signatures.append(of_one_level(origin.source, 0, data, shape, message))
    return True


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
        _add_signature(found, origin, made)
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


def _add_signature(found: Evidence, origin: Origin, made: Made) -> None:
    """A signature with each message that it may be over."""
    last = found.signatures[-1] if found.signatures else None
    number = last.number + 1 if last is not None and last.source == origin.source else 0
    messages: tuple[Message, ...] = (made.signed,) if made.signed is not None else origin.messages
    for message in messages or (None,):
        found.signatures.append(of_levels(origin.source, number, made.signature, message))


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
