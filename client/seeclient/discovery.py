"""Where machines should be: published objects, a fleet file, or a text."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seeclient import files, fleet_text
from seeclient.connecting import CONNECT
from seeclient.effects import Address, Peer
from seeclient.refusals import Unreachable
from seemachine.formats import PUBLISHED, OtherVersion
from seemachine.frozen import replace
from seemachine.wire.entries import expanded
from seemachine.wire.names import MOST_MACHINES, is_esn, is_nvram
from seemachine.wire.printable import is_printable
from seemachine.wire.sockets import UNIX, socket_path
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

WHERE = "dispatch_see_published"
# What no NVRAM is called.
NEVER_UP = "-"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, RecursionError)


def addresses(world: World, fleet: str | Path | None = None) -> list[Address]:
    """Where machines should be, in module order.

    `fleet` is a text such as `host:port,host:port`, `unix:/path` or the path of a fleet file;
    without it the published objects of the world are taken. Raises StatusError (InvalidParameter)
    for a text or file that can't be read.
    """
    if fleet is None:
        return _published(world)
    if isinstance(fleet, Path) or _is_file(fleet):
        return _from_file(Path(fleet), world)
    return fleet_text.addresses(fleet)


def _is_file(fleet: str) -> bool:
    return Path(fleet).suffix == ".toml" and not fleet.startswith(UNIX)


def world_of(fleet: str | Path | None) -> World | None:
    """The world whose folder a fleet file is in; None for a file elsewhere and for no file."""
    if fleet is None or not _is_file(str(fleet)):
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
    # One that has a port, too, is asked there, as long as nobody says otherwise.
    socket = "" if entry["port"] else _socket(entry.get("socket", ""))
    return replace(address, nvram=_nvram(entry.get("nvram", "")), socket=socket)


def _objects(folder: Path) -> list[Path]:
    """The published objects in a folder that may not be there. Raises StatusError."""
    try:
        return [path for path in folder.iterdir() if path.suffix == ".json"]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise files.refusal(folder, error, CONNECT) from None


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
        meant = _meant(table, path.absolute().parent)
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


def _meant(table: dict[str, Any], folder: Path) -> list[Address]:
    """Where the machines of a fleet file are meant to be: as many as it counts, in module order.

    Raises ValueError, KeyError, TypeError, AttributeError.
    """
    wanted = table.get("count", 0)
    if type(wanted) is not int or not 0 <= wanted <= MOST_MACHINES:
        raise ValueError(f"count = {wanted!r}")
    entries = table.get("machines", []) if wanted else table["machines"]
    found = _ordered(_meant_address(table, folder, entry) for entry in expanded(entries, wanted))
    return found[:wanted] if wanted else found


def _meant_address(table: dict[str, Any], folder: Path, entry: dict[str, Any]) -> Address:
    if entry.get("tcp") is False:
        address = _checked("", 0, entry["module"], entry["esn"], tls=False)
        given = entry.get("socket") or f"{table['sockets']}/"
        return replace(
            address, socket=_socket(str(socket_path(given, folder, address.module, address.esn)))
        )
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


def _socket(path: Any) -> str:
    """The absolute path of a Unix socket, or nothing. Raises ValueError."""
    if type(path) is not str or not is_printable(path) or (path and not path.startswith("/")):
        raise ValueError(f"socket = {path!r}")
    return path


def _nvram(name: Any) -> str:
    """The name of an NVRAM in hex, or nothing. Raises ValueError."""
    if type(name) is not str or not (name == "" or is_nvram(name)):
        raise ValueError(f"nvram = {name!r}")
    return name


def _ordered(found: Iterable[Address]) -> list[Address]:
    return sorted(found, key=lambda address: (address.module, address.esn))
