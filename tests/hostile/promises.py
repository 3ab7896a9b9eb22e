"""What every command promises, whatever the machine says: `told` holds a command to it."""

import contextlib
import functools
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from hostile.commands import Command
from hostile.liar import PATIENCE, Honest, Lie, Line, truth
from hostile.place import Place
from kit import documents
from seeclient import blocking, blocking_runner, pipsqueak

from seemachine.cli import command as seemachine_command
from seemachine.wire.printable import is_printable

# Made once: it is all the same, and slow to make.
PARSER = functools.cache(seemachine_command._parser)
# What a client may make or change: its memory, key files, and the file that it was told to make.
MAY_CHANGE = re.compile(
    r"world/seen(/([0-9a-f]{22}-)?[0-9A-F]{4}(-[0-9A-F]{4}){2})?|world/kmdata/local(/key_pqsdk_[a-z0-9-]{1,64})?"
    r"|outside/signatures(/(one\.sig|\.pipsqueak-[0-9a-f]{16}\.journal))?"
    r"|outside/backup\.tar|world/cards(/lock)?|world/witness"
)


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
        patch("os.sync"),
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
    r"Alias: |Algorithm: (LMS|ML-DSA)$",
    r"Generate LMS key (started|resumed): ",
    r"LMS key requires \d",
    r"Generate ML-DSA key: ",
    r"Sign files: |Signatures \(",
    r"Attempting to |Card processed \(|Provision successful\.",
    r"Available Keys:",
    # Advice.
    (
        r"ML-DSA is the default of PQSDK|What is done is kept; |Nothing was kept\. |Give the same"
        r" command|What was asked for is kept; |Make room, |If its making broke off|Use those first"
    ),
    r"INSECURE: a world for tests, with the seed .{1,64}: anybody can make its keys$",
)
LINES = re.compile("|".join(BEGINNINGS))


def must_be_plain(command: Command, found: Told) -> None:
    """Its exit code is one, its lines are its own, and its document fits the schema."""
    assert found.code in (0, 1, 2)
    for character in found.out + found.err:
        assert character == "\n" or is_printable(character), (str(command), found)
    if command.json:
        documents.check(json.loads(found.out))
    elif command.program == "pipsqueak":
        assert [
            line for line in (found.out + found.err).splitlines() if not LINES.match(line)
        ] == []
