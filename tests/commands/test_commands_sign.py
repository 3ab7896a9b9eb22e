"""nvmemfile: listing, signing alone and in batches, and what happens to the leaf when something
goes wrong.
"""

from dataclasses import replace

import pytest
from kit.commands import CHEAP, LEAVES, SETS, ask, hash_key, refuse, sign
from kit.signatures import MESSAGE
from kit.verdicts import verifies
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands import nvmem, pages
from seemachine.commands.leases import to_store
from seemachine.commands.nvmem import FEW_LEAVES
from seemachine.commands.signing import Started, finish_signing, start_signing
from seemachine.lms.engines.portable import PortableEngine
from seemachine.machine import DEFAULT_LIMITS, Session
from seemachine.state.errors import DiskFull, StateFailed
from seemachine.state.nvram.ledger import Order, message_bound
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

UNKNOWN = b"lms" + bytes(8)


class FailingEngine(PortableEngine):
    """An engine that breaks while it signs, after so many calls that went well."""

    def __init__(self, good=0):
        self.good = good

    def sign(self, ots, jobs):
        """Break, sooner or later."""
        if not self.good:
            raise RuntimeError("cosmic rays")
        self.good -= 1
        return super().sign(ots, jobs)


def stored(machine, key):
    """The key's lease as NVRAM has it."""
    return machine.store.get(key.file).lease


class TestOne:
    """A signature on its own."""

    @pytest.mark.parametrize("names", SETS, ids=lambda names: names[1])
    @pytest.mark.parametrize(
        "message", [b"", b"m", bytes(range(256)) * 40], ids=["empty", "short", "long"]
    )
    def test_a_signature_verifies(self, session, names, message):
        """Messages of any length are signed, the empty one too, and the signature is over that
        message alone.
        """
        key = hash_key(session, names)
        signed = ask(session, sign(key.file, message))

        assert verifies(key.public_key, signed.signature, message)
        assert not verifies(key.public_key, signed.signature, message + b"!")
        assert (signed.leaf, signed.remaining) == (0, LEAVES - 1)
        assert int.from_bytes(signed.signature[:4], "big") == 0

    def test_a_message_twice_takes_two_leaves(self, session):
        """Signing the same message again, as after a lost reply, takes another leaf and gives
        another signature.
        """
        key = hash_key(session)
        first, second = (ask(session, sign(key.file)) for _ in range(2))

        assert (first.leaf, second.leaf) == (0, 1)
        assert first.signature != second.signature

    def test_keys_do_not_mix(self, session):
        """Two keys of one machine count by themselves, and each signature is of the key that was
        asked for.
        """
        one, other = hash_key(session), hash_key(session)
        signed = [(key, ask(session, sign(key.file))) for key in (one, other, one)]

        assert [each.leaf for _, each in signed] == [0, 0, 1]
        assert all(verifies(key.public_key, each.signature) for key, each in signed)
        assert not verifies(other.public_key, signed[0][1].signature)

    def test_sessions_share_the_leaves(self, machine):
        """All connections of a machine sign with the same files, each with a leaf of its own."""
        key = hash_key(Session(machine))
        assert [ask(Session(machine), sign(key.file)).leaf for _ in range(5)] == list(range(5))

    def test_an_unknown_file(self, session):
        """A file that is not here is refused with its name and the machine's, and nothing else is
        touched.
        """
        refused = refuse(session, sign(UNKNOWN))

        assert refused.status is Status.NotAvailable
        assert (
            refused.detail == f"no NVRAM file 6c6d7300:00000000:000000 on {ESN} in nvmemfile_sign"
        )

    def test_a_message_beyond_the_limit(self, world):
        """A message that is longer than the machine's limit is refused before any leaf is taken;
        one of just that length is signed.
        """
        session = Session(world.machine(limits=replace(DEFAULT_LIMITS, message=100)))
        key = hash_key(session)
        refused = refuse(session, sign(key.file, bytes(101)))

        assert refused.status is Status.InvalidParameter
        assert "a message of over 100 bytes is hashed by the client" in refused.detail
        signed = ask(session, sign(key.file, bytes(100)))
        assert (signed.leaf, verifies(key.public_key, signed.signature, bytes(100))) == (0, True)


def unnamed(requests):
    """Requests of clients that the ledger has no name for."""
    return [(request, "") for request in requests]


