"""What a person may want to know besides the guide's lines: on standard error alone, and some of it
at a terminal alone.
"""

import sys

from seeclient.effects import Roster
from seeclient.environment import FLEET_VARIABLE, Environment
from seeclient.refusals import Unavailable
from seemachine.printing import say
from seemachine.wire.status import Status, StatusError
from seemachine.world import World


def nobody_answers(roster: Roster, environment: Environment) -> str:
    """What to do about a banner without HSMs; nothing when it has some."""
    if roster.peers:
        return ""
    if environment.fleet is not None:
        return f"no HSM of ${FLEET_VARIABLE} answers"
    running = _running(environment.world)
    if running:
        how = (
            "if it is enrolled, publish it with bootstrap.py or hsc_loadseemachine; a fleet that is"
            " up publishes its own"
        )
        return f"no published HSM answers, though {', '.join(running)} runs; {how}"
    return "no HSM answers; start some with: seemachine fleet up --detach"


def showing_refused(alias: str, error: StatusError) -> str:
    """Keys in the making have no file on this host, and no list."""
    return (
        "If it is being made now, wait for its end; if its generation broke off, resume it with:"
        f" pipsqueak generate alias={alias} resume=yes"
        if error.status is Status.UnknownID
        else ""
    )


def provisioning_refused(error: StatusError) -> str:
    """A machine takes one lease of a key at a time."""
    return "Use those first, or provision another HSM" if error.status is Status.ObjectInUse else ""


def signing_refused(error: StatusError, *, document: bool = False) -> str:
    """What to type when few signatures are left; and at a terminal, or in a document, what the
    guide's line does not tell apart, when none can be made.
    """
    if isinstance(error, Unavailable):
        return error.advice if document or sys.stderr.isatty() else ""
    low = error.status is Status.UseLimitExceeded
    return 'To sign anyway, say why: acknowledge="REASON"' if low else ""


def give(sentence: str) -> None:
    """Say it, after what was said so far; nothing for an empty one."""
    if sentence:
        sys.stdout.flush()
        say(sentence, file=sys.stderr)


def _running(world: World) -> list[str]:
    """HSMs of this world that are up, published or not: a machine has its folder locked."""
    from seemachine.process.locked import is_locked

    folders = [path.parent for path in world.machines.glob("*/listening.json")]
    return sorted(folder.name for folder in folders if is_locked(folder))
