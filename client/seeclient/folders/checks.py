"""What is looked at before the first leaf is taken for the files of a folder."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from seeclient import dispatch, operations
from seeclient.blocking_runner import Runner
from seeclient.effects import Roster, Story
from seeclient.folders.names import WHERE
from seeclient.folders.places import Places
from seeclient.keyfile import KeyFile
from seeclient.keys import KeyStore
from seemachine.wire.status import Status, StatusError

# Called with the names of the files for which nobody was asked yet. Raises StatusError.
Check = Callable[[Sequence[str]], None]
# Where an alias was mistyped, the first signature tells; to check all takes long.
LOOKED_AT = 4


def before_leaves(
    fleet: Runner, key: KeyFile, places: Places, *, partial: bool, acknowledged: bool
) -> Sequence[Check]:
    """`partial`: as many are to be signed as can be; `acknowledged`: there is a reason to go below
    a threshold.
    """
    checks = [of_no_other_key(fleet.roster.keys, key, places)]
    if not partial:
        checks.append(enough_leaves(fleet, key))
        if not acknowledged:
            checks.append(above_thresholds(fleet, key))
    return checks


def enough_leaves(fleet: Runner, key: KeyFile) -> Check:
    """Who mistyped the name of a folder does not use up the key. Where there are no leaves at all,
    or nobody answers, the refusal to sign says why.
    """

    def check(names: Sequence[str]) -> None:
        held = None
        with contextlib.suppress(StatusError):
            held = fleet.run(operations.leaves(fleet.roster, key))
        if held and held < len(names):
            leaves = f"the HSMs that answer hold {held} leaves of {key.alias}"
            how = "nothing was signed; partial=yes signs as many as there are"
            detail = f"{len(names)} files to sign, and {leaves}; {how}"
            raise StatusError(Status.NotAvailable, detail, WHERE)

    return check


def above_thresholds(fleet: Runner, key: KeyFile) -> Check:
    """One run is not signed in part, and refused in part. Where no leaf can be taken without a
    reason, or nobody answers, the refusal to sign says why.
    """

    def check(names: Sequence[str]) -> None:
        free = None
        with contextlib.suppress(StatusError):
            free = fleet.run(free_of_reasons(fleet.roster, key, len(names)))
        if free:
            need = "leaf of {} needs" if free == 1 else "leaves of {} need"
            leaves = f"{free} {need.format(key.alias)} no acknowledgement"
            how = "give acknowledge=REASON; partial=yes signs as many as need none"
            detail = f"{len(names)} files to sign, and {leaves}; nothing was signed; {how}"
            raise StatusError(Status.UseLimitExceeded, detail, WHERE)

    return check


def free_of_reasons(roster: Roster, key: KeyFile, count: int) -> Story[int | None]:
    """How many signatures the machines that answer make without an acknowledgement, where they can
    make `count`, but not all of them without one; None otherwise. Raises StatusError.
    """
    held = yield from operations.leaves(roster, key)
    if held is None or held < count:
        return None
    files = yield from dispatch.holders(roster, key.name)
    given = [file for _, file in files if not file.quarantined and not file.foreign]
    free = sum(max(0, file.remaining - file.warnat) for file in given)
    return free if free < count else None


def of_no_other_key(keys: KeyStore, key: KeyFile, places: Places) -> Check:
    """Good signatures of another key, which may have taken leaves, are not replaced."""

    def check(names: Sequence[str]) -> None:
        from seeclient.verifying import verify_many

        there = ((name, places.earlier_signature(name)) for name in names)
        found = list(islice(((name, made) for name, made in there if made), LOOKED_AT))
        for other in _others(keys, key) if found else ():
            items = ((other.public_key, places.message(name), made) for name, made in found)
            for (name, _), why in zip(found, verify_many(items), strict=True):
                if why is None:
                    _refuse_to_replace(places, name, other)

    return check


def _others(keys: KeyStore, key: KeyFile) -> Iterator[KeyFile]:
    """The other keys of this host, as far as they can be read."""
    for alias in keys.aliases():
        with contextlib.suppress(StatusError):
            other = keys.load(alias)
            if other.public_key != key.public_key:
                yield other


def _refuse_to_replace(places: Places, name: str, other: KeyFile) -> None:
    what = f"{places.signature(name)} is a good signature of {other.alias}"
    how = "choose another folder for sigdir=, or remove it"
    raise StatusError(Status.InvalidParameter, f"{what}; {how}", WHERE)
