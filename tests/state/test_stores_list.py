"""state/nvram/stores.py: each way to keep an NVRAM is listed once, and opened from there."""

import pytest

from seemachine.state.errors import StateUnsafe
from seemachine.state.nvram.store import KEEP
from seemachine.state.nvram.stores import (
    FILE,
    KINDS,
    MEMORY,
    SQLITE,
    STORES,
    kept_in,
    kind_in,
    refuse_others,
)
from seemachine.state.witness.absent import NoWitness

DURABLE = [kind for kind in KINDS if kind.durable]


@pytest.mark.parametrize("kind", KINDS, ids=list(STORES))
def test_a_store_keeps_what_the_list_says(kind, tmp_path):
    """Opened, it is there; one that keeps nothing leaves nothing."""
    kind.open(tmp_path, NoWitness(), KEEP).close()
    assert kept_in(tmp_path) == ([kind] if kind.durable else [])
    assert kind_in(tmp_path) is (kind if kind.durable else None)
    assert [path.name for path in tmp_path.iterdir() if path.name == kind.path] == [
        kind.path
    ] * kind.durable


@pytest.mark.parametrize("other", DURABLE)
def test_the_files_of_another_store_are_refused(other, tmp_path):
    """With the store that has them; a store that keeps nothing hides no leaf for long."""
    other.open(tmp_path, NoWitness(), KEEP).close()
    for kind in DURABLE:
        if kind is not other:
            with pytest.raises(StateUnsafe, match=f"use --store {other.name}, or its leaves"):
                refuse_others(kind, tmp_path, "7852-268D-3BF9")
    refuse_others(other, tmp_path, "7852-268D-3BF9")
    refuse_others(MEMORY, tmp_path, "7852-268D-3BF9")


def test_two_nvrams_are_nobodys(tmp_path):
    """Which of them counts is for a person to say."""
    for kind in (SQLITE, FILE):
        kind.open(tmp_path, NoWitness(), KEEP).close()
    with pytest.raises(StateUnsafe, match=r"has two NVRAMs, nvram\.db and nvram; move away"):
        kind_in(tmp_path)
