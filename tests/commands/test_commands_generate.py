"""generateLMS, continueLMS_cache_next, continueLMS_card_next: guide 2.7.1 and 2.7.2, and every way
in which they are refused.
"""

import errno
import os
from collections import Counter

import pytest
from kit.commands import (
    CHEAP,
    LEAVES,
    SETS,
    SLOT,
    ask,
    generate,
    hash_key,
    leaves_on,
    make_key_on_cards,
    refuse,
    sign,
)
from kit.faults import STEPS, break_at
from kit.signatures import MESSAGE
from kit.verdicts import verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands.making import MAX_GENERATIONS
from seemachine.lms.parameters import lmots, lms
from seemachine.machine import Session
from seemachine.state.cards import smartcard
from seemachine.state.disk import durable
from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram.file import FileStore
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status

UNKNOWN = bytes(16)


def step(handle):
    """The request for the next chunk."""
    return m.ContinueLms(handle=handle)


def card(handle, slot=SLOT):
    """The request for the next card."""
    return m.ContinueLmsCard(handle=handle, slot=slot)


class TestSingular:
    """A key of one lease, which stays where it was made."""

    def test_a_key_that_stays_has_no_cards(self, session):
        """Asked for one, the machine says so and leaves the blank card blank."""
        handle = ask(session, generate(SETS[0], label="stays", expchunk=3)).handle
        while ask(session, step(handle)).remaining > 1:
            pass
        pending = session.machine.making["stays"]
        ask(session, step(handle))
        session.generations[handle] = pending
        session.machine.making["stays"] = pending
        refused = refuse(session, card(handle))
        assert (refused.status, refused.detail) == (
            Status.InvalidParameter,
            "a singular key has no cards in continueLMS_card_next",
        )

    @pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
    def test_a_key_is_made_in_steps(self, session, names):
        """The guide's h5 key takes five steps; with the last one come the public key and no need of
        cards, and it is in NVRAM.
        """
        started = ask(session, generate(names))
        assert (started.remaining, started.expchunk) == (5, 3)
        for remaining in (4, 3, 2, 1):
            chunk = ask(session, step(started.handle))
            assert (chunk.remaining, chunk.cards, chunk.public_key) == (remaining, 0, None)
            assert ask(session, m.ListNvmemfiles()).files == []
        last = ask(session, step(started.handle))

        assert (last.remaining, last.cards) == (0, 0)
        assert last.public_key[:8] == lms(names[0]).typecode.to_bytes(4, "big") + lmots(
            names[1]
        ).typecode.to_bytes(4, "big")
        [info] = ask(session, m.ListNvmemfiles()).files
        assert (info.public_key, info.first, info.next, info.end) == (last.public_key, 0, 0, LEAVES)

    @pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
    def test_every_leaf_signs_once(self, session, names):
        """The guide's story to its end: each signature has the next leaf and verifies, the last one
        says 0 left, then the file is gone.
        """
        key = hash_key(session, names)
        signed = [ask(session, sign(key.file, b"%d" % number)) for number in range(LEAVES)]

        assert [each.leaf for each in signed] == list(range(LEAVES))
        assert [each.remaining for each in signed] == list(range(LEAVES - 1, -1, -1))
        assert all(
            verifies(key.public_key, each.signature, b"%d" % number)
            for number, each in enumerate(signed)
        )
        assert not verifies(key.public_key, signed[0].signature, b"another message")
        for request in (
            sign(key.file),
            m.NvmemfileReserve(file=key.file, token=new_token()),
            m.GetNvmemfileInfo(file=key.file),
        ):
            gone = refuse(session, request)
            assert gone.status is Status.NotAvailable
            assert (
                gone.detail == f"no NVRAM file {key.file.hex(':', -4)} on {ESN} in {request.NAME}"
            )
        assert ask(session, m.ListNvmemfiles()).files == []

    def test_a_finished_key_is_done_with(self, session):
        """After the last step the handle is unknown: there is nothing to go on with and nothing to
        write to a card.
        """
        key = hash_key(session)

        for request in (step(key.handle), card(key.handle)):
            assert refuse(session, request).status is Status.UnknownID
        assert session.generations == {}

    @pytest.mark.parametrize("error", [DiskFull, StateFailed])
    def test_a_failed_installation_ends_the_key(self, world, session, error, monkeypatch):
        """When NVRAM can't take the key its leaves may be there all the same, so the machine writes
        them nowhere else, on no card.
        """
        world.feed_blank()

        def fail(_lease):
            raise error("the disk: no")

        monkeypatch.setattr(session.machine.store, "_write_install", fail)
        started = ask(session, generate())
        for _ in range(started.remaining - 1):
            ask(session, step(started.handle))
        refused = refuse(session, step(started.handle))

        assert (refused.status, refused.detail) == (
            Status.OSErrorErrno,
            "the disk: no in continueLMS_cache_next",
        )
        for request in (step(started.handle), card(started.handle)):
            assert refuse(session, request).status is Status.UnknownID
        assert session.machine.slots.listing()[0].kind == "blank"

    def test_leaves_in_a_failing_file_store_are_nowhere_else(self, world, tmp_path, monkeypatch):
        """A key whose installation failed only in the last flush is in NVRAM after the restart, and
        no card of the rack has its leaves.
        """
        folder = tmp_path / "hsm" / ESN
        session = Session(world.machine(store=FileStore(folder)))
        world.feed_blank()
        started = ask(session, generate())
        for _ in range(started.remaining - 1):
            ask(session, step(started.handle))
        flushes = Counter()

        def last_one_fails(path):
            flushes[path] += 1
            if flushes[path] == 2:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(durable, "flush_folder", last_one_fails)
            assert refuse(session, step(started.handle)).status is Status.OSErrorErrno
        refuse(session, card(started.handle))

        store = FileStore(folder)
        assert len(store.names()) == 1
        assert [found.kind for found in world.rack.listing()] == ["blank"]