class TestBatch:
    """start_signing and finish_signing: many requests, one reservation, one call of the engine for
    each set.
    """

    def test_keys_and_sets_mix(self, session, machine):
        """A batch over keys of every set gives each request its own signature, in the order of the
        requests.
        """
        keys = [hash_key(session, names) for names in (*SETS, CHEAP)]
        requests = [sign(key.file, b"%d" % number) for number, key in enumerate(keys * 3)]
        signed = finish_signing(machine, start_signing(machine, unnamed(requests)))

        assert [each.leaf for each in signed] == [0] * 5 + [1] * 5 + [2] * 5
        pairs = enumerate(zip(keys * 3, signed, strict=True))
        assert all(
            verifies(key.public_key, each.signature, b"%d" % number)
            for number, (key, each) in pairs
        )

    def test_a_batch_is_one_reservation(self, session, machine, monkeypatch):
        """However many requests, the store is asked once."""
        keys = [hash_key(session), hash_key(session)]
        original, calls = machine.store.reserve, []
        monkeypatch.setattr(
            machine.store,
            "reserve",
            lambda orders: calls.append([order.name for order in orders]) or original(orders),
        )
        start_signing(machine, unnamed([sign(key.file) for key in keys * 4]))

        assert calls == [[key.file for key in keys * 4]]

    def test_refusals_stay_in_their_places(self, session, machine):
        """Requests that can't be served, for want of a file or of leaves, are refused in their
        places; the others are signed.
        """
        key, nearly = hash_key(session), hash_key(session)
        machine.store.reserve(
            [Order(nearly.file, new_token(), message_bound(MESSAGE)) for _ in range(LEAVES - 1)]
        )
        files = [key.file, UNKNOWN, nearly.file, nearly.file, key.file]
        started = start_signing(machine, unnamed([sign(file) for file in files]))

        assert [len(each.signings) for each in started] == [1, 0, 1, 0, 1]
        signed = finish_signing(machine, started)
        assert [each.status for each in signed if isinstance(each, StatusError)] == [
            Status.NotAvailable
        ] * 2
        signed = [each for each in signed if isinstance(each, m.NvmemfileSigned)]
        assert [each.leaf for each in signed] == [0, LEAVES - 1, 1]
        assert [each.remaining for each in signed] == [LEAVES - 1, 0, LEAVES - 2]

    def test_a_long_message_is_its_senders_matter(self, world):
        """One message beyond the limit is refused alone and takes no leaf; the other requests of
        the batch are served.
        """
        machine = world.machine(limits=replace(DEFAULT_LIMITS, message=100))
        key = hash_key(Session(machine))
        started = start_signing(
            machine,
            unnamed(
                [sign(key.file, b"short"), sign(key.file, bytes(101)), sign(key.file, b"short too")]
            ),
        )

        assert [isinstance(each, Started) for each in started] == [True, False, True]
        assert started[1].status is Status.InvalidParameter
        assert [each.leaf for each in finish_signing(machine, [started[0], started[2]])] == [0, 1]

    def test_a_damaged_file_is_its_own_matter(self, session, machine):
        """A file that does not lead to its key's root is refused in its place, and its neighbours
        are signed.
        """
        good, bad = hash_key(session), hash_key(session)
        lease = stored(machine, bad)
        machine.store._files[bad.file] = replace(
            machine.store.get(bad.file), lease=replace(lease, seed=bytes(len(lease.seed)))
        )
        signed = finish_signing(
            machine,
            start_signing(machine, unnamed([sign(good.file), sign(bad.file), sign(good.file)])),
        )

        assert [type(each) for each in signed] == [
            m.NvmemfileSigned,
            StatusError,
            m.NvmemfileSigned,
        ]
        assert signed[1].status is Status.Malformed

    def test_nothing_is_nothing(self, machine):
        """An empty batch is no work."""
        assert finish_signing(machine, start_signing(machine, [])) == []


