"""What is in a key file.

    key_pqsdk_<alias>: one line of JSON, then bytes

The line has a head, which is the same for all algorithms, and what the key's algorithm adds; the
bytes are the algorithm's too. Of an LMS key no secret is in it; that of an ML-DSA key is in its
blob, encrypted. The vendor's format is not public; this one is ours.
"""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from seeclient.algorithms import MODULES
from seeclient.keyfile import ALIAS, Body, Head, KeyFile, KeyForm, Made, formed, whole
from seemachine.formats import Format

FORMAT = Format("seemachine key file")
# Of a key whose file can't be read, in lists.
UNKNOWN = "unknown"
_ALGORITHM = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)
_SIGNER = re.compile(r"([0-9a-f]{2}){0,64}", re.ASCII)
_HEAD = ("format", "alias", "algorithm", "public_key", "signer", "made", "insecure")
_NAME = re.compile(r"[!-~]{0,64}", re.ASCII)
_LAST_TIME = (1 << 53) - 1
# More than the first line of any key file has.
_LINE_BYTES = 1 << 20


class UnknownAlgorithm(Exception):
    """A key of an algorithm that this version does not know. The text is its name."""


def decode(data: bytes, what: str) -> KeyFile:
    """What a key file holds: the KeyFile of its algorithm. `what` names the file.

    Raises OtherVersion, UnknownAlgorithm; ValueError, KeyError, TypeError, RecursionError for what
    is none.
    """
    line, _, rest = data.partition(b"\n")
    fields = _first_line(line)
    # First: in a damaged file the version may be what is damaged. A later version keeps to this, or
    # calls its checksum something else.
    checksum = fields.pop("sha256", None)
    if checksum is not None and checksum != _checksum(fields, rest):
        raise ValueError("it does not have its checksum")
    FORMAT.check(fields["format"], what)
    if checksum is None:
        raise ValueError("it has no checksum")
    head = Head(
        formed(fields["alias"], ALIAS, "alias"),
        formed(fields["algorithm"], _ALGORITHM, "algorithm"),
        bytes.fromhex(fields["public_key"]),
        formed(fields.get("signer", ""), _SIGNER, "signer"),
        _made(fields.get("made")),
        _seed(fields.get("insecure", "")),
    )
    own = {name: value for name, value in fields.items() if name not in _HEAD}
    return _form(head.algorithm).decoded(head, Body(own, rest))


def _first_line(line: bytes) -> dict[str, Any]:
    """Raises ValueError, whose text is for people, as that of json is not."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("its first line is not JSON") from None
    if type(fields) is not dict:
        raise ValueError("its first line is not an object")
    return fields


def is_author(name: str) -> bool:
    """Whether a key file can say that somebody of this name made it."""
    return bool(_NAME.fullmatch(name))


def _made(fields: Any) -> Made | None:
    """Raises ValueError, KeyError, TypeError."""
    if fields is None:
        return None
    names = (formed(fields[name], _NAME, name) for name in ("by", "esn"))
    return Made(whole(fields, "time", _LAST_TIME), *names)


def _seed(text: Any) -> str:
    """Raises ValueError."""
    from seemachine.chance.seed_file import is_seed

    if text and (type(text) is not str or not is_seed(text)):
        raise ValueError(f"insecure can't be {text!r}")
    return text or ""


def _form(algorithm: str) -> KeyForm:
    """The module that knows what an algorithm's key files have. Raises UnknownAlgorithm."""
    package = MODULES.get(algorithm.upper())
    if package is None:
        raise UnknownAlgorithm(algorithm)
    return cast(KeyForm, import_module(f"{package}.keyfile"))


def encode(key: KeyFile) -> bytes:
    """The bytes of its file."""
    body = _form(key.algorithm).encoded(key)
    head = {
        "format": str(FORMAT),
        "alias": key.alias,
        "algorithm": key.algorithm,
        "public_key": key.public_key.hex(),
        **({"signer": key.signer} if key.signer else {}),
        **({"made": key.made._asdict()} if key.made else {}),
        **({"insecure": key.insecure} if key.insecure else {}),
        **body.fields,
    }
    return json.dumps(head | {"sha256": _checksum(head, body.data)}).encode() + b"\n" + body.data


def _checksum(head: dict[str, Any], data: bytes) -> str:
    """Of everything else in the file."""
    import hashlib

    return hashlib.sha256(json.dumps(head, sort_keys=True).encode() + b"\n" + data).hexdigest()


def algorithm_in(path: Path) -> str:
    """What a file says of its algorithm, though it may be damaged."""
    try:
        with path.open("rb") as file:
            fields = json.loads(file.readline(_LINE_BYTES))
        return formed(fields["algorithm"], _ALGORITHM, "algorithm")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return UNKNOWN
