"""Real worlds and seeded ones, whose keys anybody can make again: no key of the one is used in the
other.
"""

from collections.abc import Iterable

from seemachine.chance.mark import other_kind
from seemachine.formats import OtherVersion
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

WHERE = "pqsdk_seeded_world"


def seed_of(world: World) -> str | None:
    """That of a seeded world; empty of a real one. None where the folder has no machines, so that
    only those that answer can tell. Raises StatusError for a seed file that can't be read.
    """
    if not world.seed_file.exists():
        return "" if world.machines.is_dir() else None
    from seemachine.chance import seed_file

    try:
        found = seed_file.read(world)
    except (OtherVersion, seed_file.SeedFileError, OSError) as error:
        raise StatusError(Status.Malformed, str(error), WHERE) from None
    return found.seed if found is not None else ""


def refuse_other(what: str, where: str, seed: str | None, *, marked: bool) -> None:
    """Raises StatusError (AccessDenied) for a key of another kind; `seed`: of the world."""
    if seed is not None and marked != bool(seed):
        raise StatusError(Status.AccessDenied, other_kind(what, where, marked=marked), WHERE)


def refuse_others(what: str, machines: Iterable[tuple[str, str]], *, marked: bool) -> None:
    """The same where machines, each with its ESN and seed, are of the other kind."""
    for esn, seed in machines:
        refuse_other(what, f"that of {esn}", seed, marked=marked)