class TestLeavesAreLost:
    """What goes wrong after the reservation burns the leaf; what goes wrong before it
    burns none.
    """

    def test_an_engine_that_breaks(self, world):
        """When the engine breaks the request is Failed, with the cause for the log, and the leaf is
        never used again.
        """
        engine = FailingEngine()
        session = Session(world.machine(engine=engine))
        key = hash_key(session)
        refused = refuse(session, sign(key.file))

        assert refused.status is Status.Failed
        assert refused.detail == "an internal error in nvmemfile_sign; the machine's log has it"
        assert isinstance(refused.__cause__, RuntimeError)
        assert refused.__cause__.__traceback__ is not None
        engine.good = 1
        assert ask(session, sign(key.file)).leaf == 1

    def test_a_batch_that_breaks_in_the_middle(self, world):
        """When the engine breaks at the second set of a batch all its leaves are burned, those of
        the first set too.
        """
        engine = FailingEngine(good=1)
        machine = world.machine(engine=engine)
        session = Session(machine)
        keys = [hash_key(session, names) for names in SETS[:2]]
        started = start_signing(machine, unnamed([sign(key.file) for key in keys]))
        with pytest.raises(RuntimeError, match="cosmic"):
            finish_signing(machine, started)

        engine.good = 9
        assert [ask(session, sign(key.file)).leaf for key in keys] == [1, 1]

    @pytest.mark.parametrize("error", [DiskFull, StateFailed])
    def test_a_disk_that_fails(self, session, machine, error, monkeypatch):
        """Without a durable reservation there is no signature: the request is refused with the
        disk's sentence, and the leaf is gone.
        """
        key = hash_key(session)

        def fail(_changes):
            raise error("the disk: no")

        with monkeypatch.context() as patch:
            patch.setattr(machine.store, "_write", fail)
            refused = refuse(session, sign(key.file))
        assert refused.status is Status.OSErrorErrno
        assert refused.detail == "the disk: no in nvmemfile_sign"
        if error is DiskFull:
            assert ask(session, sign(key.file)).leaf == 1
        else:
            again = refuse(session, sign(key.file))
            assert again.status is Status.OSErrorErrno
            assert "; restart the machine once the disk is in order" in again.detail

    @pytest.mark.parametrize("field", ["seed", "path", "identifier"])
    def test_a_damaged_file_signs_nothing(self, world, session, field):
        """A file whose lease leads to another root is refused before a leaf is taken, each time."""
        key = hash_key(session, CHEAP, 0, 1)
        good = to_store(session.generations[key.handle].generation.lease(1))
        bad = {
            "seed": replace(good, seed=bytes(24)),
            "path": replace(good, path=bytes(24)),
            "identifier": replace(
                good, public_key=good.public_key[:8] + bytes(16) + good.public_key[24:]
            ),
        }[field]
        machine = world.machine()
        machine.store.install(bad)
        for request in (sign(key.file), m.NvmemfileReserve(file=key.file, token=new_token())) * 2:
            refused = refuse(Session(machine), request)
            assert refused.status is Status.Malformed
            assert "the NVRAM file is damaged" in refused.detail

        assert machine.store.get(key.file).next == 16
        sound = world.machine()
        sound.store.install(good)
        signed = ask(Session(sound), sign(key.file))
        assert (signed.leaf, verifies(key.public_key, signed.signature)) == (16, True)

    def test_a_page_too_large_to_hash(self, world, session, machine, monkeypatch):
        """Where too many leaves would be hashed the request is refused with what to send first, and
        no leaf is taken; then it is signed.
        """
        key = hash_key(session)
        fresh = world.machine(store=machine.store)
        monkeypatch.setattr(pages, "MAX_PAGE_EXPONENT", 4)
        for request in (sign(key.file), m.NvmemfileReserve(file=key.file, token=new_token())):
            refused = refuse(Session(fresh), request)
            assert refused.status is Status.NotAvailable
            assert f"the tree of {key.file.hex(':', -4)} is not loaded" in refused.detail
            assert "; send the key file's cache with loadLMS" in refused.detail

        ask(Session(fresh), key.load())
        signed = ask(Session(fresh), sign(key.file))
        assert (signed.leaf, verifies(key.public_key, signed.signature)) == (0, True)


class TestLooking:
    """nvmemfile_info and nvmemfile_list."""

    def test_a_file_is_described(self, session):
        """The description follows every signature."""
        key = hash_key(session)
        for used in range(3):
            info = ask(session, m.GetNvmemfileInfo(file=key.file))
            assert info == m.NvmemfileInfo(
                file=key.file,
                public_key=key.public_key,
                first=0,
                next=used,
                end=LEAVES,
                loaded=True,
                quarantined=False,
            )
            assert info.remaining == LEAVES - used
            ask(session, sign(key.file))

    def test_files_are_listed(self, session):
        """The list has the description of every file, by name."""
        keys = sorted((hash_key(session, names) for names in SETS), key=lambda key: key.file)

        assert ask(session, m.ListNvmemfiles()).files == [
            ask(session, m.GetNvmemfileInfo(file=key.file)) for key in keys
        ]

    def test_looking_takes_nothing(self, session, machine):
        """Neither command takes a leaf or hashes a page."""
        key = hash_key(session)
        fresh = Session(machine)
        for _ in range(5):
            ask(fresh, m.ListNvmemfiles())
            ask(fresh, m.GetNvmemfileInfo(file=key.file))

        assert ask(session, sign(key.file)).leaf == 0

    def test_a_large_file_asks_to_be_loaded(self, world, session, machine, monkeypatch):
        """A machine that does not know the nodes of a large file says so, and no more once they
        were loaded.
        """
        key = hash_key(session)
        assert FEW_LEAVES > LEAVES
        monkeypatch.setattr(nvmem, "FEW_LEAVES", LEAVES - 1)
        fresh = Session(world.machine(store=machine.store))

        assert not ask(fresh, m.GetNvmemfileInfo(file=key.file)).loaded
        ask(fresh, key.load())
        assert ask(fresh, m.GetNvmemfileInfo(file=key.file)).loaded

    def test_an_unknown_file(self, session):
        """A file that is not here is refused."""
        assert refuse(session, m.GetNvmemfileInfo(file=UNKNOWN)).status is Status.NotAvailable


@pytest.mark.parametrize("ready", [True, False])
def test_ready_is_the_truth(world, session, machine, ready):
    """`ready` is true when a signature needs no hashing of other leaves, or would be refused
    anyway, and false otherwise.
    """
    key = hash_key(session)
    fresh = world.machine(store=machine.store)
    if ready:
        pages.prepare(fresh, key.file)
    assert pages.ready(fresh, key.file) is ready
    assert pages.ready(fresh, UNKNOWN)

    hashed = []
    original = fresh.engine.leaf_nodes
    fresh.engine.leaf_nodes = lambda *arguments: (
        hashed.append(arguments[-1]) or original(*arguments)
    )
    ask(Session(fresh), sign(key.file, MESSAGE))
    assert bool(hashed) is not ready
