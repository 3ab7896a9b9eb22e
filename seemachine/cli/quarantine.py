"""`seemachine quarantine ...`: what may have been used elsewhere, and what a person decides about
it.

The machines must be up.
"""

import argparse
from collections.abc import Callable
from typing import Any

from seeclient import blocking, dispatch, environment

from seemachine.cli.answer import Answer
from seemachine.cli.refusals import refused
from seemachine.fleet import deciding
from seemachine.fleet.suspects import name_of, suspects_told
from seemachine.wire.messages import Suspect
from seemachine.wire.status import StatusError

NOBODY = "no machine is up; start some with: seemachine fleet up"
EXPLANATION = """\
A leaf that signs two messages gives its key away. What is listed here may have been used by
somebody else who has a copy, so nothing is signed with it. What may have happened: the state folder
was copied and both are used; a backup or a snapshot was put back; the folder moved to another disk;
its file was damaged; the witness folder was lost. Find out which, then decide for each:

  seemachine quarantine burn NAME --esn ESN
      Destroy it. This is always safe.
  seemachine quarantine skip NAME --esn ESN --to LEAF
      Resume at LEAF. Use only if you are certain that nobody else uses the lease any more and that
      neither LEAF nor any later leaf was used; the ledger of the other machine tells.

A half-made key is destroyed already, because its seeds may be on cards of the other machine; burn
takes it off the list.

Clients remember machines and leaves, too, in seen/ of their world folder. They release no signature
of a machine that seems to have gone back, even if it noticed nothing and has nothing in quarantine.
Stop for good whatever is not the original. Make a machine that was put back doubt itself: stop it,
delete witness/ESN.record of its world folder, and start it. Everything in it is then in quarantine:
burn it, or skip to the leaf after the last one that was used. Then, on each host that refuses the
machine:

  seemachine quarantine accept --esn ESN
      Remember it as it is now. Refused while anything of it is in quarantine, or while a leaf that
      this host saw would come again.
"""


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing.

    Returns the exit code; `list` gives 1 when something is in quarantine or doubted, or not all
    could be asked.
    """
    answer: Answer = options.answer
    try:
        told = environment.from_process(options.environ, options.world)
        with blocking.connected(told, doubted=True) as fleet:
            for complaint in (*fleet.roster.failures, *_alarms(fleet)):
                answer.note(complaint.detail)
            return VERBS[verb](fleet, options, answer)
    except StatusError as error:
        raise refused(_unnamed(error)) from None


def _unnamed(error: StatusError) -> StatusError:
    """Without the name of the request, which nobody typed."""
    if error.where == deciding.WHERE:
        return error
    return StatusError(error.status, error.sentence, error.where)


def _alarms(fleet: blocking.Fleet) -> list[StatusError]:
    """What this host's memory has against machines."""
    return [peer.doubt for peer in fleet.roster.peers if peer.doubt is not None]


def _list(fleet: blocking.Fleet, _options: argparse.Namespace, answer: Answer) -> int:
    away = len(fleet.roster.failures)
    found = fleet.run(suspects_told(fleet.roster))
    for failure in fleet.roster.failures[away:]:
        answer.note(failure.detail)
    answer.give(**_document(fleet, found))
    if fleet.roster.peers:
        last = _print(fleet, found, answer)
        quiet = not (found or fleet.roster.failures or _alarms(fleet))
        return 0 if quiet else answer.found(last)
    if len(fleet.roster.failures) == away:
        answer.note(NOBODY)
    return answer.found(NOBODY)


def _print(fleet: blocking.Fleet, found: list[tuple[str, Suspect]], answer: Answer) -> str:
    """Returns what it comes to."""
    known = fleet.roster.keys.known()
    for esn, suspect in found:
        what = (
            f"leaf {suspect.next} of leaves {suspect.first} to {suspect.end - 1}"
            if suspect.file
            else "half-made key"
        )
        alias = known.get(suspect.file, "-")
        answer.say(f"{esn}  {name_of(suspect):<25} {alias:<10} {what:<27} {suspect.reason}")
    silent = ", ".join(_silent(fleet))
    if silent:
        asked = ", ".join(peer.esn for peer in fleet.roster.peers)
        answer.say(f"{'' if found else f'nothing on {asked}; '}{silent} did not answer")
    elif not found:
        answer.say("nothing is in quarantine")
    if found:
        return f"{len(found)} in quarantine; see: seemachine quarantine explain"
    return f"{silent} did not answer" if silent else "this host doubts a machine"


def _silent(fleet: blocking.Fleet) -> list[str]:
    """Machines that should be there and are not, by ESN where that is known."""
    there = {peer.address for peer in fleet.roster.peers}
    return [
        address.esn or str(address)
        for address in fleet.environment.addresses()
        if address not in there
    ]


def _explain(fleet: blocking.Fleet, options: argparse.Namespace, answer: Answer) -> int:
    code = _list(fleet, options, answer)
    answer.give(explanation=EXPLANATION)
    answer.say("", *EXPLANATION.splitlines(), sep="\n")
    return code


def _burn(fleet: blocking.Fleet, options: argparse.Namespace, answer: Answer) -> int:
    esn, name = options.esn, options.name
    lost = fleet.run(deciding.burn(fleet.roster, esn, name))
    answer.give(esn=esn, name=name, lost=lost)
    answer.say(f"{name} of {esn} is gone" + (f", with {lost} leaves" if lost else ""))
    return 0


def _skip(fleet: blocking.Fleet, options: argparse.Namespace, answer: Answer) -> int:
    esn, name, leaf = options.esn, options.name, options.to
    file = deciding.file_named(fleet.roster.keys, name)
    remaining = fleet.run(deciding.skip(fleet.roster, esn, file, leaf))
    answer.give(esn=esn, name=name, leaf=leaf, remaining=remaining)
    answer.say(f"{name} of {esn} resumes at leaf {leaf}; {remaining} leaves are left")
    return 0


def _accept(fleet: blocking.Fleet, options: argparse.Namespace, answer: Answer) -> int:
    esn = options.esn
    peer = dispatch.machine(fleet.roster, esn)
    fleet.roster.sightings.accept(peer.greeting, fleet.run(deciding.files_in_order(peer)))
    answer.give(esn=esn)
    answer.say(f"{esn} is remembered as it is now; the leaves that this host saw stay remembered")
    return 0


def _document(fleet: blocking.Fleet, found: list[tuple[str, Suspect]]) -> dict[str, Any]:
    known = fleet.roster.keys.known()
    return {
        "quarantine": [_as_json(esn, suspect, known.get(suspect.file)) for esn, suspect in found],
        "unreachable": [failure.detail for failure in fleet.roster.failures],
        "alarms": [alarm.detail for alarm in _alarms(fleet)],
    }


def _as_json(esn: str, suspect: Suspect, alias: str | None) -> dict[str, Any]:
    leaves = (
        {"alias": alias, "first": suspect.first, "next": suspect.next, "end": suspect.end}
        if suspect.file
        else {}
    )
    return {
        "esn": esn,
        "name": name_of(suspect),
        "kind": "file" if suspect.file else "half-made key",
        **leaves,
        "reason": suspect.reason,
    }


VERBS: dict[str, Callable[[blocking.Fleet, argparse.Namespace, Answer], int]] = {
    "list": _list,
    "explain": _explain,
    "burn": _burn,
    "skip": _skip,
    "accept": _accept,
}
