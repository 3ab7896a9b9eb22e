"""Two threads at one record of a witness: wherever the first is stopped, all that was noted is
found again, durable after the next beat, and nothing looks damaged.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from kit.interleaving import Interleaving, TellingLock, everywhere
from kit.leases import name
from kit.stores import quick_folder

from seemachine.state.witness import record_file
from seemachine.state.witness.record_file import WitnessFile

BOOT = b"one boot"
OPERATIONS: dict[str, Callable[[WitnessFile], object]] = {
    "note": lambda file: file.note(name(1), 0, 5),
    "note more": lambda file: file.note(name(1), 0, 7),
    "note another": lambda file: file.note(name(2), 8, 9),
    "renew": lambda file: file.renew({"opening": b"second"}),
    "renew if changed": lambda file: file.renew_if_changed(),
}
FOLLOWING = {"note": (1, 0, 5), "note more": (1, 0, 7), "note another": (2, 8, 9)}


def opened(path: Path, race: Interleaving) -> WitnessFile:
    """A record that knows of one lease, and tells who waits for its locks."""
    file = WitnessFile(path, BOOT)
    file.renew({"opening": b"first"})
    file.note(name(1), 0, 3)
    file._lock = TellingLock(race)  # type: ignore[assignment]
    file._renewing = TellingLock(race)  # type: ignore[assignment]
    return file


@pytest.mark.parametrize("first", OPERATIONS)
@pytest.mark.parametrize("second", OPERATIONS)
def test_two_at_once(first: str, second: str) -> None:
    """Each note counts, in memory and in the file."""
    known = {1: {0: 3}, 2: {}}
    for operation in (first, second):
        if operation in FOLLOWING:
            key, lease, following = FOLLOWING[operation]
            known[key][lease] = max(following, known[key].get(lease, 0))
    with quick_folder() as folder:
        for number, race in zip(count(), everywhere(record_file), strict=False):
            path = folder / f"record {number}"
            file = opened(path, race)
            given = race.run(partial(OPERATIONS[first], file), partial(OPERATIONS[second], file))
            if given is None:
                file.close()
                break
            assert given == (None, None), race.where
            assert {key: file.noted(name(key)) for key in (1, 2)} == known, race.where
            # No note is left out by the next beat.
            file.renew_if_changed()
            assert file._places == {}, race.where
            file.close()
            found = WitnessFile(path, BOOT)
            assert found.fault == "", race.where
            assert {key: found.noted(name(key)) for key in (1, 2)} == known, race.where
            found.close()
        assert number > 5


CLOSED = {"renew": "close", "close": "renew", "renew if changed": "close"}


@pytest.mark.parametrize("first", CLOSED)
def test_closed_while_it_is_renewed(first: str) -> None:
    """Whichever comes first: the file is whole, and each descriptor is closed once."""
    operations = {**OPERATIONS, "close": lambda file: file.close()}
    with quick_folder() as folder:
        for number, race in zip(count(), everywhere(record_file), strict=False):
            path, before = folder / f"record {number}", descriptors()
            file = opened(path, race)
            given = race.run(
                partial(operations[first], file), partial(operations[CLOSED[first]], file)
            )
            file.close()
            assert given in (None, (None, None)), race.where
            assert descriptors() == before, race.where
            found = WitnessFile(path, BOOT)
            assert (found.fault, found.noted(name(1))) == ("", {0: 3}), race.where
            found.close()
            if given is None:
                break
        assert number > 1


def test_a_look_while_more_is_noted() -> None:
    """It finds the lease of before, and the new one or not."""
    with quick_folder() as folder:
        for number, race in zip(count(), everywhere(record_file, repeats=3), strict=False):
            file = opened(folder / f"record {number}", race)
            file.note(name(2), 0, 1)
            given = race.run(partial(file.noted, name(1)), partial(file.note, name(1), 8, 9))
            file.close()
            if given is None:
                break
            assert given in (({0: 3}, None), ({0: 3, 8: 9}, None)), race.where
        assert number > 1


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