class TestRefusals:
    """Requests that no machine takes."""

    @pytest.mark.parametrize("code", [0, 4, 25, 0xFFFFFFFF])
    def test_an_unknown_tree(self, session, code):
        """A typecode that is not an LMS set is refused with the names of those that are."""
        refused = refuse(session, m.GenerateLms(lms=code, lmots=4, expcards=0, explease=0))

        assert refused.status is Status.InvalidParameter
        assert refused.detail.startswith(f"unknown LMS set {code}")
        assert "sha256_m32_h5" in refused.detail

    @pytest.mark.parametrize("code", [0, 17, 0xFFFFFFFF])
    def test_an_unknown_one_time_set(self, session, code):
        """A typecode that is not an LM-OTS set is refused with the names of those that are."""
        refused = refuse(session, m.GenerateLms(lms=5, lmots=code, expcards=0, explease=0))

        assert refused.status is Status.InvalidParameter
        assert refused.detail.startswith(f"unknown LM-OTS set {code}")
        assert "sha256_n32_w8" in refused.detail

    @pytest.mark.parametrize(
        "names",
        [
            ("sha256_m32_h5", "sha256_n24_w4"),
            ("sha256_m32_h5", "shake_n32_w4"),
            ("shake_m24_h5", "sha256_n24_w4"),
        ],
    )
    def test_a_mixed_pair(self, session, names):
        """Sets of different hashes or lengths are refused with what would fit."""
        refused = refuse(session, generate(names))

        assert refused.status is Status.InvalidParameter
        hash_and_length = names[0].removesuffix("_h5").replace("_m", "_n")
        assert f"use lmotscode={hash_and_length}_w..." in refused.detail

    @pytest.mark.parametrize(
        ("tree", "exponents", "sentence"),
        [
            ("sha256_m24_h5", {"expcards": 9}, "expcards must be from 0 to 8"),
            ("sha256_m24_h25", {"explease": 13}, "explease must be from 0 to 12"),
            ("sha256_m24_h25", {"expcache": 16}, "expcache must be from 13 to 15"),
            ("sha256_m24_h25", {"expcache": 12}, "expcache must be from 13 to 15"),
            ("sha256_m24_h5", {"expcache": 6}, "expcache must be from 0 to 5"),
            ("sha256_m24_h5", {"expchunk": 6}, "expchunk must be from 0 to 5"),
            ("sha256_m24_h25", {"expchunk": 8}, "expchunk must be from 9 to"),
            ("sha256_m24_h15", {"expchunk": 15, "expcache": 15}, "expchunk must be from 0 to 14"),
        ],
    )
    def test_exponents_that_no_machine_takes(self, session, tree, exponents, sentence):
        """An exponent out of bounds is refused with its name and the bounds for this key, and
        nothing is begun.
        """
        refused = refuse(
            session, generate((tree, "sha256_n24_w8"), **{"expcards": 0, "explease": 0} | exponents)
        )

        assert refused.status is Status.InvalidParameter
        assert refused.detail.startswith(sentence)
        assert session.generations == {}

    def test_the_guides_sum_of_exponents(self, session):
        """Exponents 4 and 3 at height 5 are refused in the first continue with the guide's
        sentence, and the key is forgotten.
        """
        started = ask(session, generate(("sha256_m32_h5", "sha256_n32_w8"), 4, 3))
        refused = refuse(session, step(started.handle))

        assert refused.status is Status.InvalidParameter
        assert refused.where == "continueLMS_cache_next"
        sentence = (
            "private key tree height is less than the sum of card and lease exponents (5 < 4 + 3)"
            " in continueLMS_cache_next"
        )
        assert refused.detail == sentence
        assert str(refused) == f"InvalidParameter(24): {sentence}"
        assert refuse(session, step(started.handle)).status is Status.UnknownID
        assert session.generations == {}

    def test_as_many_exponents_as_levels(self, session):
        """The largest sum that fits, one leaf a lease, is taken."""
        key = hash_key(session, CHEAP, 2, 3)

        assert len(key.public_key) == 48

    def test_a_connection_makes_few_keys(self, session, machine):
        """A fifth key at once is refused; one that is finished makes room, and another connection
        has room of its own.
        """
        handles = [ask(session, generate()).handle for _ in range(MAX_GENERATIONS)]
        refused = refuse(session, generate())
        assert refused.status is Status.ObjectInUse
        assert f"making {MAX_GENERATIONS} keys already" in refused.detail
        ask(Session(machine), generate())

        for _ in range(5):
            ask(session, step(handles[0]))
        assert ask(session, generate()).handle not in handles

    def test_handles_are_of_their_connection(self, session, machine):
        """A handle is unknown on any other connection, and an invented one everywhere; the key goes
        on where it was begun.
        """
        started = ask(session, generate(CHEAP, 0, 1))
        other = Session(machine)

        for where, handle in ((other, started.handle), (session, UNKNOWN)):
            for request in (step(handle), card(handle)):
                refused = refuse(where, request)
                assert refused.status is Status.UnknownID
                assert (
                    refused.detail
                    == f"this connection makes no key of that handle in {request.NAME}"
                )
        assert ask(session, step(started.handle)).remaining == started.remaining - 1

    def test_steps_have_an_order(self, world, session):
        """No card before the last step and no step after it: each refusal names the command to go
        on with, and the key goes on.
        """
        world.feed_blank()
        started = ask(session, generate(CHEAP, 0, 1))
        early = refuse(session, card(started.handle))
        for _ in range(started.remaining):
            ask(session, step(started.handle))
        late = refuse(session, step(started.handle))

        assert (early.status, late.status) == (Status.InvalidParameter, Status.InvalidParameter)
        assert "; go on with continueLMS_cache_next" in early.detail
        assert "continueLMS_card_next" in late.detail
        assert ask(session, card(started.handle)).remaining == 0

    def test_a_stopped_chunk_can_be_done_again(self, session):
        """A machine that stops answers TimeLimitExceeded; the chunk, done again, gives the key that
        it would have given.
        """
        started = ask(session, generate())
        ask(session, step(started.handle))
        session.stopped.set()
        refused = refuse(session, step(started.handle))
        assert refused.status is Status.TimeLimitExceeded

        session.stopped.clear()
        chunks = [ask(session, step(started.handle)) for _ in range(started.remaining - 1)]
        signed = ask(session, sign(ask(session, m.ListNvmemfiles()).files[0].file))
        assert verifies(chunks[-1].public_key, signed.signature)


