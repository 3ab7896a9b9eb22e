"""Signatures of leaves that are reserved: their chains by the engine, their paths from pages."""

from collections.abc import Sequence
from typing import NamedTuple

from seemachine.commands.pages import Neighbours, damaged, not_loaded, too_large
from seemachine.lms.lease import Lease
from seemachine.lms.parameters import ParameterError
from seemachine.machine import Machine
from seemachine.state.records import Reserved

# Of each message: its signature with its leaf, or why there is none.
Outcome = tuple[bytes, Reserved] | Exception


class Signing(NamedTuple):
    """A reserved leaf, the digest Q that it is for, and C if that was derived already."""

    lease: Lease
    reserved: Reserved
    digest: bytes
    randomizer: bytes | None = None


def outcomes(machine: Machine, signings: Sequence[Signing]) -> list[Outcome]:
    """Make the signatures, those of one parameter set in one call of the engine."""
    neighbours, chains = Neighbours(machine), _chains(machine, signings)
    return [
        _outcome(machine, neighbours, signing, made)
        for signing, made in zip(signings, chains, strict=True)
    ]


def _chains(machine: Machine, signings: Sequence[Signing]) -> list[bytes]:
    # There is one object for each set, and to compare them takes as long as to make a job.
    sets: dict[int, list[int]] = {}
    for index, signing in enumerate(signings):
        sets.setdefault(id(signing.lease.key.ots), []).append(index)
    made = [b""] * len(signings)
    for chosen in sets.values():
        ones = [signings[index] for index in chosen]
        jobs = [one.lease.job(one.reserved.leaf, one.digest) for one in ones]
        signed = machine.engine.sign(ones[0].lease.key.ots, jobs)
        for index, chains in zip(chosen, signed, strict=True):
            made[index] = chains
    return made


def _outcome(machine: Machine, neighbours: Neighbours, signing: Signing, chains: bytes) -> Outcome:
    lease, leaf = signing.lease, signing.reserved.leaf
    # Of a leaf that is handed out only now, the page was prepared.
    if signing.reserved.again and too_large(machine, lease, leaf):
        return not_loaded(lease.key.file_name)
    try:
        page = neighbours.page(lease, leaf)
    except ParameterError as error:
        return damaged(error)
    return lease.assemble(page, leaf, chains, signing.randomizer), signing.reserved
