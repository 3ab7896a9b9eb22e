"""A fleet as text: `host:port,host:port`, and `unix:/path` of a socket or of a folder of such."""

import math
import re
from pathlib import Path

from seeclient import files, unix_sockets
from seeclient.connecting import CONNECT
from seeclient.effects import Address
from seeclient.refusals import Unreachable
from seemachine.wire.names import SEE_PORT
from seemachine.wire.printable import is_printable
from seemachine.wire.sockets import UNIX, module_and_esn, too_long
from seemachine.wire.status import Status, StatusError

_PORT = re.compile(r"\d{1,5}", re.ASCII)


def addresses(text: str) -> list[Address]:
    """Its machines, in their order. Raises StatusError (InvalidParameter)."""
    found: list[Address] = []
    for part in _parts(text):
        local = part.startswith(UNIX)
        found += _local(part, len(found) + 1) if local else [_address(part, len(found) + 1)]
    return found


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _local(text: str, module: int) -> list[Address]:
    """A socket, or all that are in a folder; one is called by its ESN where it has the name that
    machines give it.
    """
    path = _path(text)
    try:
        paths = _in_order(path) if path.is_dir() else [path]
    except OSError as error:
        raise files.refusal(path, error, CONNECT) from None
    if why := next(filter(None, map(too_long, paths)), ""):
        raise StatusError(Status.InvalidParameter, why, CONNECT)
    return [
        Address("", 0, number, module_and_esn(each)[1], socket=str(each))
        for number, each in enumerate(paths, module)
        if is_printable(str(each))
    ]


def _in_order(folder: Path) -> list[Path]:
    """Its sockets by module, as far as they have one, the others last. Raises OSError."""
    return sorted(
        unix_sockets.sockets_in(folder), key=lambda path: module_and_esn(path)[0] or math.inf
    )


def _path(text: str) -> Path:
    """Of an address of a Unix socket; a program may go to another folder later."""
    path = text.removeprefix(UNIX)
    if not path or not is_printable(path):
        raise _no_address(text)
    return Path(path).absolute()


def _address(text: str, module: int) -> Address:
    host, colon, port = text.rpartition(":")
    bare = not colon or text.endswith("]") or (text.count(":") > 1 and not text.startswith("["))
    if not is_printable(text) or not (bare or (_PORT.fullmatch(port) and 0 < int(port) < 65536)):
        raise _no_address(text)
    return (
        Address(text.strip("[]"), SEE_PORT, module)
        if bare
        else Address(host.strip("[]"), int(port), module)
    )


def _no_address(text: str) -> StatusError:
    return StatusError(
        Status.InvalidParameter,
        f"{text} is not an address; a fleet is written as host:port,host:port or unix:/path",
        CONNECT,
    )


def socketless(fleet: str) -> list[Unreachable]:
    """Each folder of a fleet's text that has no socket."""
    folders = [_path(part) for part in _parts(fleet) if part.startswith(UNIX)]
    return [
        Unreachable(Status.NotAvailable, f"no socket is in {folder}", CONNECT)
        for folder in folders
        if folder.is_dir() and not any(unix_sockets.sockets_in(folder))
    ]
