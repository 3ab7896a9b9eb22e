"""`seemachine audit` and `seemachine ledger`: reading the evidence, and saying what it proves."""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seeclient import blocking, dispatch, environment
from seeclient.keys import KeyStore

from seemachine.audit.evidence import Evidence
from seemachine.audit.gathering import gather
from seemachine.audit.judge import Verdict, judge
from seemachine.audit.rows import handed_from
from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.refusals import refused
from seemachine.fleet.ledgers import rows_of
from seemachine.printing import say
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


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one of them. Returns the exit code."""
    return VERBS[verb](options)


def audit(options: argparse.Namespace) -> int:
    """Judge files, and with --fleet the ledgers of all machines.

    Exit code 0: clean; 1: a leaf was used twice, or a signature is bad; 2: the command line is
    invalid, or something could not be read or verified.
    """
    answer: Answer = options.answer
    try:
        evidence = _evidence(options)
    except StatusError as error:
        raise refused(error, 2) from None
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}", 2) from None
    except ValueError as error:
        raise Refused(str(error), 2) from None
    verdict = judge(evidence, reuse_only=options.reuse_only)
    answer.give(clean=verdict.clean, complete=verdict.complete, **asdict(verdict))
    answer.give(unknown=evidence.unknown)
    last = _print(verdict, evidence, answer)
    if verdict.wrong:
        return answer.found(last)
    return 0 if verdict.complete else answer.found(last, 2)


def _evidence(options: argparse.Namespace) -> Evidence:
    """Raises StatusError, OSError, Misused."""
    messages = dict(_pair(text) for text in options.message)
    if not options.files and not messages and not options.fleet:
        raise Misused(NOTHING)
    # The public keys of this host belong to its machines.
    public = options.world.keys
    evidence = gather(
        [*options.files, *([public] if options.fleet and public.is_dir() else [])], messages
    )
    if options.fleet:
        evidence.handed += [handed_from(row, "fleet") for row in _rows_of_fleet(options, None)]
    elif not (evidence.signatures or evidence.handed or evidence.unread):
        raise Refused(EMPTY, 2)
    return evidence


def ledger(options: argparse.Namespace) -> int:
    """Print the ledgers of the machines that are up."""
    answer: Answer = options.answer
    if options.json and options.json_lines:
        raise Misused("--json and --json-lines: choose one")
    tell = _as_line if options.json_lines else _kept(answer) if options.json else _told(options)
    empty = True
    for row in _rows_of_fleet(options, options.esn):
        empty = False
        tell(row)
    if empty:
        answer.note("no leaf was handed out yet")
    return 0


def _as_line(row: dict[str, Any]) -> None:
    say(json.dumps(row))


def _kept(answer: Answer) -> Callable[[dict[str, Any]], None]:
    rows: list[dict[str, Any]] = []
    answer.give(rows=rows)
    return rows.append


def _told(options: argparse.Namespace) -> Callable[[dict[str, Any]], None]:
    keys = KeyStore(options.world.keys).known()
    known = {name.hex(): alias for name, alias in keys.items()}
    return lambda row: say(_line(row, known.get(row["file"], "-")))


def _rows_of_fleet(options: argparse.Namespace, esn: str | None) -> Iterator[dict[str, Any]]:
    """Rows in their JSON form.

    A machine that can't be asked is an error: its leaves would be missing from the picture.
    """
    told = environment.from_process(options.environ, options.world)
    with blocking.connected(told, doubted=True) as fleet:
        for alarm in (peer.doubt for peer in fleet.roster.peers if peer.doubt is not None):
            options.answer.note(alarm.detail)
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


def _print(verdict: Verdict, evidence: Evidence, answer: Answer) -> str:
    """Returns the last line, which has the verdict."""
    for finding in verdict.findings:
        answer.say(f"{finding.kind:<6} {finding.what}")
    others = len(evidence.unknown)
    if others:
        what = ", such as messages: no signature, key or ledger"
        answer.say(f"{'note':<6} {_number(others, 'other file')}{what}")
    looked = (
        f"{_number(verdict.signatures, 'signature')} ({verdict.verified} verified), "
        f"{_number(verdict.keys, 'public key')}, {_number(verdict.rows, 'row')} of ledgers"
    )
    word = "NOT CLEAN" if verdict.wrong else "clean" if verdict.complete else "INCOMPLETE"
    last = f"{word}: {looked}"
    answer.say(last)
    return last


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _pair(text: str) -> tuple[Path, Path]:
    """SIGNATURE=MESSAGE on the command line. Raises Misused."""
    signature, _, message = text.partition("=")
    if not signature or not message:
        raise Misused(f"--message takes SIGNATURE=MESSAGE, two files or two folders, not {text!r}")
    if Path(signature).is_dir() and Path(message).is_dir():
        return Path(signature), Path(message)
    for name in (signature, message):
        if not Path(name).is_file():
            raise Misused(
                f"{name}: {'not a file' if Path(name).exists() else 'No such file'}, in --message"
                f" {text}"
            )
    return Path(signature), Path(message)


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {"audit": audit, "ledger": ledger}
