"""Half-made keys between connections, failures and deaths: whoever goes on with one, no leaf is on
two cards or in two places.
"""

import threading
import time
from collections import Counter
from contextlib import contextmanager
from itertools import count

import pytest
from kit.commands import CHEAP, LEAVES, SLOT, RepeatableRig, ask, generate, leaves_on, refuse, sign
from kit.faults import Fault, FaultyOs
from kit.verdicts import verifies
from state.dying import left_behind

from seemachine.commands import answer
from seemachine.machine import Session
from seemachine.state import checkpoints
from seemachine.state.cards.smartcard import read_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk import durable
from seemachine.state.nvram.file import FileStore
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

LABEL = "big"


class Killed(BaseException):
    """The process died here."""


def start(world):
    """A connection to a machine that has just been started on what is on the disk."""
    folder = world.folder / "hsm" / ESN
    # Chance must not repeat itself when a machine is started again.
    start.times = getattr(start, "times", 0) + 1
    chance = world.machine().random
    pad = start.times.to_bytes(4, "big")
    machine = world.machine(
        store=FileStore(folder),
        checkpoints=FolderCheckpoints(folder),
        random=lambda size: (pad + chance(size))[:size] if size else b"",
    )
    return Session(machine)


def begin(session, expcards=0, explease=0):
    """Begin a labelled key and do all but its closing step."""
    started = ask(session, generate(CHEAP, expcards, explease, label=LABEL))
    for _ in range(started.remaining - 1):
        ask(session, m.ContinueLms(handle=started.handle))
    return started.handle


def close_key(session, handle):
    """Do the steps that remain. Returns the last reply, which has the public key."""
    for _ in range(20):
        reply = ask(session, m.ContinueLms(handle=handle))
        if reply.public_key is not None:
            return reply
    raise AssertionError("the key never ends")


def write(session, handle):
    """Write the next card to the blank card in the slot."""
    return answer(session, m.ContinueLmsCard(handle=handle, slot=SLOT))


def on_cards(world):
    """Every leaf that some card could give away, as often as there are cards that could."""
    files = [
        path
        for pattern in ("cards/*.card", "hsm/*/slots/*/*.card")
        for path in world.folder.glob(pattern)
    ]
    return Counter(leaf for path in files for leaf in leaves_on(read_card(path)))


def write_the_rest(world, session, handle, cards):
    """Write so many cards, each to a new blank one."""
    for remaining in range(cards - 1, -1, -1):
        world.feed_blank()
        reply = write(session, handle)
        assert isinstance(reply, m.CardWritten), reply
        assert reply.remaining == remaining


class LateLock:
    """The lock of a key in the making.

    Who takes it first is held up on the way, while something else happens.
    """

    def __init__(self, meanwhile):
        self._lock, self._meanwhile = threading.Lock(), [meanwhile]
        self.acquire, self.release, self.locked = (
            self._lock.acquire,
            self._lock.release,
            self._lock.locked,
        )

    def __enter__(self):
        if self._meanwhile:
            self._meanwhile.pop()()
        return self._lock.__enter__()

    def __exit__(self, *error):
        return self._lock.__exit__(*error)


