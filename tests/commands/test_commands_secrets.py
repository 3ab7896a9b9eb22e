"""No seed in anything that is printed: records, sessions, machines, errors, log lines."""

import json
import os
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest
from kit.cardsets import deal_cards
from kit.commands import CHEAP, SLOT, ask, digest_for, generate, hash_key, refuse, sign
from seeclient.algorithms.lms.signing import new_token

from seemachine.commands.leases import from_store
from seemachine.commands.signing import start_signing
from seemachine.faults import Injector
from seemachine.lms.engines.portable import PortableEngine
from seemachine.machine import Session
from seemachine.mldsa import engines as mldsa_engines
from seemachine.mldsa.parameters import SEED_BYTES, mldsa
from seemachine.server import logs
from seemachine.state.cards.smartcard import read_card
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.names import PROTOCOL
from seemachine.wire.status import Status

MARK = "secret seed"
TOKEN = b"TOKEN of 16 byte"
NUMBERS = count()


def random(size):
    """Chance, but for seeds, which are easy to find in any text."""
    if size not in (24, SEED_BYTES):
        return os.urandom(size)
    return f"{MARK} {next(NUMBERS):0{size - len(MARK) - 1}}".encode()


def assert_no_seed(*texts):
    """Neither as text, nor in hexadecimal, nor as the numbers of the bytes."""
    for text in texts:
        for shape in (MARK, MARK.encode().hex(), ", ".join(map(str, MARK.encode()))):
            assert shape not in text, text


@pytest.fixture
def machine(world):
    """A machine whose seeds can be recognised."""
    return world.machine(random=random, checkpoints=FolderCheckpoints(world.folder / "hsm" / ESN))


@pytest.fixture
def session(machine):
    """A connection to it."""
    return Session(machine)


def test_the_mark_is_there(world, session):
    """The seeds of these tests really are what is looked for: in NVRAM, on cards, in a key that is
    being made.
    """
    singular = hash_key(session)
    waiting = hash_key(session, CHEAP, 1, 1)
    world.feed_blank()
    ask(session, m.ContinueLmsCard(handle=waiting.handle, slot=SLOT))
    card = read_card(session.machine.slots.occupant(SLOT))
    stored = session.machine.store.get(singular.file).lease

    seeds = [
        stored.seed,
        *(lease.seed for lease in card.leases),
        *session.generations[waiting.handle].generation.seeds[2:],
    ]
    assert len(seeds) == 5
    assert all(MARK.encode() in seed for seed in seeds)
    with pytest.raises(AssertionError):
        assert_no_seed(repr(stored.seed))
    with pytest.raises(AssertionError):
        assert_no_seed(stored.seed.hex())


def test_records_print_no_seed(world, session, machine):
    """No record that holds a seed, however deep, shows it: leases, files, reservations, cards, keys
    in the making, jobs of the engine.
    """
    singular = hash_key(session)
    waiting = hash_key(session, CHEAP, 1, 1)
    world.feed_blank()
    ask(session, m.ContinueLmsCard(handle=waiting.handle, slot=SLOT))
    ask(session, m.NvmemfileReserve(file=singular.file, token=TOKEN))
    [started] = start_signing(machine, [(sign(singular.file), "")])
    pending = session.generations[waiting.handle]
    file = machine.store.get(singular.file)
    lease = from_store(file.lease)
    holders = [
        machine,
        session,
        pending,
        pending.generation,
        pending.generation.lease(3),
        lease,
        lease.job(0, bytes(24)),
        file,
        file.lease,
        started,
        *started.signings,
        started.signings[0].reserved,
        read_card(machine.slots.occupant(SLOT)),
        machine.keys,
        machine.keys.page(lease, 0),
    ]

    assert len(holders) == 15
    assert_no_seed(*map(repr, holders), *map(str, holders))


def exchange(world, session):
    """Every request and its reply or refusal, through a whole life of keys."""
    said = []

    def tell(request):
        reply = ask(session, request) if request not in refused else refuse(session, request)
        said.append((request, reply))
        return reply

    refused = [
        m.ProvisionLms(slot=0),
        m.NvmemfileSign(file=bytes(11), token=new_token(), message=b""),
        m.GetNvmemfileInfo(file=bytes(11)),
    ]
    keys = []
    for expcards, label in ((0, ""), (1, "a-label")):
        started = tell(generate(CHEAP, expcards, label=label))
        chunks = [tell(m.ContinueLms(handle=started.handle)) for _ in range(started.remaining)]
        keys.append((started, chunks))
    for _ in range(2):
        world.feed_blank()
        tell(m.ContinueLmsCard(handle=keys[1][0].handle, slot=SLOT))
    tell(m.ResumeLms(label="a-label"))
    tell(m.DiscardLms(label="a-label"))
    tell(m.WaitForCard(kind="lms"))
    tell(m.LoadToken(cardset=deal_cards(world.world, slots=(5,)).hash, passphrases=[]))
    moved = tell(m.ProvisionLms(slot=SLOT))
    looking = (
        m.Hello(protocol=PROTOCOL, client="c"),
        m.ListNvmemfiles(),
        m.ListSlots(),
        m.GetNvmemfileInfo(file=moved.file),
    )
    for request in (*looking, *refused, m.WarnNvmemfile(file=moved.file, warnat=1)):
        tell(request)
    tell(
        m.LoadLms(
            file=moved.file,
            expcache=5,
            offset=0,
            nodes=b"".join(chunk.cache for chunk in keys[1][1]),
        )
    )
    tell(sign(moved.file, b"a message"))
    tell(m.NvmemfileSignMany(file=moved.file, tokens=[new_token()], messages=[b"a message"]))
    reserved = tell(m.NvmemfileReserve(file=moved.file, token=TOKEN))
    tell(
        m.NvmemfileSignDigest(
            file=moved.file, token=TOKEN, digest=digest_for(moved.public_key, reserved)
        )
    )
    tell(m.ReadLedger(after=0, most=100))
    session.machine.store.quarantine(moved.file, "it may be a copy")
    tell(m.ListQuarantine(after=0))
    tell(m.SkipQuarantined(file=moved.file, leaf=moved.first + 4))
    session.machine.store.quarantine(moved.file, "it may be a copy")
    tell(m.BurnQuarantined(file=moved.file, label=""))
    tell(m.DestroyLms(public_key=moved.public_key))
    made = tell(m.GenerateMldsa(mldsa=44))
    tell(m.InfoMldsa(blob=made.blob))
    tell(m.SignMldsa(blob=made.blob, mu=bytes(64)))
    seed = random(SEED_BYTES)
    public_key = mldsa_engines.select().public_key(mldsa(44), seed)
    tell(m.ImportMldsa(mldsa=44, public_key=public_key, private_key=seed))
    session.machine.faults = Injector()
    tell(m.AddFault(fault="card-worn"))
    tell(m.ListFaults(after=0))
    tell(m.ClearFaults(number=0))
    return said


