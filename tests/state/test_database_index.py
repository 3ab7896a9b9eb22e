"""Damage to nvram.db that hides a row from those who look it up, while all rows that are read are
in order.
"""

import re

import pytest
from kit.flips import flipped
from kit.leases import lease, name
from kit.stores import SQLITE, quick_folder

from seemachine.state.errors import LeaseSpent, StateCorrupt

PAGE = 4096


def emptied(folder):
    """A database that remembers one lease and holds none. Returns the path of its file."""
    store = SQLITE.open(folder)
    store.install(lease(1))
    store.delete(name(1))
    store.close()
    return folder / "nvram.db"


def places(whole):
    """The bytes around each mention of the lease's key, and those at the head of each page but the
    first.
    """
    mentions = [found.start() for found in re.finditer(re.escape(lease(1).public_key), whole)]
    assert len(mentions) >= 2  # the table and its index
    return [at for start in mentions for at in range(start - 8, start + 60)] + [
        page + offset for page in range(PAGE, len(whole), PAGE) for offset in range(12)
    ]


def install_again(folder):
    """Install the spent lease."""
    store = SQLITE.open(folder)
    try:
        store.install(lease(1))
    finally:
        store.close()


@pytest.mark.parametrize("bit", [0, 1, 7])
def test_no_flipped_bit_makes_a_lease_installable_again(bit):
    """One flipped bit anywhere near what is remembered: the database is refused, or the lease is
    still spent.
    """
    with quick_folder() as folder:
        path = emptied(folder)
        whole = path.read_bytes()
        for at in places(whole):
            path.write_bytes(flipped(whole, 8 * at + bit))
            with pytest.raises((StateCorrupt, LeaseSpent)):
                install_again(folder)