class TestConnections:
    """A request that timed out may still be at work in its thread when its client comes back on
    another connection.
    """

    def test_a_card_that_is_being_written(self, world):
        """Who resumes waits for the write that is under way and goes on with the next card: no leaf
        is on both.
        """
        old = start(world)
        new = Session(old.machine)
        handle = begin(old, 1)
        close_key(old, handle)
        world.feed_blank()
        pending = old.generations[handle]
        replies = {}
        late = threading.Thread(target=lambda: replies.update(old=write(old, handle)))
        resuming = threading.Thread(
            target=lambda: replies.update(new=ask(new, m.ResumeLms(label=LABEL)))
        )
        with old.machine.slots.locked():
            late.start()
            while not pending.lock.locked():
                time.sleep(0.001)
            old.close()
            resuming.start()
            resuming.join(0.2)
            assert replies == {}
        late.join()
        resuming.join()

        assert replies["old"].remaining == 1
        taken = replies["new"].handle
        assert close_key(new, taken).cards == 1
        write_the_rest(world, new, taken, 1)
        assert set(on_cards(world).values()) == {1}
        assert len(on_cards(world)) == LEAVES

    def test_a_card_that_is_about_to_be_written(self, world):
        """A thread that had not begun when its connection closed and another took the key over from
        disk does nothing any more.
        """
        old = start(world)
        new = Session(old.machine)
        handle = begin(old, 1)
        close_key(old, handle)
        world.feed_blank()
        resumed = []

        def meanwhile():
            old.close()
            resumed.append(ask(new, m.ResumeLms(label=LABEL)).handle)

        old.generations[handle].lock = LateLock(meanwhile)
        late = write(old, handle)
        cards = close_key(new, resumed[0]).cards
        write_the_rest(world, new, resumed[0], cards)

        assert set(on_cards(world).values()) == {1}
        assert isinstance(late, StatusError)
        assert late.status is Status.UnknownID

    def test_a_chunk_of_a_key_that_was_replaced(self, world):
        """A thread that had not begun when its key was replaced leaves none of its nodes in the new
        key's checkpoint.
        """
        old = start(world)
        new = Session(old.machine)
        handle = ask(old, generate(label=LABEL)).handle
        for _ in range(2):
            ask(old, m.ContinueLms(handle=handle))
        replaced = []

        def meanwhile():
            old.close()
            replaced.append(ask(new, generate(label=LABEL, replace=True)).handle)
            for _ in range(2):
                ask(new, m.ContinueLms(handle=replaced[0]))

        old.generations[handle].lock = LateLock(meanwhile)
        late = answer(old, m.ContinueLms(handle=handle))
        again = start(world)
        key = close_key(again, ask(again, m.ResumeLms(label=LABEL)).handle)

        assert isinstance(late, StatusError)
        assert verifies(key.public_key, ask(again, sign(nvram_name(key.public_key))).signature)

    def test_a_chunk_that_is_being_hashed(self, world):
        """Who resumes waits for the chunk that is under way; the key comes out right, and its first
        connection has it no more.
        """
        old = start(world)
        new = Session(old.machine)
        handle = ask(old, generate(label=LABEL)).handle
        ask(old, m.ContinueLms(handle=handle))
        hashing, go, original = threading.Event(), threading.Event(), old.machine.engine.leaf_nodes

        def slow(*arguments):
            hashing.set()
            assert go.wait(10)
            return original(*arguments)

        old.machine.engine.leaf_nodes = slow
        late = threading.Thread(target=lambda: answer(old, m.ContinueLms(handle=handle)))
        late.start()
        assert hashing.wait(10)
        old.close()
        taken = []
        resuming = threading.Thread(target=lambda: taken.append(ask(new, m.ResumeLms(label=LABEL))))
        resuming.start()
        resuming.join(0.1)
        assert taken == []
        go.set()
        late.join()
        resuming.join()

        assert taken[0].remaining == 3
        key = close_key(new, taken[0].handle)
        assert verifies(key.public_key, ask(new, sign(nvram_name(key.public_key))).signature)
        assert refuse(old, m.ContinueLms(handle=handle)).status is Status.UnknownID

    def test_all_cards_are_written_once(self, world):
        """A key whose cards are all written can be resumed for its public key, and gives no further
        card.
        """
        old = start(world)
        handle = begin(old, 1)
        public_key = close_key(old, handle).public_key
        write_the_rest(world, old, handle, 2)
        for session in (old, start(world)):
            taken = ask(session, m.ResumeLms(label=LABEL)).handle
            closed = close_key(session, taken)
            assert (closed.public_key, closed.cards) == (public_key, 0)
            world.feed_blank()
            assert write(session, taken).status is Status.InvalidParameter

        assert set(on_cards(world).values()) == {1}


@contextmanager
def failing_disk(patch):
    """A disk that fails on demand, for cards, checkpoints and the file store."""
    fault = Fault()
    with patch.context() as patched:
        for module in (durable, checkpoints):
            patched.setattr(module, "os", FaultyOs(fault))
        yield fault


def at_every_place(tmp_path, patch):
    """New worlds, in each of which an operation is to fail at another place.

    Ends when a fault was not reached.
    """
    for place in count():
        with failing_disk(patch) as fault:
            yield RepeatableRig(tmp_path / str(place)), place, fault
        if not fault.fired:
            assert place > 4
            return


