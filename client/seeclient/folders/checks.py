"""What is looked at before the first leaf is taken for the files of a folder."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from seeclient import operations
from seeclient.blocking_runner import Runner
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
    others = of_no_other_key(fleet.roster.keys, key, places)
    if partial:
        return (others,)
    return others, enough_leaves(fleet, key, acknowledged=acknowledged)


def enough_leaves(fleet: Runner, key: KeyFile, *, acknowledged: bool) -> Check:
    """Who mistyped the name of a folder does not use up the key, and one run is not signed in part,
    and refused in part. Where there are no leaves at all, or none can be taken without a reason, or
    nobody answers, the refusal to sign says why.
    """

    def check(names: Sequence[str]) -> None:
        left = None
        with contextlib.suppress(StatusError):
            left = fleet.run(operations.leaves(fleet.roster, key))
        if left is None:
            return
        if 0 < left.held < len(names):
            raise _too_few(key, left.held, len(names))
        if not acknowledged and 0 < left.free < len(names):
            raise _below_threshold(key, left.free, len(names))

    return check


def _too_few(key: KeyFile, held: int, files: int) -> StatusError:
    leaves = f"the HSMs that answer hold {held} leaves of {key.alias}"
    how = "nothing was signed; partial=yes signs as many as there are"
    return StatusError(Status.NotAvailable, f"{files} files to sign, and {leaves}; {how}", WHERE)


def _below_threshold(key: KeyFile, free: int, files: int) -> StatusError:
    need = "leaf of {} needs" if free == 1 else "leaves of {} need"
    leaves = f"{free} {need.format(key.alias)} no acknowledgement"
    how = "give acknowledge=REASON; partial=yes signs as many as need none"
    detail = f"{files} files to sign, and {leaves}; nothing was signed; {how}"
    return StatusError(Status.UseLimitExceeded, detail, WHERE)


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
