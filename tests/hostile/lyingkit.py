"""A machine that lies, without a socket, and the commands that may meet it: what both its tests and
its fuzz targets need.

An honest script answers each request; a `Lie` changes what it says on the way. Whatever that is,
`told` holds a command to its promises.
"""

import contextlib
import functools
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from unittest.mock import patch

import msgpack
from client.clientkit import GREETING
from fuzz.lms_targets import signed
from here import store
from lms.kit import MESSAGE
from seeclient import blocking, blocking_runner, pipsqueak
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.blocking_wire import READ_BYTES
from server.serverkit import ESN

from seemachine.cli import command as seemachine_command
from seemachine.hsms import published
from seemachine.hsms.published import Published
from seemachine.state.disk.lock import FolderLock
from seemachine.wire import messages as m
from seemachine.wire.codec import unpack
from seemachine.wire.fields import from_fields, to_fields
from seemachine.wire.framing import FrameBuffer
from seemachine.wire.names import nvram_name
from seemachine.wire.printable import is_printable
from seemachine.world import World

KEY, SIGNATURE = signed(1)
FILE = nvram_name(KEY)
ALIAS = "release"
# Made once: it is all the same, and slow to make.
PARSER = functools.cache(seemachine_command._parser)
# Requests that an honest machine is asked by one command at most.
PATIENCE = 60

INFO = m.NvmemfileInfo(
    file=FILE, public_key=KEY, first=0, next=7, end=32, loaded=False, quarantined=False
)
ROW = m.LedgerEntry(
    row=1,
    file=FILE,
    leaf=6,
    token=bytes(16),
    digest=b"m" + bytes(32),
    client="build",
    time=1_700_000_000_000,
)
SUSPECTS = [
    m.Suspect(file=FILE, label="", first=0, next=7, end=32, reason="its NVRAM was put back"),
    m.Suspect(file=b"", label="half-1.1", first=0, next=0, end=0, reason="its NVRAM was put back"),
]


class Honest:
    """What a machine with one key, a blank card and something in quarantine says, one request after
    the other.
    """

    def __init__(self) -> None:
        self._chunks, self._cards, self._lead = 2, 0, 0

    def reply(self, request: Any) -> Any:
        """The reply to a request."""
        match request:
            case m.GenerateLms():
                self._cards = 1 << request.expcards if request.expcards + request.explease else 0
                return m.LmsStarted(
                    handle=bytes(16), remaining=self._chunks, expchunk=5, expcache=0
                )
            case m.ContinueLms():
                self._chunks = max(0, self._chunks - 1)
                key = None if self._chunks else KEY
                return m.LmsChunk(
                    remaining=self._chunks,
                    cache=b"",
                    cards=0 if self._chunks else self._cards,
                    public_key=key,
                )
            case m.ContinueLmsCard():
                self._cards = max(0, self._cards - 1)
                return m.CardWritten(card="card1", remaining=self._cards)
        return REPLIES[type(request)]


REPLIES: dict[type[Any], Any] = {
    m.Hello: GREETING,
    m.ResumeLms: m.LmsResumed(
        handle=bytes(16),
        remaining=2,
        lms=5,
        lmots=3,
        expcards=0,
        explease=0,
        expchunk=5,
        expcache=0,
    ),
    m.DiscardLms: m.LmsDiscarded(),
    m.ProvisionLms: m.LmsProvisioned(file=FILE, public_key=KEY, first=0, end=16, leases=1),
    m.GetNvmemfileInfo: INFO,
    m.WarnNvmemfile: INFO,
    m.ListNvmemfiles: m.NvmemfileListing(files=[INFO]),
    m.NvmemfileSign: m.NvmemfileSigned(signature=SIGNATURE, leaf=7, remaining=24),
    m.NvmemfileReserve: m.NvmemfileReserved(
        identifier=KEY[8:24], leaf=7, randomizer=bytes(32), remaining=24
    ),
    m.NvmemfileSignDigest: m.NvmemfileSigned(signature=SIGNATURE, leaf=7, remaining=24),
    m.LoadLms: m.LmsLoaded(file=FILE, missing=0),
    m.ListSlots: m.SlotListing(slots=[m.Slot(slot=2, ic=1, kind="blank", card="card1", leases=0)]),
    m.ReadLedger: m.LedgerPage(entries=[ROW, replace(ROW, row=2, leaf=7, digest=b"q")]),
    m.ListQuarantine: m.QuarantineListing(suspects=SUSPECTS),
    m.BurnQuarantined: m.QuarantineBurned(lost=25),
    m.SkipQuarantined: m.QuarantineSkipped(remaining=3),
}