def dying(world, fault, place, act):
    """Let the process die at a place in an operation.

    Returns the world as the next process finds it.
    """
    left = world.folder.with_name(f"{world.folder.name} left")

    def die():
        left_behind(world.folder, left)
        raise Killed

    fault.arm(place, hook=die)
    try:
        act()
    except Killed:
        return RepeatableRig(left)
    # Past its end nobody dies: what the next process does at its start is not a place of this one.
    fault._left = None
    left_behind(world.folder, left)
    return RepeatableRig(left)


class TestFailures:
    """Writing a card of a labelled key writes twice: the checkpoint without the seeds, then the
    card with them.
    """

    @pytest.mark.parametrize("full", [True, False], ids=["full", "broken"])
    @pytest.mark.parametrize("restarted", [False, True])
    def test_a_failure_while_a_card_is_written(self, tmp_path, monkeypatch, full, restarted):
        """Wherever it fails, and whether the same process goes on or the next one, no leaf is on
        two cards.
        """
        for world, place, fault in at_every_place(tmp_path, monkeypatch):
            session = start(world)
            handle = begin(session, 1, 1)
            cards = close_key(session, handle).cards
            world.feed_blank()
            fault.arm(place, full=full)
            reply = write(session, handle)
            fired = fault.fired
            fault._left = None
            assert isinstance(reply, StatusError) is fired
            if restarted:
                session = start(world)
                handle = ask(session, m.ResumeLms(label=LABEL)).handle
                cards = close_key(session, handle).cards
            else:
                cards -= 1
            write_the_rest(world, session, handle, cards)

            assert set(on_cards(world).values()) == {1}, place
            assert len(on_cards(world)) in (LEAVES // 2, LEAVES), place
            fault.fired = fired

    def test_dying_while_a_card_is_written(self, tmp_path, monkeypatch):
        """Wherever the process dies, the next one writes the cards that may be missing, and no leaf
        is on two cards.
        """
        for world, place, fault in at_every_place(tmp_path, monkeypatch):
            session = start(world)
            handle = begin(session, 1, 1)
            close_key(session, handle)
            world.feed_blank()
            left = dying(world, fault, place, lambda: write(session, handle))  # noqa: B023
            fired = fault.fired
            fault._left = None
            again = start(left)
            taken = ask(again, m.ResumeLms(label=LABEL)).handle
            write_the_rest(left, again, taken, close_key(again, taken).cards)

            assert set(on_cards(left).values()) == {1}, place
            assert len(on_cards(left)) in (LEAVES // 2, LEAVES), place
            fault.fired = fired

    def test_dying_while_a_key_is_installed(self, tmp_path, monkeypatch):
        """Wherever it dies in the closing step of a singular key, its leaves are in NVRAM alone,
        once, or lost, resumed or not.
        """
        outcomes = []
        for world, place, fault in at_every_place(tmp_path, monkeypatch):
            session = start(world)
            handle = begin(session)
            left = dying(world, fault, place, lambda: answer(session, m.ContinueLms(handle=handle)))  # noqa: B023
            fired = fault.fired
            fault._left = None
            used = []
            for _ in range(3):
                again = start(left)
                for file in ask(again, m.ListNvmemfiles()).files:
                    seed = again.machine.store.get(file.file).lease.seed
                    assert not any(
                        seed in path.read_bytes() for path in left.folder.rglob("making/*")
                    ), place
                    used += [ask(again, sign(file.file)).leaf for _ in range(file.remaining)]
                taken = ask(again, m.ResumeLms(label=LABEL)).handle
                for _ in range(20):
                    reply = answer(again, m.ContinueLms(handle=taken))
                    if isinstance(reply, StatusError) or reply.public_key is not None:
                        break

            assert used in ([], list(range(LEAVES))), place
            outcomes.append(len(used))
            fault.fired = fired
        # Before the checkpoint is rewritten the key can be finished anew; then it is lost; then it
        # is in NVRAM.
        assert outcomes[0] == outcomes[-1] == LEAVES
        assert 0 in outcomes