def test_nothing_that_leaves_the_machine_has_a_seed(world, session):
    """No reply and no refusal of any command holds a seed, in no field."""
    said = exchange(world, session)

    assert {type(request) for request, _ in said} == set(m.REQUESTS.values())
    assert_no_seed(*(repr(reply) for _, reply in said))


def test_log_lines_have_names_and_numbers_only(world, session):
    """The description of a request for the log has no seed, no message, no signature, no token:
    texts and small numbers alone.
    """
    for request, reply in exchange(world, session):
        shown = logs.describe(request, reply)

        assert set(shown) <= {
            *("key", "slot", "leaf", "remaining", "card"),
            *("count", "leaves", "refused"),
        }
        assert all(type(value) is int or len(value) <= 22 for value in shown.values())
        assert_no_seed(repr(shown))
        for secret in (
            b"a message",
            getattr(reply, "signature", None),
            getattr(request, "token", None),
            *getattr(reply, "signatures", ()),
            *getattr(request, "tokens", ()),
        ):
            if secret:
                assert secret.hex() not in repr(shown)
                assert repr(secret)[2:-1] not in repr(shown)


def test_log_lines_say_which_key(session):
    """The description names the file and the leaf of a signature, for whoever looks for
    it later.
    """
    key = hash_key(session)
    ask(session, sign(key.file))
    request = sign(key.file)

    assert logs.describe(request, ask(session, request)) == {
        "key": key.file.hex(),
        "leaf": 1,
        "remaining": 30,
    }
    assert logs.describe(request, refuse(Session(session.machine), sign(bytes(11)))) == {
        "key": key.file.hex()
    }


def test_refusals_have_no_seed(session, machine):
    """The errors about damaged leases and files say what is wrong without showing what
    is secret.
    """
    key = hash_key(session)
    file = machine.store.get(key.file)
    machine.store._files[key.file] = replace(
        file, lease=replace(file.lease, seed=b"another secret seed 1234")
    )
    fresh = Session(machine)
    machine.keys._pages.clear()
    refusals = [
        refuse(fresh, sign(key.file)),
        refuse(fresh, m.NvmemfileReserve(file=key.file, token=TOKEN)),
    ]

    assert [refused.status for refused in refusals] == [Status.Malformed] * 2
    assert_no_seed(*map(str, refusals), *map(repr, refusals))


@contextmanager
def logging_to(stream, patch):
    """The machine's own logging, on another stream."""
    patch.setattr(logs.sys, "stderr", stream)
    yield logs.configure(esn="x")


class BreaksWhenItSigns(PortableEngine):
    """An engine with a bug in a place where seeds are at hand."""

    def _chains(self, ots, identifier, seed, leaf, ends):
        if len(set(ends)) > 1:
            raise ZeroDivisionError
        return super()._chains(ots, identifier, seed, leaf, ends)


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_the_log_of_a_bug_has_no_seed(world, terminal, tmp_path, monkeypatch):
    """The traceback of a bug in the middle of signing is logged without the values of its
    variables.
    """
    session = Session(world.machine(random=random, engine=BreaksWhenItSigns()))
    key = hash_key(session)
    refused = refuse(session, sign(key.file))
    assert isinstance(refused.__cause__, ZeroDivisionError)

    path = tmp_path / "log"
    with path.open("w") as stream, logging_to(Forwarding(stream, terminal), monkeypatch) as log:
        log.error("bug", command="nvmemfile_sign", exc_info=refused.__cause__)
    written = path.read_text()

    assert "ZeroDivisionError" in written
    if not terminal:
        assert json.loads(written)["event"] == "bug"
    assert_no_seed(written)


class Forwarding:
    """A stream that says whether it is a terminal."""

    def __init__(self, stream, terminal):
        self._stream, self._terminal = stream, terminal

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def isatty(self):
        """Whether it is one."""
        return self._terminal