REFUSAL = {
    "status": 73,
    "name": "NotAvailable",
    "detail": "not here; look elsewhere",
    "where": "dispatch",
}
# Gets the request and the three parts of the honest reply. Returns what is sent: three parts,
# bytes, or nothing to hang up.
Lie = Callable[[Any, list[Any]], list[Any] | bytes | None]


class Line:
    """The client's end of a connection to the machine: see seeclient.blocking_wire.Wire."""

    certificate = None
    has_news = False

    def __init__(self, script: Honest, lie: Lie, patience: Iterator[int]) -> None:
        self._script, self._lie, self._patience = script, lie, patience
        self._asked, self._answers, self._over = FrameBuffer(), bytearray(), False

    def send(self, data: bytes, seconds: float) -> None:
        """Answer at once. It never waits, but takes what a socket takes."""
        assert 0 <= seconds < 1 << 33
        self._asked.add(data)
        while not self._over and (body := self._asked.next_body()) is not None:
            number, name, raw = unpack(body)
            request = from_fields(m.REQUESTS[name], raw)
            said = self._lie(request, [number, "ok", to_fields(self._script.reply(request))])
            self._over = said is None or next(self._patience, None) is None
            self._answers += framed(said) if not self._over else b""

    def receive(self, seconds: float) -> bytes:
        """What was answered; nothing where no more comes."""
        assert 0 <= seconds < 1 << 33
        taken = bytes(self._answers[:READ_BYTES])
        del self._answers[:READ_BYTES]
        return taken

    def close(self) -> None:
        """Nothing is kept open."""


def framed(said: Any) -> bytes:
    """Parts as a frame, or bytes as they are."""
    if isinstance(said, bytes):
        return said
    body = msgpack.packb(said)
    return len(body).to_bytes(4, "big") + body


# ---------------------------------------------------------------- the world of the client


@dataclass(frozen=True)
class Command:
    """A command line; `{outside}` in it stands for the folder beside the world."""

    program: str
    words: tuple[str, ...]

    @property
    def json(self) -> bool:
        """Whether standard output is for programs."""
        return "--json" in self.words

    def __str__(self) -> str:
        return " ".join((self.program, *self.words))


GENERATE = ("generate", "algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w4")
PIPSQUEAK = [
    ("banner",),
    ("list",),
    ("showinfo", f"alias={ALIAS}"),
    (f"alias={ALIAS}", f"message={MESSAGE.decode()}"),
    (f"alias={ALIAS}", "msgfile={outside}/large"),
    (*GENERATE, "alias=new"),
    (*GENERATE, "alias=cards", "expcards=0", "explease=1"),
    ("generate", "alias=half", "resume=yes"),
    (f"provesn={ESN}", "slot=2"),
]
SEEMACHINE = [
    ("quarantine", "list"),
    ("quarantine", "list", "--json"),
    ("quarantine", "explain"),
    ("quarantine", "burn", ALIAS, "--esn", ESN),
    ("quarantine", "burn", "half-1.1", "--esn", ESN),
    ("quarantine", "skip", ALIAS, "--esn", ESN, "--to", "20"),
    ("quarantine", "accept", "--esn", ESN),
    ("ledger",),
    ("ledger", "--json"),
    ("audit", "--fleet"),
    ("audit", "--fleet", "--json"),
    ("fleet", "check"),
    ("fleet", "check", "--json"),
    ("fleet", "status"),
    ("backup", "{outside}/backup.tar"),
]
COMMANDS = [
    *(
        Command("pipsqueak", tuple(word for word in words if word != "banner"))
        for words in PIPSQUEAK
    ),
    *(
        Command("pipsqueak", (*(word for word in words if word != "banner"), "--json"))
        for words in PIPSQUEAK
    ),
    *(Command("seemachine", words) for words in SEEMACHINE),
    # At the end: the kept inputs of the fuzzer name commands by their place.
    *(Command("pipsqueak", (f"alias={ALIAS}", "warnat=3", *more)) for more in ((), ("--json",))),
]
# What a client may make or change: its memory, key files, and the file that it was told to make.
MAY_CHANGE = re.compile(
    r"world/seen(/([0-9a-f]{22}-)?[0-9A-F]{4}(-[0-9A-F]{4}){2})?|world/kmdata/local(/key_pqsdk_[a-z0-9-]{1,64})?"
    r"|outside/backup\.tar|world/cards(/lock)?|world/witness"
)


