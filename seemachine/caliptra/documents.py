"""JSON of others, read strictly: a signer takes nothing that could be read in two ways."""

import binascii
import json
import re
from collections.abc import Collection
from typing import Any, NoReturn

from seemachine.caliptra.errors import CaliptraError

MOST_BYTES = 64 << 20
MOST_TEXT = 200
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")


def parsed(data: bytes) -> dict[str, Any]:
    """The object of a document. Raises CaliptraError."""
    if len(data) > MOST_BYTES:
        raise CaliptraError(f"it has more than {MOST_BYTES >> 20} MiB")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_number)
    except CaliptraError:
        raise
    except UnicodeDecodeError:
        raise CaliptraError("it is not JSON: it is not UTF-8") from None
    except RecursionError:
        raise CaliptraError("it is not JSON that anybody wrote: it is nested too deep") from None
    except ValueError as error:
        raise CaliptraError(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CaliptraError("it is not a JSON object")
    return value


def entry(value: object, where: str, names: Collection[str]) -> dict[str, Any]:
    """An object that has these fields and no other. Raises CaliptraError."""
    if not isinstance(value, dict):
        raise CaliptraError(f"{where} is not an object")
    for name in names:
        if name not in value:
            raise CaliptraError(f"{where} has no {name}")
    for name in value:
        if name not in names:
            raise CaliptraError(f"{where} has the field {name!r}, which version 1 has not")
    return value


def label(value: object, where: str) -> str:
    """A name on one line. Raises CaliptraError."""
    if not isinstance(value, str) or not _LINE.fullmatch(value) or len(value) > MOST_TEXT:
        raise CaliptraError(f"{where} is not a name of 1 to {MOST_TEXT} characters on one line")
    return value


def octets(value: object, where: str) -> bytes:
    """Bytes written as hexadecimal, in any case of letters. Raises CaliptraError."""
    if not isinstance(value, str):
        raise CaliptraError(f"{where} is not a text")
    try:
        return binascii.unhexlify(value.strip())
    except ValueError:
        raise CaliptraError(f"{where} is not hexadecimal") from None


def written(value: dict[str, Any]) -> bytes:
    """A document as Caliptra's tools indent it. Raises CaliptraError for what JSON can't hold."""
    try:
        return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (ValueError, RecursionError):
        raise CaliptraError("it holds a number or a text that can't be written again") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise CaliptraError(f"it has {twice!r} twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise CaliptraError(f"it is not JSON: {text} is not a number")