class TestCards:
    """Writing the leases of a sectorized key to blank cards."""

    @pytest.mark.parametrize(
        ("expcards", "explease"), [(0, 1), (1, 0), (1, 1), (2, 1), (1, 3), (0, 5), (5, 0)]
    )
    def test_every_leaf_is_on_one_card(self, world, session, expcards, explease):
        """The cards hold all leaves of the key between them, each once, in order; none is in the
        machine.
        """
        key = make_key_on_cards(world, session, CHEAP, expcards, explease)
        written = [read(world, name) for name in key.cards]

        assert len(key.cards) == len(set(key.cards)) == 1 << expcards
        assert {len(each.leases) for each in written} == {1 << explease}
        assert [leaf for each in written for leaf in leaves_on(each)] == [
            (key.file, leaf) for leaf in range(LEAVES)
        ]
        assert session.machine.store.names() == []

    def test_seeds_are_each_leases_own(self, world, session):
        """No two leases share a seed, so a lost card tells nothing of the others."""
        key = make_key_on_cards(world, session, CHEAP, 1, 2)
        seeds = [lease.seed for name in key.cards for lease in read(world, name).leases]

        assert len(set(seeds)) == len(seeds) == 8

    def test_cards_count_down(self, world, session):
        """Each reply names the card and says how many are to be written; after the last one the
        handle is unknown.
        """
        key = hash_key(session, CHEAP, 2, 1)
        for remaining in (3, 2, 1, 0):
            name = world.feed_blank()
            assert ask(session, card(key.handle)) == m.CardWritten(card=name, remaining=remaining)

        world.feed_blank()
        assert refuse(session, card(key.handle)).status is Status.UnknownID

    def test_seeds_leave_the_machine(self, world, session):
        """With each written card its seeds are gone from the session, those of the other cards are
        not.
        """
        key = hash_key(session, CHEAP, 1, 1)
        seeds = session.generations[key.handle].generation.seeds
        world.feed_blank()
        ask(session, card(key.handle))

        assert [bool(seed) for seed in seeds] == [False, False, True, True]
        world.feed_blank()
        ask(session, card(key.handle))
        assert not any(seeds)

    @pytest.mark.parametrize("wrong", ["empty", "written", "used up", "damaged"])
    def test_a_wrong_card_costs_nothing(self, world, session, wrong):
        """Without a blank card the leases wait, the reader asks for one, and the next blank card
        gets them.
        """
        slots = session.machine.slots
        key = hash_key(session, CHEAP, 1, 0)
        if wrong != "empty":
            name = world.feed_blank()
            path = slots.occupant(SLOT)
            if wrong == "damaged":
                path.write_bytes(b"scratched")
            else:
                other = hash_key(session, CHEAP, 0, 1)
                ask(session, card(other.handle))
                if wrong == "used up":
                    smartcard.write_card(path.parent, smartcard.Card(name, smartcard.LMS, ()))
        before = slots.occupant(SLOT) and slots.occupant(SLOT).read_bytes()
        refused = refuse(session, card(key.handle))

        assert refused.status is Status.NotAvailable
        assert (
            f"; {'insert one' if wrong == 'empty' else 'take it out'} with: seemachine card "
            in refused.detail
        )
        assert (slots.occupant(SLOT) and slots.occupant(SLOT).read_bytes()) == before
        for first in (0, 16):
            world.feed_blank()
            ask(session, card(key.handle))
            assert slots.next_lease(SLOT).first == first

    def test_the_same_card_again_is_refused(self, world, session):
        """The card that was just written, left in its slot, is not written over with the next
        leases.
        """
        key = hash_key(session, CHEAP, 1, 0)
        world.feed_blank()
        ask(session, card(key.handle))

        assert refuse(session, card(key.handle)).status is Status.NotAvailable
        assert session.machine.slots.next_lease(SLOT).first == 0

    def test_other_slots_do(self, world, session):
        """Every slot takes a card, each reply is about the slot that was asked for."""
        key = hash_key(session, CHEAP, 1, 0)
        for slot in (0, 5):
            name = world.feed_blank(slot=slot)
            assert ask(session, card(key.handle, slot)).card == name

    @pytest.mark.parametrize("place", STEPS)
    def test_a_failed_write_burns_the_leases(self, world, session, place, monkeypatch):
        """When writing a card fails, at whatever step, its leases go to no other card: each leaf is
        on one card at most, ever.
        """
        key = hash_key(session, CHEAP, 2, 1)
        world.feed_blank()
        ask(session, card(key.handle))
        world.feed_blank()
        with monkeypatch.context() as patch:
            break_at(patch, place)
            refused = refuse(session, card(key.handle))
        assert refused.status is Status.OSErrorErrno
        for remaining in (1, 0):
            world.feed_blank()
            assert ask(session, card(key.handle)).remaining == remaining

        on_cards = [
            leaf for found in world.rack.listing() for leaf in leaves_on(read(world, found.card))
        ]
        assert len(on_cards) == len(set(on_cards))
        burned = {(key.file, leaf) for leaf in range(LEAVES)} - set(on_cards)
        assert len(burned) == 8

    def test_a_failed_last_card_ends_the_key(self, world, session, monkeypatch):
        """When it is the last card whose write failed there is nothing left to go on with."""
        key = hash_key(session, CHEAP, 0, 1)
        world.feed_blank()
        with monkeypatch.context() as patch:
            break_at(patch, "flush_folder")
            refuse(session, card(key.handle))
        world.feed_blank()

        assert refuse(session, card(key.handle)).status is Status.UnknownID


def read(world, name):
    """A card, wherever it is."""
    [path] = world.folder.rglob(f"{name}.card")
    return smartcard.read_card(path)


class TestTheEnd:
    """A connection that closes."""

    def test_everything_is_dropped(self, world, session):
        """Half-made keys and waiting keys go with their connection; no seed stays in it."""
        half, waiting = ask(session, generate()).handle, hash_key(session, CHEAP, 0, 1)
        ask(session, step(half))
        seeds = session.generations[waiting.handle].generation.seeds
        session.close()

        assert session.generations == {}
        assert seeds
        world.feed_blank()
        for handle in (half, waiting.handle):
            assert refuse(session, card(handle)).status is Status.UnknownID

    def test_a_reserved_leaf_stays_burned(self, session, machine):
        """The leaf of a closed connection is not given to the next one."""
        key = hash_key(session)
        ask(session, m.NvmemfileReserve(file=key.file, token=new_token()))
        session.close()

        assert ask(Session(machine), sign(key.file, MESSAGE)).leaf == 1

    def test_hashing_stops(self, session):
        """A chunk that is under way in another thread learns that it is not wanted any more."""
        session.close()

        assert session.stopped.is_set()
