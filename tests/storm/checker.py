"""What all clients of a storm received, against the promise and against the ledgers."""

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.here import store
from seeclient.operations import verify

from seemachine.wire.status import StatusError

# NVRAM file and leaf.
Place = tuple[str, int]


@dataclass
class Outcome:
    """Counts, and everything that breaks the promise."""

    signatures: int = 0
    leaves: int = 0
    reused: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    burned: int = 0


def check(histories: list[Path], ledger: list[dict[str, Any]]) -> Outcome:
    """Every leaf one message, every signature good, every signature that was received in a ledger
    with its message.
    """
    outcome = Outcome()
    messages: dict[Place, set[str]] = defaultdict(set)
    handed: dict[Place, str] = {}
    for row in ledger:
        place = (row["file"], row["leaf"])
        if place in handed:
            outcome.reused.append(f"{place} is in two ledgers")
        handed[place] = row["digest"]
    for entry in (json.loads(line) for path in histories for line in whole_lines(path)):
        if "refused" in entry:
            outcome.refusals[entry["refused"]] += 1
            continue
        _check_one(entry, messages, handed, outcome)
    outcome.reused += [
        f"leaf {place} signed {len(found)} messages"
        for place, found in messages.items()
        if len(found) > 1
    ]
    outcome.leaves = len(handed)
    outcome.burned = len(handed) - len(messages)
    return outcome


def _check_one(
    entry: dict[str, Any],
    messages: dict[tuple[str, int], set[str]],
    handed: dict[tuple[str, int], str],
    outcome: Outcome,
) -> None:
    key, message = store().load(entry["alias"]), bytes.fromhex(entry["message"]) * entry["times"]
    place, digest = (key.name.hex(), entry["leaf"]), hashlib.sha256(message).digest()
    outcome.signatures += 1
    messages[place].add(digest.hex())
    try:
        verify(key, Whole(message), bytes.fromhex(entry["signature"]))
    except StatusError as error:
        outcome.bad.append(f"{place}: {error}")
    known = handed.get(place)
    # Of a message that the client hashed the ledger has Q, which `verify` has just compared.
    if known is None or (known.startswith("6d") and known != "6d" + digest.hex()):
        outcome.lost.append(f"{place}: the ledger says {known}")


class Whole:
    """A message for `verify`."""

    def __init__(self, message: bytes) -> None:
        self._message = message

    def pieces(self):
        """All of it."""
        yield self._message


def whole_lines(path: Path) -> list[str]:
    """The lines of a history; a kill may have cut the last one."""
    return [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
