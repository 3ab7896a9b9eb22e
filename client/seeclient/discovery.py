"""Where machines should be: published objects, a fleet file, or a text."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seeclient import files
from seeclient.connecting import CONNECT
from seeclient.effects import Address, Peer
from seeclient.refusals import Unreachable
from seemachine.formats import PUBLISHED, OtherVersion
from seemachine.frozen import replace
from seemachine.wire.entries import expanded
from seemachine.wire.names import MOST_MACHINES, SEE_PORT, is_esn, is_nvram
from seemachine.wire.printable import is_printable
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

WHERE = "dispatch_see_published"
# What no NVRAM is called.
NEVER_UP = "-"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, RecursionError)
_PORT = re.compile(r"\d{1,5}", re.ASCII)


def addresses(world: World, fleet: str | Path | None = None) -> list[Address]:
    """Where machines should be, in module order.

    `fleet` is a text such as `host:port,host:port` or the path of a fleet file; without it the
    published objects of the world are taken. Raises StatusError (InvalidParameter) for a text or
    file that can't be read.
    """
    if fleet is None:
        return _published(world)
    path = Path(fleet)
    return (
        _from_file(path, world)
        if path.suffix == ".toml" or isinstance(fleet, Path)
        else _from_text(str(fleet))
    )


def world_of(fleet: str | Path | None) -> World | None:
    """The world whose folder a fleet file is in; None for a file elsewhere and for no file."""
    if fleet is None or Path(fleet).suffix != ".toml":
        return None
    world = World.at(Path(fleet).parent)
    return world if any(map(Path.is_dir, (world.machines, world.cards, world.kmdata))) else None


def published_address(world: World, esn: str) -> Address | None:
    """Where a machine is, by its own published object; None where that does not tell."""
    try:
        address = _of_object(world.published / f"{esn}.json")
    except (OtherVersion, *UNREADABLE):
        return None
    return address if address.esn == esn else None


def current_address(found: Iterable[Address], peer: Peer) -> Address:
    """Where a machine is now: it may have been started again on another port.

    Another machine in its place is not taken for it.
    """
    return next(
        (address for address in found if address.esn == peer.esn),
        replace(peer.address, esn=peer.esn),
    )


def absent(world: World, found: Iterable[Address]) -> list[Unreachable]:
    """Each machine of a world that is not published."""
    known = {path.name for path in world.machines.glob("*") if is_esn(path.name)}
    missing = sorted(known - {address.esn for address in found})
    return [Unreachable(Status.NotAvailable, f"{esn} is not published", WHERE) for esn in missing]


def _published(world: World) -> list[Address]:
    found: list[Address] = []
    unreadable: StatusError | None = None
    for path in _objects(world.published):
        try:
            found.append(_of_object(path))
        except OtherVersion as other:
            raise StatusError(Status.NotYetImplemented, str(other), CONNECT) from None
        except PermissionError as error:
            unreadable = files.refusal(path, error, CONNECT)
        except UNREADABLE:
            continue  # withdrawn while we looked, or not ours
    if unreadable is not None and not found:
        raise unreadable
    return _ordered(found)


def _of_object(path: Path) -> Address:
    """Where a published object says that a machine is. Raises OtherVersion, and what is
    UNREADABLE.
    """
    entry = json.loads(path.read_bytes())
    PUBLISHED.check_at(entry, str(path))
    where = entry["host"], entry["port"], entry["module"], entry["esn"]
    address = _checked(*where, tls=entry.get("tls") is True)
    return replace(address, nvram=_nvram(entry.get("nvram", "")))


def _objects(folder: Path) -> list[Path]:
    """The published objects in a folder that may not be there. Raises StatusError."""
    try:
        return [path for path in folder.iterdir() if path.suffix == ".json"]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise files.refusal(folder, error, CONNECT) from None


def _from_text(text: str) -> list[Address]:
    return [
        _address(part.strip(), module)
        for module, part in enumerate(text.split(","), 1)
        if part.strip()
    ]


def _address(text: str, module: int) -> Address:
    host, colon, port = text.rpartition(":")
    bare = not colon or text.endswith("]") or (text.count(":") > 1 and not text.startswith("["))
    if not is_printable(text) or not (bare or (_PORT.fullmatch(port) and 0 < int(port) < 65536)):
        raise StatusError(
            Status.InvalidParameter,
            f"{text} is not an address; a fleet is written as host:port,host:port",
            CONNECT,
        )
    return (
        Address(text.strip("[]"), SEE_PORT, module)
        if bare
        else Address(host.strip("[]"), int(port), module)
    )


def _from_file(path: Path, world: World) -> list[Address]:
    """A fleet file says where machines are meant to be; where one is published, that is where it
    is. The file of a world means the machines of that one: ESNs are the same in many.
    """
    import tomllib

    its = world_of(path)
    published = {address.esn: address for address in _published(its or world)}
    try:
        # Some editors begin a file with a mark of its byte order.
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        meant = _meant(table)
    except (AttributeError, *UNREADABLE) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StatusError(
            Status.InvalidParameter, f"{path} is not a fleet file ({reason})", CONNECT
        ) from None
    return _ordered(
        published.get(address.esn) or (_of_world(address, its) if its else address)
        for address in meant
    )


def _of_world(address: Address, world: World) -> Address:
    """Of a machine that is not published: the port may be that of another world's machine."""
    try:
        entry = json.loads((world.hsm(address.esn) / "listening.json").read_bytes())
        return replace(address, nvram=_nvram(entry["nvram"]) or NEVER_UP)
    except UNREADABLE:
        return replace(address, nvram=NEVER_UP)


def _meant(table: dict[str, Any]) -> list[Address]:
    """Where the machines of a fleet file are meant to be: as many as it counts, in module order.

    Raises ValueError, KeyError, TypeError, AttributeError.
    """
    wanted = table.get("count", 0)
    if type(wanted) is not int or not 0 <= wanted <= MOST_MACHINES:
        raise ValueError(f"count = {wanted!r}")
    entries = table.get("machines", []) if wanted else table["machines"]
    found = _ordered(_meant_address(table, entry) for entry in expanded(entries, wanted))
    return found[:wanted] if wanted else found


def _meant_address(table: dict[str, Any], entry: dict[str, Any]) -> Address:
    tls = entry.get("tls", table.get("tls"))
    host = entry.get("host", "127.0.0.1")
    return _checked(host, entry["port"], entry["module"], entry["esn"], tls=tls is not None)


# The type of each part of an address, and what else holds for it.
PARTS: dict[str, tuple[type, Callable[[Any], bool]]] = {
    "host": (str, is_printable),
    "port": (int, range(1 << 16).__contains__),
    "module": (int, lambda _: True),
    "esn": (str, is_esn),
}


def _checked(host: Any, port: Any, module: Any, esn: Any, *, tls: bool) -> Address:
    """An address that a socket takes, and names that stay in their line. Raises ValueError."""
    for (name, (kind, good)), value in zip(PARTS.items(), (host, port, module, esn), strict=True):
        if type(value) is not kind or not good(value):
            raise ValueError(f"{name} = {value!r}")
    return Address(host, port, module, esn, tls=tls)


def _nvram(name: Any) -> str:
    """The name of an NVRAM in hex, or nothing. Raises ValueError."""
    if type(name) is not str or not (name == "" or is_nvram(name)):
        raise ValueError(f"nvram = {name!r}")
    return name


def _ordered(found: Iterable[Address]) -> list[Address]:
    return sorted(found, key=lambda address: (address.module, address.esn))
