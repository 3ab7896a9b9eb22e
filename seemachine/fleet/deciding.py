"""What a person decides about something in quarantine: stories."""

import contextlib

from seeclient import dispatch
from seeclient.effects import Peer, Roster, Story, ask
from seeclient.keys import KeyStore

from seemachine.fleet.suspects import name_of, suspects_of
from seemachine.wire.messages import (
    BurnQuarantined,
    ListNvmemfiles,
    NvmemfileInfo,
    SkipQuarantined,
)
from seemachine.wire.names import FILE_NAME_BYTES
from seemachine.wire.status import Status, StatusError

WHERE = "quarantine"


def burn(roster: Roster, esn: str, name: str) -> Story[int]:
    """Destroy a file, or take a half-made key off the list; the leaves that are lost with it."""
    peer = dispatch.machine(roster, esn)
    labels = [suspect.label for suspect in (yield from suspects_of(peer)) if suspect.label]
    request = (
        BurnQuarantined(file=b"", label=name)
        if name in labels
        else BurnQuarantined(file=file_named(roster.keys, name), label="")
    )
    burned = yield from ask(peer, request)
    lost: int = burned.lost
    return lost


def skip(roster: Roster, esn: str, file: bytes, leaf: int) -> Story[int]:
    """Have a file go on at a later leaf; the leaves that are left."""
    skipped = yield from ask(dispatch.machine(roster, esn), SkipQuarantined(file=file, leaf=leaf))
    remaining: int = skipped.remaining
    return remaining


def files_in_order(peer: Peer) -> Story[list[NvmemfileInfo]]:
    """All files of a machine.

    Raises StatusError (AccessDenied) while it has anything in quarantine.
    """
    found = yield from suspects_of(peer)
    if found:
        raise StatusError(
            Status.AccessDenied,
            f"{name_of(found[0])} of {peer.esn} is in quarantine; burn it, or skip, first",
            WHERE,
        )
    listing = yield from ask(peer, ListNvmemfiles())
    return listing.files


def file_named(store: KeyStore, name: str) -> bytes:
    """An NVRAM file by its printed name, or by the alias of its key on this host.

    Raises StatusError.
    """
    with contextlib.suppress(ValueError):
        file = bytes.fromhex(name.replace(":", ""))
        if len(file) == FILE_NAME_BYTES:
            return file
    try:
        # Keys of other algorithms have none.
        if file := store.load(name).name:
            return file
    except StatusError as error:
        if error.status not in (Status.UnknownID, Status.InvalidParameter):
            raise
    detail = (
        f"{name} is neither an NVRAM file, such as 6c6d737d:62e3b195:7663b4, nor an alias of this"
        " host"
    )
    raise StatusError(Status.UnknownID, detail, WHERE)
