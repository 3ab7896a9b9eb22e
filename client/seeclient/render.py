"""What pipsqueak prints, line for line as in the guide (2.6 to 2.9)."""

import time
from collections.abc import Iterable

from seeclient.algorithms import registry
from seeclient.effects import Roster
from seeclient.folders.events import Event as FolderEvent
from seeclient.folders.events import FileFailed, FileKept, FileSigned, FileSkipped
from seeclient.keyfile import KeyFile
from seeclient.results import KeyInfo
from seemachine.wire.names import CARDSET, SDK_VERSION
from seemachine.wire.printable import printable
from seemachine.wire.status import StatusError

WORDS_PER_LINE = 8
WORD_BYTES = 4

# Where the vendor's code reports an error, as the guide prints it. What the guide does not print
# gets our own name for the place.
POSITIONS = {
    "dispatch_socket_connect": "dispatch.c:172",
    "dispatch_see_nvmemfile": "dispatch.c:837",
    "lms_public_verify": "hsslms.c:2463",
    "continueLMS_cache_next": "see-commands.c:532",
    "command_see_provisionLMS": "see-commands.c:785",
}
OWN_POSITION = "seemachine"


def banner(roster: Roster) -> str:
    """`PQSDK: 1.4.1 (ESN: version, ESN: version)`, machines in module order."""
    machines = ", ".join(f"{peer.esn}: {peer.greeting.version}" for peer in roster.peers)
    return f"PQSDK: {SDK_VERSION} ({machines})"


def error_line(error: StatusError) -> str:
    """`TIME where[file:line] Status(number): sentence`, local time without a zone."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S")
    where = error.where or "pipsqueak"
    return f"{now} {where}[{POSITIONS.get(where, OWN_POSITION)}] {error}"


def words(data: bytes) -> list[str]:
    """Bytes as four-byte words, eight a line."""
    line = WORDS_PER_LINE * WORD_BYTES
    return [
        f"  {data[start : start + line].hex(' ', -WORD_BYTES)}"
        for start in range(0, len(data), line)
    ]


def public_key(key: KeyFile) -> list[str]:
    """The public key under its heading."""
    return [f"Public key (alias: {key.alias}):", *words(key.public_key)]


def key_list(keys: Iterable[tuple[str, str]]) -> list[str]:
    """`pipsqueak list`."""
    return ["Available Keys:", *(f"  {alias} {algorithm}" for alias, algorithm in keys)]


def file(event: FolderEvent, remaining: int) -> str:
    """A file of a folder that is signed, and how many are still to come."""
    if isinstance(event, FileSkipped):
        return f"  skipped: {printable(event.name)} ({event.what})"
    return f"  {_outcome(event)}, {remaining} {'file' if remaining == 1 else 'files'} to go"


def _outcome(event: FileSigned | FileKept | FileFailed) -> str:
    name = printable(event.name)
    match event:
        case FileFailed(_, error):
            return f"failed: {name}: {error.detail}"
        case FileSigned(_, signed, replaced):
            made = [signed.esn] if signed.esn else []
            made += [] if signed.leaf is None else [f"leaf {signed.leaf}"]
            where = f" ({', '.join(made)})" if made else ""
            return f"{'replaced' if replaced else 'signed'}: {name}{where}"
    return f"kept: {name}"


def cards_needed(count: int) -> str:
    """`LMS key requires 1 card`."""
    return f"LMS key requires {count} {'card' if count == 1 else 'cards'}"


def show_info(info: KeyInfo) -> list[str]:
    """`pipsqueak showinfo`: machines and their cards, then the key."""
    lines = []
    for machine in info.machines:
        lines.append(f" {machine.esn}")
        # Cards of the ACS and OCS are in the guide's slots too, and have no line.
        lines += [
            f"  - Slot {slot.slot}: ic={slot.ic} {slot.kind}"
            for slot in machine.slots
            if slot.kind != CARDSET
        ]
    return [
        *lines,
        f"Alias: {info.key.alias}",
        f"Algorithm: {info.key.algorithm}",
        *registry.of(info.key).lines(info),
        *public_key(info.key),
    ]
