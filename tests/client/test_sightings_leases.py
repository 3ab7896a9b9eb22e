"""Which leases of a key are used up, as far as this host has seen; and files that a child of its
process does not share.
"""

import os
import warnings
from dataclasses import replace

from kit.here import memory
from kit.stories import a_key_file
from seeclient import memory_files
from seeclient.sightings import Sightings

from seemachine.testing import ESN, OTHER_ESN

# Four leases of eight leaves.
KEY = replace(a_key_file(), expcards=1, explease=1)
OTHER_KEY = replace(KEY, public_key=KEY.public_key[:24].ljust(len(KEY.public_key)))


def see(leaf: int, esn: str = ESN) -> None:
    """A signature with this leaf."""
    memory().check(esn, KEY, memory().recall(esn, KEY), leaf)


def test_a_lease_whose_last_leaf_was_seen_is_used_up() -> None:
    """On whichever machine, and no other lease."""
    for leaf, esn in ((7, ESN), (14, ESN), (16, OTHER_ESN), (31, OTHER_ESN)):
        see(leaf, esn)
    assert memory().used_up(KEY) == {0, 3}
    assert memory().used_up(OTHER_KEY) == set()


def test_without_a_memory_none_is_used_up() -> None:
    """Nothing was seen."""
    assert Sightings(None).used_up(KEY) == set()


def closed(descriptor: int) -> bool:
    """Whether a descriptor leads to no file."""
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def test_a_child_has_none_of_the_files() -> None:
    """By its parent's it would hold its parent's locks: both would have them at once."""
    see(3)
    taken = dict(memory_files._files)
    numbers = [file.descriptor for file in taken.values()]
    assert numbers
    with warnings.catch_warnings():
        # Of Python 3.12 on, where threads run: the child does not come near their locks.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os._exit(0 if not memory_files._files and all(map(closed, numbers)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert memory_files._files == taken
    see(4)
