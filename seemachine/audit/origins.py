"""What the names of a file say of it: what it is a signature of, and whether it should be one."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seemachine.audit.files import Identity, find, is_file

MESSAGE_ENDINGS = ("", ".msg", ".message", ".bin", ".txt")
KEY_ENDINGS = (".lms", ".hss")
SIGNATURE = ".sig"
SIGNATURE_ENDINGS = (SIGNATURE, ".signature", *KEY_ENDINGS)
WRAPPED_ENDINGS = (".gz", ".hex", ".b64", ".base64", ".pem", ".asc")


class Origin(NamedTuple):
    """A file: what it is called, what it may be over, and whether it should be a signature.

    `or_key`: it has an ending that public keys have as well.
    """

    source: str
    messages: tuple[str, ...] = ()
    named: bool = False
    or_key: bool = False

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.source.rpartition("/")[2]


def origin_of(names: Sequence[str], over: str | None) -> Origin:
    """Of a file with several names, each may say what it is over."""
    if over is not None:
        return Origin(names[0], (over,), named=True)
    signed = [name for name in map(_unwrapped, names) if _ending(name) in SIGNATURE_ENDINGS]
    if not signed:
        return Origin(names[0])
    found = [message for name in signed if (message := _message_of(_cut(name)[0])) is not None]
    if len(found) > 1:
        found = list({os.path.realpath(message): message for message in found}.values())
    or_key = any(_ending(name) in KEY_ENDINGS for name in signed)
    return Origin(names[0], tuple(found), named=True, or_key=or_key)


def pairs(signatures: Path, messages: Path) -> Iterator[tuple[Identity, str]]:
    """The files of a folder and what each is over: NAME.sig is, as `pipsqueak sigdir=` names it,
    over NAME, which has the same place in the other folder. Raises OSError.
    """
    start = 0 if signatures == Path() else len(os.path.join(signatures, ""))
    found = find([signatures], [])
    for which, number in found.numbers.items():
        for name in filter(_is_signature, found.all_names(number)):
            message = os.path.join(messages, _cut(_unwrapped(name))[0][start:])
            if is_file(message):
                yield which, message


def _is_signature(name: str) -> bool:
    return _ending(_unwrapped(name)) == SIGNATURE


def _ending(name: str) -> str:
    """Such as .sig, however it is written."""
    return _cut(name)[1].lower()


def _cut(name: str) -> tuple[str, str]:
    """A path without its ending, and the ending, which is empty for a name like .sig."""
    base, dot, ending = name.rpartition(".")
    if not ending or "/" in ending or base[-1:] in ("", "/"):
        return name, ""
    return base, dot + ending


def _unwrapped(name: str) -> str:
    """firmware.bin.sig for firmware.bin.sig.gz."""
    while _ending(name) in WRAPPED_ENDINGS:
        name = _cut(name)[0]
    return name


def _message_of(base: str) -> str | None:
    """firmware.bin for firmware.bin.sig, or firmware.msg for firmware.sig."""
    for ending in MESSAGE_ENDINGS:
        if is_file(base + ending):
            return base + ending
    return None
