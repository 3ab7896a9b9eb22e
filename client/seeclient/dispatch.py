"""Which machines there are, and which of them an operation goes to."""

import errno
import json
import os
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from seeclient.effects import Address, Peer, Roster, Story, ask, ask_all
from seemachine.formats import PUBLISHED, OtherVersion
from seemachine.wire.fields import Record
from seemachine.wire.messages import (
    GetNvmemfileInfo,
    Greeting,
    ListSlots,
    NvmemfileInfo,
    SlotListing,
)
from seemachine.wire.names import PROTOCOL, SEE_PORT, is_esn, is_nvram, other_protocol, printed_name
from seemachine.wire.printable import is_printable
from seemachine.wire.requests import Effect, Request
from seemachine.wire.status import BadValue, Status, StatusError
from seemachine.world import World

CONNECT = "dispatch_socket_connect"
NVMEMFILE = "dispatch_see_nvmemfile"
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


def check_machine(address: Address, greeting: Greeting) -> None:
    """Whether the machine that answers is the one that is meant. Raises StatusError.

    The port of a published object may belong to another machine by now, and ESNs are the same in
    many worlds: a key must not be made in another one. Such a machine is as good as none, so its
    line begins as that of a machine that is gone (2.8.1).
    """
    where, found = f"connecting to {address.host} on port {address.port}", greeting.esn
    if greeting.protocol != PROTOCOL:
        detail = other_protocol(found, greeting.protocol, "this client", PROTOCOL)
        raise StatusError(Status.InvalidParameter, f"{where}: {detail}", CONNECT)
    if address.esn not in ("", found):
        raise StatusError(
            Status.OSErrorErrno, f"{where}: {found} answers, not {address.esn}", CONNECT
        )
    if address.nvram not in ("", greeting.nvram.hex()):
        reason = (
            f"{os.strerror(errno.ECONNREFUSED)}; another {found} answers there, with another NVRAM"
        )
        raise StatusError(Status.OSErrorErrno, f"{where}: {reason}", CONNECT)


def connect_failure(address: Address, error: OSError | UnicodeError) -> StatusError:
    """The guide's line for a machine that does not answer (2.8.1)."""
    if isinstance(error, UnicodeError):
        return StatusError(
            Status.OSErrorErrno,
            f"connecting to {address.host} on port {address.port}: not a host name",
            CONNECT,
        )
    # Libraries put their own words into strerror; the system's are those of the guide. Name
    # look-ups have numbers of their own.
    system = error.errno in errno.errorcode and not isinstance(error, socket.gaierror)
    reason = (
        os.strerror(error.errno or 0)
        if system
        else error.strerror or str(error) or type(error).__name__
    )
    return StatusError(
        Status.OSErrorErrno,
        f"connecting to {address.host} on port {address.port}: {reason}",
        CONNECT,
    )


def lost(address: Address, reason: object) -> StatusError:
    """A connection that broke in the middle."""
    return StatusError(
        Status.OSErrorErrno,
        f"connection to {address.host} on port {address.port}: {reason}",
        CONNECT,
    )


# What takes no leaf and makes none, so that a machine may be asked that this host's memory doubts.
HARMLESS = (Effect.LOOKS, Effect.CHANGES)


def refuse_doubted(peer: Peer, request: Request[Record]) -> None:
    """Raise a machine's doubt again for what could take a leaf of it."""
    if peer.doubt is not None and request.EFFECT not in HARMLESS:
        raise peer.doubt


def current_address(found: Iterable[Address], peer: Peer) -> Address:
    """Where a machine is now: it may have been started again on another port.

    Another machine in its place is not taken for it.
    """
    return next(
        (address for address in found if address.esn == peer.esn),
        replace(peer.address, esn=peer.esn),
    )


def bad_value(request: Request[Record], error: BadValue) -> StatusError:
    """A value that no machine would take."""
    return StatusError(Status.InvalidParameter, str(error), request.NAME)


def machine(roster: Roster, esn: str) -> Peer:
    """The machine of an ESN. Raises StatusError (UnknownID)."""
    for peer in roster.peers:
        if peer.esn == esn:
            return peer
    known = ", ".join(peer.esn for peer in roster.peers) or "none"
    raise StatusError(
        Status.UnknownID, f"no HSM {esn} is reachable; reachable are: {known}", "dispatch_see_esn"
    )


def for_generation(
    roster: Roster, esn: str, *, cards: bool, slot: int | None
) -> Story[tuple[Peer, bool]]:
    """The machine to make a key on: the one named, else the first with a blank card where one is
    needed, else the first.

    With it, whether all that is needed is there: not so where a blank card is to come.
    """
    if not roster.peers and not esn:
        raise StatusError(
            Status.NotAvailable,
            "no HSMs are reachable; start some with: seemachine fleet up",
            "dispatch_see_generate",
        )
    peers = [machine(roster, esn)] if esn else roster.peers
    if not cards:
        return peers[0], True
    listings = yield from ask_all(peers, ListSlots())
    for peer, listing in zip(peers, listings, strict=True):
        if isinstance(listing, SlotListing) and blank_slot(listing, slot) is not None:
            return peer, True
    return peers[0], False