class Place:
    """A folder with a world, and next to it what must stay as it is.

    Names in it are what lies lead to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.world, self.outside = folder, folder / "world", folder / "outside"
        for path in (self.world / "kmdata" / "local", self.world / "hsm" / ESN, self.outside):
            path.mkdir(parents=True, exist_ok=True)
        (self.world / "hsm" / ESN / "nvram.db").touch()
        (self.outside / "large").write_bytes(b"x" * 2000)
        (self.world / "fleet.toml").write_text(f'[[machines]]\nesn = "{ESN}"\n')
        (self.world / "world.key").write_bytes(bytes(32))
        for victim in (folder / "victim00", self.world / "victim00"):
            victim.touch()
        with self.entered():
            store().save(LmsKeyFile(ALIAS, KEY, 0, 0, 0, b""))
        published.announce(
            World.at(self.world), Published(ESN, "5c", 1, "lying.example", 8888, pid=1)
        )
        # Somebody runs it.
        self._lock = FolderLock(self.world / "hsm" / ESN, "it")

    def close(self) -> None:
        """Nobody does any more."""
        self._lock.release()

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Nothing but this world in the environment, and the machine that lies for a fleet."""
        there = {
            "SEEMACHINE_HOME": str(self.world),
            "HOME": str(self.folder),
            "SEEMACHINE_FLEET": "lying.example",
        }
        with patch.dict("os.environ", there, clear=True):
            yield

    def content(self) -> dict[str, bytes | None]:
        """Every path with its bytes, folders with none."""
        found: dict[str, bytes | None] = {}
        for place, folders, names in os.walk(self.folder):
            below = place[len(str(self.folder)) + 1 :]
            found |= {os.path.join(below, name): None for name in folders}  # noqa: PTH118
            found |= {os.path.join(below, name): Path(place, name).read_bytes() for name in names}  # noqa: PTH118
        return found

    def reset(self, before: dict[str, bytes | None]) -> None:
        """As it was."""
        after = self.content()
        for name in sorted(after, reverse=True):
            path, data = self.folder / name, before.get(name)
            if name not in before:
                path.rmdir() if path.is_dir() else path.unlink()
            elif data is not None and data != after[name]:
                path.write_bytes(data)


@dataclass(frozen=True)
class Told:
    """What a command said and did."""

    code: int
    out: str
    err: str
    asked: list[str]


def told(
    place: Place, command: Command, lie: Lie, look: Callable[[], object] = lambda: None
) -> Told:
    """Run a command against the machine, and hold it to what every command promises.

    `look` is called before all is as it was again.
    """
    before = place.content()
    try:
        found = _run(place, command, lie)
        must_be_untouched(before, place.content())
        look()
    finally:
        place.reset(before)
    must_be_plain(command, found)
    return found


def truth(_request: Any, parts: list[Any]) -> list[Any]:
    """No lie."""
    return parts


