"""`pipsqueak list`, `showinfo`, `threshold` and `provision`: what is done with keys that were made.

Each returns the exit code.
"""

from seeclient import advice, operations
from seeclient.arguments import Arguments
from seeclient.blocking import Fleet
from seeclient.output import Output
from seemachine.wire.status import StatusError


def list_keys(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Print the alias and algorithm of each key of this host."""
    del arguments
    try:
        output.listing(fleet.roster.keys.listing())
        output.advise(fleet.roster.keys.missing())
    except StatusError as error:
        output.refused(error, "list failed")
        return 1
    return 0


def showinfo(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Print what is known of a key, and what machines have left of it."""
    try:
        info = fleet.run(operations.info(fleet.roster, fleet.roster.load(arguments.texts["alias"])))
        output.info(info.without_thresholds() if arguments.quirks else info)
    except StatusError as error:
        output.refused(error, "showinfo failed")
        output.advise(advice.showing_refused(arguments.texts["alias"], error))
        return 1
    return 0


def threshold(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Set how many of the last signatures of a key need an acknowledgement."""
    try:
        key = fleet.roster.load(arguments.texts["alias"])
        count = arguments.numbers["warnat"]
        warned = fleet.run(operations.warn_at(fleet.roster, key, count))
        output.outcome = "the threshold was set"
        output.threshold(warned, count)
    except StatusError as error:
        output.refused(error, "threshold not set")
        return 1
    return 0


def provision(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    """Move the next lease of a card into the NVRAM of its machine."""
    esn, slot = arguments.texts["provesn"], arguments.numbers["slot"]
    output.provisioning(esn, slot)
    try:
        moved = fleet.provision(esn, slot)
        output.outcome = "the lease was moved"
        output.provisioned(moved)
        if moved.threshold_refusal is not None:
            output.note(moved.threshold_refusal)
    except StatusError as error:
        output.refused(error, "provisionLMS command failed")
        output.advise(advice.provisioning_refused(error))
        return 1
    return 0
