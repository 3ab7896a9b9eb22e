"""Worlds that are saved and put back in every ordinary way: a sample of all combinations, each
guard by itself, and what is left.
"""

import random
import shutil

import pytest
from restores import scenes
from restores.guards import GUARDS
from restores.judge import Verdict
from restores.matrix import NO_RUNTIME, RUNTIME, Case, cases, run
from restores.mounts import MOUNTS, disk_image, may_mount
from restores.ways import WAYS

# Processes that are forked from one with threads; of these, none holds a lock that the machine
# takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)
SAMPLE = 60
BY_NAME = {way.name: way for way in WAYS}
needs_root = pytest.mark.skipif(not may_mount(), reason="mounts need root")


def sample():
    """Other combinations in each release, the same ones in each run of one."""
    here = [case for case in cases() if shutil.which(case.way.needs)]
    return random.Random(1).sample(here, SAMPLE)


@pytest.mark.parametrize("case", sample(), ids=str)
def test_no_leaf_twice(case):
    """Whatever was put back however and whenever, machines notice, or it does no harm."""
    outcome = run(case)
    assert outcome.leaves == []


def case(part, way, moment, store="sqlite", host=NO_RUNTIME):
    """A case by the name of its way."""
    return Case(part, BY_NAME[way], moment, store, host)


TAR, CAT, LINK = "tar, tar -xpf in place", "cp -a, cat file by file", "cp -al, cp -alf in place"
WITNESS_LINKED = "cp -a, witness by cp -al, mv file by file"
BOTH = "hsm and witness"
# For each guard a case that it alone notices; where several do, so that one may fail, the others
# are left out too.
EARNED = {
    "openings are compared": (case("hsm", TAR, scenes.saved_while_down), ["leaves are noted"]),
    "the folder of a machine is compared": (
        case("world", "cp -a, mv folders", scenes.beside),
        ["a record names its file"],
    ),
    "a record names its file": (case(BOTH, TAR, scenes.saved_while_down), []),
    "an old record is superseded": (case(BOTH, WITNESS_LINKED, scenes.saved_while_down), []),
    "a record is renewed at an orderly end": (case(BOTH, CAT, scenes.saved_while_up), []),
    "a record is renewed while leaves are taken": (case(BOTH, CAT, scenes.within_one_opening), []),
    "leaves are noted": (case("hsm", TAR, scenes.within_one_opening), []),
    "the runtime witness": (case(BOTH, CAT, scenes.within_one_beat, host=RUNTIME), []),
    "a lease is claimed on its host": (
        case("cards and witness", TAR, scenes.a_card_in_two_machines, host=RUNTIME),
        ["a card is the file that was written last"],
    ),
    "a card with two names is refused": (
        case("world", "cp -al, mv folders", scenes.a_card_in_two_worlds),
        ["a record of a card names its folder"],
    ),
    "a record of a card names its folder": (
        case("world", "cp -al, mv folders", scenes.a_card_in_two_worlds),
        ["a card with two names is refused"],
    ),
    "a card is the file that was written last": (
        case("cards and witness", TAR, scenes.a_card_in_two_machines),
        [],
    ),
    "a card has the content that was written last": (
        case("cards", CAT, scenes.a_card_in_two_machines),
        [],
    ),
}


def test_every_guard_has_its_case():
    """A new guard comes with a case that shows what it is for."""
    assert GUARDS.keys() == {*EARNED, "a record names its kind of file system", "birth times"}


@pytest.mark.parametrize("guard", EARNED)
def test_each_guard_earns_its_place(guard):
    """With it no leaf comes twice; without it one does."""
    case, others = EARNED[guard]
    assert run(case, *others).verdict is Verdict.NOTICED
    assert run(case, *others, guard).verdict is Verdict.REUSED


@needs_root
class TestMounts:
    """The same world under two paths, or on a disk that was put back."""

    @pytest.mark.parametrize("store", ["sqlite", "file"])
    @pytest.mark.parametrize("host", [RUNTIME, NO_RUNTIME])
    @pytest.mark.parametrize("way", MOUNTS, ids=lambda way: way.name)
    def test_no_leaf_twice(self, way, host, store):
        """An overlay is noticed; a bind mount is the world itself, and goes on."""
        outcome = run(Case("world", way, scenes.in_a_mount, store, host))
        assert outcome.verdict is (
            Verdict.HARMLESS if way.name == "bind mount" else Verdict.NOTICED
        )

    def test_the_kind_of_file_system_earns_its_place(self):
        """An overlay shows the inodes of the world below it; only some file systems tell that a
        file was made anew in it.
        """
        case = Case("world", MOUNTS[0], scenes.in_a_mount, "sqlite", NO_RUNTIME)
        others = ["the folder of a machine is compared", "birth times"]
        assert run(case, *others).verdict is Verdict.NOTICED
        assert (
            run(case, *others, "a record names its kind of file system").verdict is Verdict.REUSED
        )

    @pytest.mark.parametrize("store", ["sqlite", "file"])
    def test_an_image_of_the_disk(self, store):
        """While the host is up the runtime witness notices."""
        assert (
            run(Case("world", disk_image(), scenes.on_a_disk, store, RUNTIME)).verdict
            is Verdict.NOTICED
        )

    def test_what_is_left(self):
        """An image of the whole disk, on a host without a runtime witness and without any other:
        the machine can't know.
        """
        assert (
            run(Case("world", disk_image(), scenes.on_a_disk, "sqlite", NO_RUNTIME)).verdict
            is Verdict.REUSED
        )


def test_what_is_left_within_a_beat():
    """Content that is put back into the very files of the last two seconds before a loss of power,
    runtime folder and all.
    """
    known = case(BOTH, CAT, scenes.rebooted(scenes.within_one_beat), host=RUNTIME)
    assert run(known).verdict is Verdict.REUSED
