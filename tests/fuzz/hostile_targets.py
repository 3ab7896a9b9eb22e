"""Machines that lie to our commands, and files of somebody else's that these read: see
hostile/promises.py for what must hold.
"""

import functools
import json
from typing import Any

from fuzz.host_targets import ENTRY, key_file, summed
from fuzz.source import EDGES, FAR, Source
from fuzz.target import scratch, target
from hostile.commands import COMMANDS, Command
from hostile.liar import REFUSAL
from hostile.place import Place
from hostile.promises import read, told

from seemachine.fleet.template import guide_fleet
from seemachine.testing import ESN

# What steers a terminal, breaks a line or leads to another folder, put whole: a fuzzer is slow to
# find these by itself.
EVIL = (
    *("\x1b[2J", "\nforged", "\x9b1m", "\u202e", "\u2028", "\x7f", "\U000e0041"),
    *("../../victim00", "/tmp/aaaa-bbbb", "", "x" * 64, "5c, 5F08-0"),
)


@functools.cache
def place() -> Place:
    """The world that all inputs find as it was at first."""
    return Place(scratch("hostile"))


def crooked(source: Source, value: Any) -> Any:
    """The same value with some of it changed: mostly to values of the same type, so that what looks
    at types alone is passed.
    """
    if source.number(8) == 7:
        return source.edited(value)
    changes = {
        dict: crooked_map,
        list: crooked_list,
        str: lambda by, _: by.pick(EVIL),
        int: lambda by, _: by.pick((*EDGES, *FAR)),
    }
    return changes.get(type(value), Source.edited)(source, value)


def crooked_map(source: Source, value: dict[str, Any]) -> dict[str, Any]:
    """One to three of its values changed."""
    changed = dict(value)
    for _ in range(1 + source.number(3) if value else 0):
        name = source.pick(list(value))
        changed[name] = crooked(source, changed[name])
    return changed


def crooked_list(source: Source, value: list[Any]) -> list[Any]:
    """Each of its values changed, and perhaps all of them again and again."""
    return [crooked(source, each) for each in value] * source.pick((1, 1, 2, 300))


def lies(source: Source) -> Any:
    """The truth for some requests, then each reply as it is, or changed, refused, cut, anything at
    all, or none.
    """
    honest = iter(range(source.number(8)))

    def lie(_request: Any, parts: list[Any]) -> Any:
        if next(honest, None) is not None:
            return parts
        number, word, fields = parts
        ways = {
            1: lambda: [number, word, crooked(source, fields)],
            2: lambda: [number, "refused", crooked(source, REFUSAL)],
            3: lambda: source.edited(parts),
            4: source.octets,
            5: lambda: None,
        }
        # No bytes left: no more lies.
        return ways.get(source.number(8), lambda: parts)()

    return lie


SEEDS = [bytes([command, honest, 1]) for command in range(len(COMMANDS)) for honest in (0, 1, 2)]


@target(*SEEDS, longest=256)
def hostile_machines(data: bytes) -> None:
    """Whatever a machine says to any of our commands: nothing but what a client keeps is touched,
    and its words stay in their lines.
    """
    source = Source(data)
    told(place(), source.pick(COMMANDS), lies(source))


# ---------------------------------------------------------------- files

LEDGER = "outside/ledger.jsonl"
KEY_PATH = "world/kmdata/local/key_pqsdk_release"
RUNNING = [{"esn": ESN, "model": "5c", "module": 1}]


def ledger_row() -> dict[str, Any]:
    """A row as `seemachine ledger --json-lines` prints it."""
    return {
        "esn": ESN,
        "nvram": "6e" * 16,
        "row": 1,
        "file": "6c6d73eefbb322b4166742",
        "leaf": 6,
        "digest": "6d" + "00" * 32,
        "token": "00" * 16,
        "client": "build",
        "time": 1_700_000_000_000,
    }


def document(source: Source, value: Any) -> bytes:
    """JSON with some of it changed."""
    return json.dumps(crooked(source, value), default=lambda made: made.hex()).encode()


def rows(source: Source) -> bytes:
    """Rows of a ledger that may contradict each other."""
    return b"\n".join(document(source, ledger_row()) for _ in range(1 + source.number(3)))


def forged_key(source: Source) -> bytes:
    """A key file with a right checksum."""
    head, cache = key_file()
    return summed(json.loads(document(source, head)), source.cut(cache))


FILES = (
    (LEDGER, rows),
    (KEY_PATH, forged_key),
    (f"world/published/pqsdk/{ESN}.json", lambda source: document(source, ENTRY)),
    (f"world/hsm/{ESN}/listening.json", lambda source: document(source, ENTRY)),
    ("world/fleet/running.json", lambda source: document(source, RUNNING[0]).join((b"[", b"]"))),
    (f"world/seen/{ESN}", lambda source: source.cut(b"6e" * 16 + b" 1 " + b"6f" * 8 + b"\n")),
    ("world/fleet.toml", lambda source: source.cut(guide_fleet()[:400].encode())),
)
READERS = (
    Command("seemachine", ("audit", "{outside}")),
    Command("seemachine", ("audit", "{outside}", "--json")),
    Command("seemachine", ("audit", "--fleet")),
    Command("seemachine", ("fleet", "check")),
    Command("seemachine", ("fleet", "status")),
    Command("seemachine", ("card", "list")),
    Command("seemachine", ("ledger",)),
    Command("seemachine", ("quarantine", "list")),
    Command("pipsqueak", ("list",)),
    Command("pipsqueak", ("showinfo", "alias=release")),
    Command("pipsqueak", ("alias=release", "message=m", "--json")),
)


@target(
    *(
        bytes([reader]) + bytes([1, file, 0, 0, 0, 2])
        for reader in range(len(READERS))
        for file in range(len(FILES))
    ),
    longest=512,
)
def hostile_files(data: bytes) -> None:
    """Whatever the files of others hold, and however files of a folder are called, the same holds
    for who reads them.
    """
    source = Source(data)
    command, files = source.pick(READERS), {}
    for _ in range(source.number(3)):
        path, made = source.pick(FILES)
        files[path] = made(source)
    if source.number(2):
        name = source.text().replace("/", "").replace("\0", "")[:60]
        folder = source.pick(
            ("outside", "world/cards", "world/kmdata/local", "world/published/pqsdk")
        )
        files[f"{folder}/{name or 'x'}"] = source.octets()
    read(place(), command, files)