def blank_slot(listing: SlotListing, wanted: int | None) -> int | None:
    """The first slot with a blank card, or the wanted one if it has one."""
    slots = (
        found.slot
        for found in listing.slots
        if found.kind == "blank" and wanted in (None, found.slot)
    )
    return next(slots, None)


def holders(roster: Roster, name: bytes) -> Story[list[tuple[Peer, NvmemfileInfo]]]:
    """The machines that hold an NVRAM file now, with what they say of it."""
    replies = yield from ask_all(roster.peers, GetNvmemfileInfo(file=name))
    found = [
        (peer, reply)
        for peer, reply in zip(roster.peers, replies, strict=True)
        if isinstance(reply, NvmemfileInfo)
    ]
    lost = [
        reply
        for reply in replies
        if isinstance(reply, StatusError) and reply.status is Status.OSErrorErrno
    ]
    if lost and not found:
        raise lost[0]  # it may be the one that has the file
    return found


def in_quarantine(peer: Peer, info: NvmemfileInfo) -> StatusError:
    """The refusal when the only machine with the file does not trust it."""
    what = f"NVRAM file {printed_name(info.file)} of {peer.esn} is in quarantine"
    return StatusError(
        Status.AccessDenied, f"{what}; see: seemachine quarantine explain", NVMEMFILE
    )


def of_signer(
    held: list[tuple[Peer, NvmemfileInfo]], signer: str
) -> list[tuple[Peer, NvmemfileInfo]]:
    """First those whose SEE machine is signed by the key that a key was made under (guide 2.9.6).

    Then the others: whether one was signed by that key too, as an extra, only the machine itself
    knows.
    """
    return sorted(held, key=lambda each: not is_of(each[0], signer))


def is_of(peer: Peer, signer: str) -> bool:
    """Whether this is a signer's machine, which all are for a key that was made under none."""
    return not signer or peer.greeting.signer.hex() == signer


def foreign(peer: Peer, signer: str) -> StatusError:
    """The refusal of a machine that another key signed."""
    what = (
        f"the key belongs to SEE machines signed by {signer}, not to that of {peer.esn}; see:"
        " seemachine fleet check"
    )
    return StatusError(Status.AccessDenied, what, NVMEMFILE)


def impossible(peer: Peer, what: str, request: str) -> StatusError:
    """The refusal of a reply that no machine in order gives, however well formed it is."""
    return StatusError(
        Status.Malformed, f"{peer.esn} {what}: it is broken, or lies; look at its log", request
    )


def no_holder(name: bytes) -> StatusError:
    """The guide's refusal when no machine has the file: not provisioned, used up, or on a machine
    that is away (2.7.2.1).
    """
    return StatusError(
        Status.NotAvailable, f"no HSMs with NVRAM {printed_name(name)} file", NVMEMFILE
    )


def current_slots(peer: Peer) -> Story[SlotListing]:
    """The cards in a machine."""
    return (yield from ask(peer, ListSlots()))


def _published(world: World) -> list[Address]:
    found = []
    for path in world.published.glob("*.json"):
        try:
            entry = json.loads(path.read_bytes())
            PUBLISHED.check_at(entry, str(path))
            address = _checked(
                entry["host"],
                entry["port"],
                entry["module"],
                entry["esn"],
                tls=entry.get("tls") is True,
            )
            found.append(replace(address, nvram=_nvram(entry.get("nvram", ""))))
        except OtherVersion as other:
            raise StatusError(Status.NotYetImplemented, str(other), CONNECT) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # withdrawn while we looked, or not ours
    return _ordered(found)


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
    is. A file in another world means the machines of that one: ESNs are the same in many.
    """
    import tomllib

    published = {address.esn: address for address in _published(world_of(path) or world)}
    try:
        table = tomllib.loads(path.read_text())
        meant = [
            _meant({"tls": table.get("tls"), **entry}, number)
            for number, entry in enumerate(table["machines"], 1)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StatusError(
            Status.InvalidParameter, f"{path} is not a fleet file ({error})", CONNECT
        ) from None
    return _ordered(published.get(address.esn, address) for address in meant)


def _meant(entry: dict[str, Any], number: int) -> Address:
    host, port = entry.get("host", "127.0.0.1"), entry.get("port", SEE_PORT + number - 1)
    return _checked(
        host, port, entry.get("module", number), entry["esn"], tls=entry["tls"] is not None
    )


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
