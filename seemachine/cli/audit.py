"""`seemachine audit` and `seemachine ledger`: reading the evidence, and saying what it proves."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seeclient import blocking, dispatch, environment
from seeclient.keys import KeyStore

from seemachine.audit.evidence import Evidence, gather
from seemachine.audit.judge import Verdict, judge
from seemachine.audit.rows import handed_from
from seemachine.fleet.ledgers import rows_of
from seemachine.printing import say, say_json
from seemachine.wire.names import printed_name
from seemachine.wire.status import Status, StatusError

NOTHING = (
    "nothing to look at; name files or folders with signatures, keys and ledgers, or add --fleet"
    " for the machines that are up"
)
EMPTY = "nothing to judge: no LMS or HSS signature and no ledger was found"
WRONG_TIME = "WRONG TIME"
# The end of the year 9999, in milliseconds.
LAST_TIME = 253_402_300_800_000
DOWN = "no machine is up; start some with: seemachine fleet up"


def audit(options: argparse.Namespace) -> int:
    """Judge files, and with --fleet the ledgers of all machines.

    Exit code 0: clean; 1: a leaf was used twice, or a signature is bad; 2: wrong usage, or
    something could not be read or verified.
    """
    try:
        evidence = _evidence(options)
    except StatusError as error:
        return _complain("audit", error.detail, 2)
    except OSError as error:
        return _complain("audit", f"{error.filename}: {error.strerror}", 2)
    except ValueError as error:
        return _complain("audit", error, 2)
    verdict = judge(evidence, reuse_only=options.reuse_only)
    if options.json:
        say_json(
            {
                "clean": verdict.clean,
                "complete": verdict.complete,
                **asdict(verdict),
                "unknown": evidence.unknown,
            }
        )
    else:
        _print(verdict, evidence)
    return 1 if verdict.wrong else 0 if verdict.complete else 2


def _evidence(options: argparse.Namespace) -> Evidence:
    """Raises StatusError, OSError, ValueError."""
    messages = dict(_pair(text) for text in options.message)
    if not options.files and not messages and not options.fleet:
        raise ValueError(NOTHING)
    # The public keys of this host belong to its machines.
    public = options.world.keys
    evidence = gather(
        [*options.files, *([public] if options.fleet and public.is_dir() else [])], messages
    )
    if options.fleet:
        evidence.handed += [
            handed_from(row, "fleet") for row in _rows_of_fleet("audit", options, None)
        ]
    elif not (evidence.signatures or evidence.handed or evidence.unread):
        raise ValueError(EMPTY)
    return evidence


def ledger(options: argparse.Namespace) -> int:
    """Print the ledgers of the machines that are up."""
    try:
        rows, empty = _rows_of_fleet("ledger", options, options.esn), True
        known = (
            {}
            if options.json
            else {name.hex(): alias for name, alias in KeyStore(options.world.keys).known().items()}
        )
        for row in rows:
            empty = False
            say(json.dumps(row) if options.json else _line(row, known.get(row["file"], "-")))
        if empty:
            _complain("ledger", "no leaf was handed out yet", 0)
    except StatusError as error:
        return _complain("ledger", error.detail, 1)
    return 0


def _rows_of_fleet(
    word: str, options: argparse.Namespace, esn: str | None
) -> Iterator[dict[str, Any]]:
    """Rows in their JSON form.

    A machine that can't be asked is an error: its leaves would be missing from the picture.
    """
    told = environment.from_process(options.environ, options.world)
    with blocking.connected(told, doubted=True) as fleet:
        for alarm in (peer.doubt for peer in fleet.roster.peers if peer.doubt is not None):
            _complain(word, alarm.detail, 0)
        if esn is None and fleet.roster.failures:
            raise fleet.roster.failures[0]
        if not fleet.roster.peers:
            raise StatusError(Status.NotAvailable, DOWN)
        for peer in fleet.roster.peers if esn is None else [dispatch.machine(fleet.roster, esn)]:
            yield from rows_of(fleet, peer)


def _line(row: dict[str, Any], alias: str) -> str:
    """A row for people. A time that can't be is said to be wrong, and the rest stays as it is."""
    kinds = {"6d": "sha256", "71": "Q"}
    file, digest = printed_name(bytes.fromhex(row["file"])), row["digest"]
    bound = f"{kinds.get(digest[:2], '?')} {digest[2:18]}" if len(digest) > 2 else "Q awaited"
    when = _when(row["time"]) or WRONG_TIME
    start = f"{row['esn']}  {row['row']:>6}  {when:<20}  {file} {alias:<10}"
    what = f"{start}  leaf {row['leaf']:<8} {bound:<24} {row['client']}"
    why = f"  acknowledged: {row['reason']}" if row["reason"] else ""
    return f"{what}{why}".rstrip()


def _when(milliseconds: int) -> str | None:
    """A time since 1970 as ISO 8601 writes it; None outside the years 1970 to 9999."""
    if not 0 <= milliseconds < LAST_TIME:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _print(verdict: Verdict, evidence: Evidence) -> None:
    for finding in verdict.findings:
        say(f"{finding.kind:<6} {finding.what}")
    others = len(evidence.unknown)
    if others:
        say(
            f"{'note':<6} {_number(others, 'other file')}, such as messages: no signature, key or"
            " ledger"
        )
    looked = (
        f"{_number(verdict.signatures, 'signature')} ({verdict.verified} verified), "
        f"{_number(verdict.keys, 'public key')}, {_number(verdict.rows, 'row')} of ledgers"
    )
    word = "NOT CLEAN" if verdict.wrong else "clean" if verdict.complete else "INCOMPLETE"
    say(f"{word}: {looked}")


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _pair(text: str) -> tuple[Path, Path]:
    """SIGNATURE=MESSAGE on the command line. Raises ValueError."""
    signature, _, message = text.partition("=")
    if not signature or not message:
        raise ValueError(f"--message takes SIGNATURE=MESSAGE, two files, not {text!r}")
    for name in (signature, message):
        if not Path(name).is_file():
            raise ValueError(
                f"{name}: {'not a file' if Path(name).exists() else 'No such file'}, in --message"
                f" {text}"
            )
    return Path(signature), Path(message)


def _complain(word: str, reason: object, code: int) -> int:
    say(f"seemachine {word}: {reason}", file=sys.stderr)
    return code