def read(place: Place, command: Command, files: dict[str, bytes]) -> Told:
    """Run a command in a world with these files in place of its own, by their paths below the
    place; held to the same promises.
    """
    before = place.content()
    try:
        for name, data in files.items():
            (place.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (place.folder / name).write_bytes(data)
        return told(place, command, truth)
    finally:
        place.reset(before)


def _run(place: Place, command: Command, lie: Lie) -> Told:
    out, err, asked = io.StringIO(), io.StringIO(), []
    script, patience = Honest(), iter(range(PATIENCE))

    def heard(request: Any, parts: list[Any]) -> Any:
        asked.append(request.NAME)
        return lie(request, parts)

    def connect(_address: Any, _context: Any) -> Line:
        if next(patience, None) is None:
            raise ConnectionRefusedError(111, "Connection refused")
        return Line(script, heard, patience)

    words = [word.format(outside=place.outside) for word in command.words]
    main: Callable[[list[str]], int] = (
        pipsqueak.main if command.program == "pipsqueak" else seemachine_command.main
    )
    with (
        place.entered(),
        patch.dict(blocking.Fleet.__init__.__kwdefaults__, connect=connect),
        patch.dict(blocking.connected.__wrapped__.__kwdefaults__, connect=connect),
        patch.object(blocking_runner, "time", SimpleNamespace(sleep=lambda _: None)),
        patch.object(seemachine_command, "_parser", PARSER),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(words)
    return Told(code, out.getvalue(), err.getvalue(), asked)


def must_be_untouched(before: dict[str, bytes | None], after: dict[str, bytes | None]) -> None:
    """Nothing but what a client keeps was made, changed or deleted."""
    changed = {
        path
        for path in before.keys() | after.keys()
        if before.get(path, b"?") != after.get(path, b"?")
    }
    assert [path for path in sorted(changed) if not MAY_CHANGE.fullmatch(path)] == []


# How a line of pipsqueak's may begin.
BEGINNINGS = (
    r"PQSDK: 1\.4\.1 \(",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d [\w.+-]+\[[\w.-]+(:\d+)?\] \w+(\(\d+\))?: ",
    r"ERROR: ",
    r"  ?[\w-]|  \.\.\.$",
    r"(Public key|Message|Signature|Verify|Threshold) \(",
    r"written to ",
    r"Alias: |Algorithm: LMS",
    r"Generate LMS key (started|resumed): ",
    r"LMS key requires \d",
    r"Attempting to |Card processed \(|Provision successful\.",
    r"Available Keys:",
    # Advice.
    (
        r"What is done is kept; |Nothing was kept\. |Give the same command|Make room, |If its"
        r" making broke off|Use those first"
    ),
)
LINES = re.compile("|".join(BEGINNINGS))


def must_be_plain(command: Command, found: Told) -> None:
    """Its exit code is one, its lines are its own, and its document is read by who reads JSON."""
    assert found.code in (0, 1, 2)
    for character in found.out + found.err:
        assert character == "\n" or is_printable(character), (str(command), found)
    if command.json and found.code != 2:
        documents = (
            found.out.splitlines()
            if command.words[0] == "ledger"
            else [found.out]
            if found.out
            else []
        )
        assert all(json.loads(document) for document in documents)
    elif command.program == "pipsqueak":
        assert [
            line for line in (found.out + found.err).splitlines() if not LINES.match(line)
        ] == []


# ---------------------------------------------------------------- where texts stand


def texts_of(kind: type[Any]) -> list[tuple[Any, ...]]:
    """The places of all texts of a message, those of its records too, as its own fields declare
    them.
    """
    found: list[tuple[Any, ...]] = []
    for field in fields(kind):
        inner = next(
            (each for each in (field.type, *get_args(field.type)) if hasattr(each, "CHECKS")), None
        )
        if field.type is str:
            found.append((field.name,))
        elif inner is not None:
            place = (field.name, 0) if get_args(field.type) else (field.name,)
            found += [(*place, *rest) for rest in texts_of(inner)]
    return found


def put(value: Any, place: tuple[Any, ...], text: object) -> Any:
    """The same fields with another value at a place."""
    if not place:
        return text
    if isinstance(value, list):
        return [put(value[0], place[1:], text), *value[1:]]
    return value | {place[0]: put(value[place[0]], place[1:], text)}
