"""`seemachine audit` and `seemachine ledger`: reading the evidence, and saying what it proves."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seeclient import blocking
from seeclient.effects import Ask, Peer, Story

from seemachine.audit.evidence import gather, handed_from
from seemachine.audit.judge import Verdict, judge
from seemachine.wire.messages import MAX_LEDGER_PAGE, LedgerEntry, LedgerPage, ReadLedger
from seemachine.wire.status import StatusError
from seemachine.wire.world import HOME_VARIABLE, home

NOTHING = "nothing to look at; name files or folders with signatures, keys and ledgers, or add --fleet for the machines that are up"


def audit(options: argparse.Namespace) -> int:
    """Judge files, and with --fleet the ledgers of all machines. Exit code 0: clean; 1: a leaf used twice or a bad signature; 2: usage."""
    if not options.files and not options.fleet:
        return _complain(NOTHING, 2)
    try:
        evidence = gather(options.files, dict(options.message))
        if options.fleet:
            evidence.handed += [handed_from(row, "fleet") for row in _rows_of_fleet(options)]
    except (OSError, StatusError) as error:
        return _complain(error.detail if isinstance(error, StatusError) else error, 2)
    verdict = judge(evidence)
    if options.json:
        print(json.dumps({"clean": verdict.clean, **asdict(verdict)}, indent=2))
    else:
        _print(verdict, evidence.unknown)
    return 0 if verdict.clean else 1


def ledger(options: argparse.Namespace) -> int:
    """Print the ledgers of the machines that are up."""
    try:
        for row in _rows_of_fleet(options):
            print(json.dumps(row) if options.json else _line(row))
    except StatusError as error:
        return _complain(error.detail, 1)
    return 0


def _rows_of_fleet(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows in their JSON form. A machine that can't be asked is an error: its leaves would be missing from the picture."""
    os.environ[HOME_VARIABLE] = str(home(options.home))
    esn = getattr(options, "esn", None)
    with blocking.open_fleet() as fleet:
        if fleet.roster.failures:
            raise fleet.roster.failures[0]
        for peer in fleet.roster.peers:
            if esn in (None, peer.esn):
                yield from rows_of(fleet, peer)


def rows_of(fleet: blocking.Fleet, peer: Peer) -> Iterator[dict[str, Any]]:
    """The whole ledger of one machine, in JSON form."""
    after = 0
    while True:
        entries = fleet.run(_page(peer, after))
        yield from (_as_json(peer, entry) for entry in entries)
        if len(entries) < MAX_LEDGER_PAGE:
            return
        after = entries[-1].row


def _page(peer: Peer, after: int) -> Story[list[LedgerEntry]]:
    page: LedgerPage = yield Ask(peer, ReadLedger(after=after, most=MAX_LEDGER_PAGE))
    return page.entries


def _as_json(peer: Peer, entry: LedgerEntry) -> dict[str, Any]:
    return {
        "esn": peer.esn,
        "nvram": peer.greeting.nvram.hex(),
        "row": entry.row,
        "file": entry.file.hex(),
        "leaf": entry.leaf,
        "digest": entry.digest.hex(),
        "token": entry.token.hex(),
        "client": entry.client,
        "time": entry.time,
    }


def _line(row: dict[str, Any]) -> str:
    kinds = {"6d": "sha256", "71": "Q"}
    file, digest = bytes.fromhex(row["file"]).hex(":", -4), row["digest"]
    bound = f"{kinds.get(digest[:2], '?')} {digest[2:18]}" if len(digest) > 2 else "Q awaited"
    return f"{row['esn']}  {row['row']:>6}  {file}  leaf {row['leaf']:<8} {bound:<24} {row['client']}"


def _print(verdict: Verdict, unknown: list[str]) -> None:
    for finding in verdict.findings:
        print(f"{finding.kind:<6} {finding.what}")
    if unknown:
        print(f"note   {len(unknown)} files are neither signatures, keys nor ledgers")
    looked = f"{verdict.signatures} signatures, {verdict.verified} of them verified, {verdict.keys} keys, {verdict.rows} rows of ledgers"
    print(f"{'clean' if verdict.clean else 'NOT CLEAN'}: {looked}")


def pair(text: str) -> tuple[Path, Path]:
    """SIGNATURE=MESSAGE on the command line."""
    signature, equals, message = text.partition("=")
    if not equals or not Path(message).is_file():
        raise argparse.ArgumentTypeError(f"takes SIGNATURE=MESSAGE, two files, not {text!r}")
    return Path(signature), Path(message)


def _complain(reason: object, code: int) -> int:
    print(f"seemachine: {reason}", file=sys.stderr)
    return code
