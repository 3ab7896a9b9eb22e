"""`seemachine quarantine ...`: what may have been used elsewhere, and what a person decides about it. The machines must be up."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from seeclient import blocking, dispatch, keys
from seeclient.effects import Ask, Peer, Roster, Story

from seemachine.wire.messages import MAX_SUSPECTS, BurnQuarantined, ListQuarantine, QuarantineListing, SkipQuarantined, Suspect
from seemachine.wire.names import FILE_NAME_BYTES, printed_name
from seemachine.wire.status import Status, StatusError
from seemachine.wire.world import HOME_VARIABLE, home

WHERE = "quarantine"
EXPLANATION = """\
A leaf that signs two messages gives its key away. What is listed here may have been used by somebody else who has a copy, so nothing
is signed with it. What can have happened: the state folder was copied and both are used; a backup or a snapshot was put back; the folder
moved to another disk; its file was damaged; the witness folder was lost. Find out which, then decide for each:

  seemachine quarantine burn NAME --esn ESN            destroy it; always safe
  seemachine quarantine skip NAME --esn ESN --to LEAF  go on at LEAF, if you are sure that nobody else uses it any more and that
                                                       no leaf from LEAF on was ever used; the ledger of the other one tells
A half-made key is destroyed already, for its seeds may be on cards of the other; burn takes it off the list.
"""


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing. Returns the exit code; `list` gives 1 when something is in quarantine, or not every machine could be asked."""
    os.environ[HOME_VARIABLE] = str(home(options.home))
    try:
        with blocking.open_fleet() as fleet:
            for failure in fleet.roster.failures:
                print(f"seemachine quarantine: {failure.detail}", file=sys.stderr)
            return VERBS[verb](fleet, options)
    except StatusError as refused:
        print(f"seemachine quarantine: {refused.detail}", file=sys.stderr)
        return 1


def _list(fleet: blocking.Fleet, options: argparse.Namespace) -> int:
    found = fleet.run(suspects(fleet.roster))
    if options.json:
        unreachable = [failure.detail for failure in fleet.roster.failures]
        print(json.dumps({"quarantine": [_as_json(esn, suspect) for esn, suspect in found], "unreachable": unreachable}, indent=2))
    elif not fleet.roster.peers:
        print("no machine is up; start some with: seemachine fleet up")
    elif not found:
        print("nothing is in quarantine")
    for esn, suspect in found if not options.json else ():
        what = f"leaf {suspect.next} of {suspect.first}..{suspect.end}" if suspect.file else "half-made key"
        print(f"{esn}  {_name(suspect):<25} {what:<24} {suspect.reason}")
    return 0 if fleet.roster.peers and not found and not fleet.roster.failures else 1


def _explain(fleet: blocking.Fleet, options: argparse.Namespace) -> int:
    options.json = False
    code = _list(fleet, options)
    print()
    print(EXPLANATION, end="")
    return code


def _burn(fleet: blocking.Fleet, options: argparse.Namespace) -> int:
    lost = fleet.run(_burn_one(fleet.roster, options.esn, options.name))
    print(f"{options.name} of {options.esn} is gone" + (f", with {lost} leaves" if lost else ""))
    return 0


def _skip(fleet: blocking.Fleet, options: argparse.Namespace) -> int:
    remaining = fleet.run(_skip_one(fleet.roster, options.esn, _file(options.name), options.to))
    print(f"{options.name} of {options.esn} goes on at leaf {options.to}; {remaining} leaves are left")
    return 0


def suspects(roster: Roster) -> Story[list[tuple[str, Suspect]]]:
    """Everything in quarantine, with the machine that has it."""
    found = []
    for peer in roster.peers:
        found += [(peer.esn, suspect) for suspect in (yield from _suspects_of(peer))]
    return found


def _suspects_of(peer: Peer) -> Story[list[Suspect]]:
    found: list[Suspect] = []
    while True:
        listing: QuarantineListing = yield Ask(peer, ListQuarantine(after=len(found)))
        found += listing.suspects
        if len(listing.suspects) < MAX_SUSPECTS:
            return found


def _burn_one(roster: Roster, esn: str, name: str) -> Story[int]:
    peer = dispatch.machine(roster, esn)
    labels = [suspect.label for suspect in (yield from _suspects_of(peer)) if suspect.label]
    request = BurnQuarantined(file=b"", label=name) if name in labels else BurnQuarantined(file=_file(name), label="")
    burned = yield Ask(peer, request)
    lost: int = burned.lost
    return lost


def _skip_one(roster: Roster, esn: str, file: bytes, leaf: int) -> Story[int]:
    skipped = yield Ask(dispatch.machine(roster, esn), SkipQuarantined(file=file, leaf=leaf))
    remaining: int = skipped.remaining
    return remaining


def _file(name: str) -> bytes:
    """An NVRAM file by its printed name, or by the alias of its key on this host. Raises StatusError."""
    try:
        file = bytes.fromhex(name.replace(":", ""))
    except ValueError:
        return keys.load(name).name
    if len(file) != FILE_NAME_BYTES:
        raise StatusError(
            Status.InvalidParameter, f"{name} is neither an NVRAM file, such as 6c6d737d:62e3b195:7663b4, nor an alias", WHERE
        )
    return file


def _name(suspect: Suspect) -> str:
    return printed_name(suspect.file) if suspect.file else suspect.label


def _as_json(esn: str, suspect: Suspect) -> dict[str, Any]:
    leaves = {"first": suspect.first, "next": suspect.next, "end": suspect.end} if suspect.file else {}
    return {"esn": esn, "name": _name(suspect), "kind": "file" if suspect.file else "half-made key", **leaves, "reason": suspect.reason}


VERBS: dict[str, Callable[[blocking.Fleet, argparse.Namespace], int]] = {
    "list": _list,
    "explain": _explain,
    "burn": _burn,
    "skip": _skip,
}
