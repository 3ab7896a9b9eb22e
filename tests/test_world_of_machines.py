"""Several machines, one card rack, and everything that can happen to them in any order."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyhsslms
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from seemachine.commands import answer
from seemachine.commands.quarantine import inspect
from seemachine.lms import engines
from seemachine.lms.engines import Engine, SignJob
from seemachine.lms.hashing import message_digest
from seemachine.lms.parameters import OtsParameters, lmots, lms
from seemachine.machine import Machine, Session
from seemachine.state.cards import smartcard
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.state.errors import StateError
from seemachine.state.nvram.file import FileStore
from seemachine.state.nvram.sqlite import SqliteStore
from seemachine.state.nvram.store import KEEP
from seemachine.state.witness.folder import FolderWitness
from seemachine.testing import repeatable
from seemachine.wire import messages as m
from seemachine.wire.names import TOKEN_BYTES, nvram_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import CARD_SUFFIX, World

ESNS = {"7852-268D-3BF9": SqliteStore, "5F08-02E0-D947": FileStore, "0000-0000-0001": SqliteStore}
SLOT = 2
TREE, OTS = lms("sha256_m24_h5"), lmots("sha256_n24_w1")  # the cheapest set: 200 hashes a leaf
PLANS = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 0), (0, 5)]

# What an NVRAM consists of; cards and the machine's lock lie beside it.
NVRAM = ("nvram.db", "nvram.db-wal", "nvram")
LONG_ENOUGH = KEEP.retry_seconds + 1

machines_of = st.sampled_from(sorted(ESNS))


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder."""
    shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)


class Killed(BaseException):
    """The process died here."""


@dataclass(frozen=True)
class Order:
    """A request for a signature that a machine has in its ledger, and the signature if it arrived.

    `since` is how often its NVRAM was put back when it was made: the ledger of an NVRAM that was
    put back may lack it.
    """

    esn: str
    request: m.NvmemfileSign | m.NvmemfileSignDigest
    reply: m.NvmemfileSigned | None
    since: int


class Watched:
    """An engine that lets no leaf sign two digests, whether the signature gets out or not."""

    def __init__(self, engine: Engine, digests: dict[tuple[bytes, int], bytes]) -> None:
        self._engine, self._digests = engine, digests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def sign(self, ots: OtsParameters, jobs: Sequence[SignJob]) -> list[bytes]:
        for job in jobs:
            known = self._digests.setdefault((job.identifier, job.leaf), job.digest)
            assert known == job.digest, f"leaf {job.leaf} is to sign two digests"
        return self._engine.sign(ots, jobs)


def new_token() -> bytes:
    """A token that nobody used."""
    return os.urandom(TOKEN_BYTES)


def many(asked: Sequence[m.NvmemfileSign]) -> m.NvmemfileSignMany:
    """The same of one file in one request."""
    return m.NvmemfileSignMany(
        file=asked[0].file,
        tokens=[each.token for each in asked],
        messages=[each.message for each in asked],
    )


def flipped(data: bytes) -> bytes:
    """The same bytes but for one bit."""
    return bytes([data[0] ^ 1]) + data[1:]


class WorldOfMachines(RuleBasedStateMachine):
    """A model in which a machine may be restarted at any time and killed at the worst times."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        # The same keys, in the same order by name, when an example is tried again.
        self.random = repeatable("world of machines")
        self.rack = Rack(World.at(self.home))
        self.machines: dict[str, Machine] = {}
        self.signed: dict[tuple[bytes, int], bytes] = {}
        self.digests: dict[tuple[bytes, int], bytes] = {}
        self.orders: list[Order] = []
        self.kept: dict[str, Path] = {}
        self.put_back = dict.fromkeys(ESNS, 0)
        self.later = 0
        self.keys: dict[bytes, pyhsslms.LmsPublicKey] = {}

    def teardown(self) -> None:
        for machine in self.machines.values():
            machine.store.close()
        shutil.rmtree(self.home)

    @initialize()
    def start_all(self) -> None:
        self.rack.new(3)
        for esn in ESNS:
            self.start(esn)

    def start(self, esn: str) -> None:
        store = ESNS[esn](self.home / "hsm" / esn, FolderWitness(self.home / "witness", esn))
        store._clock = lambda: time.time() + self.later
        engine: Any = Watched(engines.select(), self.digests)
        self.machines[esn] = Machine(
            esn=esn,
            model="5c",
            store=store,
            slots=Slots(World.at(self.home), esn),
            engine=engine,
            random=self.random,
        )
        inspect(self.machines[esn])

    def ask(self, esn: str, request: Any, session: Session | None = None) -> Any:
        return answer(session or Session(self.machines[esn]), request)

    def dies_at(self, owner: Any, name: str, esn: str, act: Callable[[], Any]) -> None:
        """Do something to a machine whose process dies the moment after `owner.name` was called;
        then start it again.
        """
        original = getattr(owner, name)

        def fatal(*arguments: Any, **named: Any) -> Any:
            original(*arguments, **named)
            raise Killed

        setattr(owner, name, fatal)
        try:
            act()
        except Killed:
            pass
        finally:
            setattr(owner, name, original)
        self.restart(esn)

    def make_key_on_cards(
        self, esn: str, plan: tuple[int, int], *, die_after_card: bool = False
    ) -> None:
        session = Session(self.machines[esn])
        started = self.ask(
            esn,
            m.GenerateLms(
                lms=TREE.typecode, lmots=OTS.typecode, expcards=plan[0], explease=plan[1]
            ),
            session,
        )
        reply = None
        for _ in range(started.remaining):
            reply = self.ask(esn, m.ContinueLms(handle=started.handle), session)
        assert reply is not None
        self.keys[nvram_name(reply.public_key)] = pyhsslms.LmsPublicKey.deserialize(
            reply.public_key
        )
        for _ in range(reply.cards):
            self.feed_blank(esn)
            written = self.ask(esn, m.ContinueLmsCard(handle=started.handle, slot=SLOT), session)
            assert isinstance(written, m.CardWritten)
            if die_after_card:
                break
        session.close()

    def feed_blank(self, esn: str) -> None:
        if self.machines[esn].slots.occupant(SLOT) is not None:
            self.rack.remove(esn, SLOT)
        blank = (self.rack.blanks() or self.rack.new())[0]
        self.rack.insert(blank, esn, SLOT)

    def sign_once(self, esn: str, name: bytes, message: bytes) -> None:
        before = self.machines[esn].store.get(name)
        request = m.NvmemfileSign(file=name, token=new_token(), message=message)
        reply = self.ask(esn, request)
        if before is None or before.quarantine:
            assert isinstance(reply, StatusError)
            assert reply.status is (Status.NotAvailable if before is None else Status.AccessDenied)
            return
        assert isinstance(reply, m.NvmemfileSigned)
        self.note(esn, request, reply)
        assert self.keys[name].verify(message, reply.signature)
        after = self.machines[esn].store.get(name)
        assert reply.remaining == before.remaining - 1 == (0 if after is None else after.remaining)

    def note(
        self, esn: str, request: m.NvmemfileSign | m.NvmemfileSignDigest, reply: m.NvmemfileSigned
    ) -> None:
        """A signature for an order that has no other."""
        assert (request.file, reply.leaf) not in self.signed, "a leaf signed twice"
        self.signed[request.file, reply.leaf] = reply.signature
        assert reply.leaf == int.from_bytes(reply.signature[:4], "big")
        self.orders.append(Order(esn, request, reply, self.put_back[esn]))

    def held(self, *, quarantined: bool = False) -> list[tuple[str, bytes]]:
        """All NVRAM files that are in quarantine, or all that are not, and where."""
        return [
            (esn, name)
            for esn in sorted(ESNS)
            for name in (self.suspects(esn) if quarantined else self.usable(esn))
        ]

    def usable(self, esn: str) -> list[bytes]:
        """The NVRAM files of a machine that are not in quarantine."""
        store = self.machines[esn].store
        return [name for name in store.names() if not getattr(store.get(name), "quarantine", "")]

    def suspects(self, esn: str) -> list[bytes]:
        return [name for name in self.machines[esn].store.names() if name not in self.usable(esn)]

    # ---- what may happen

    @precondition(lambda self: len(self.keys) < 4)
    @rule(esn=machines_of, plan=st.sampled_from(PLANS))
    def generate(self, esn: str, plan: tuple[int, int]) -> None:
        self.make_key_on_cards(esn, plan)

    @precondition(lambda self: len(self.keys) < 4)
    @rule(esn=machines_of, plan=st.sampled_from(PLANS[1:]))
    def generate_and_die_after_the_first_card(self, esn: str, plan: tuple[int, int]) -> None:
        self.make_key_on_cards(esn, plan, die_after_card=True)
        self.restart(esn)

    @rule(esn=machines_of, data=st.data())
    def insert(self, esn: str, data: st.DataObject) -> None:
        on_rack = [card.card for card in self.rack.listing() if not card.esn]
        if on_rack and self.machines[esn].slots.occupant(SLOT) is None:
            self.rack.insert(data.draw(st.sampled_from(on_rack)), esn, SLOT)

    @rule(esn=machines_of)
    def remove(self, esn: str) -> None:
        if self.machines[esn].slots.occupant(SLOT) is not None:
            self.rack.remove(esn, SLOT)

    @rule(esn=machines_of)
    def provision(self, esn: str) -> None:
        reply = self.ask(esn, m.ProvisionLms(slot=SLOT))
        if isinstance(reply, m.LmsProvisioned):
            assert self.machines[esn].store.get(reply.file) is not None

    @rule(esn=machines_of, message=st.binary(max_size=40), data=st.data())
    def sign_with_any_key(self, esn: str, message: bytes, data: st.DataObject) -> None:
        if self.keys:
            self.sign_once(esn, data.draw(st.sampled_from(sorted(self.keys))), message)

    @rule(count=st.integers(1, 40), message=st.binary(max_size=40), data=st.data())
    def sign(self, count: int, message: bytes, data: st.DataObject) -> None:
        if self.held():
            esn, name = data.draw(st.sampled_from(self.held()))
            for _ in range(count):
                self.sign_once(esn, name, message)
                if self.machines[esn].store.get(name) is None:
                    break

    @precondition(held)
    @rule(count=st.integers(1, 40), again=st.integers(0, 3), data=st.data())
    def sign_many(self, count: int, again: int, data: st.DataObject) -> None:
        """New messages, and some that were asked for before, in one request, in any order."""
        esn, name = data.draw(st.sampled_from(self.held()))
        old = self.signed_by(esn, name)[-again:] if again else []
        new = [self.order(name, b"%d" % number) for number in range(count)]
        asked = data.draw(st.permutations([*new, *(order.request for order in old)]))
        before = self.machines[esn].store.get(name)
        reply = self.ask(esn, many(asked))
        assert isinstance(reply, m.NvmemfileSignedMany)
        after = self.machines[esn].store.get(name)
        taken = before.remaining - (0 if after is None else after.remaining)
        assert (taken, reply.remaining) == (min(count, before.remaining), before.remaining - taken)
        statuses = {each.index: each.status for each in reply.refusals}
        known = {order.request.token: order for order in old}
        for index, each in enumerate(asked):
            order = known.get(each.token)
            if index in statuses:
                self.check_refused(statuses[index], order)
            else:
                self.check_signed(esn, each, order, reply.signatures[index], reply.leaves[index])

    def order(self, name: bytes, message: bytes) -> m.NvmemfileSign:
        return m.NvmemfileSign(file=name, token=new_token(), message=message)

    def signed_by(self, esn: str, name: bytes) -> list[Order]:
        """The orders of a message that a machine has in its ledger for one of its files."""
        return [
            order
            for order in self.known()
            if isinstance(order.request, m.NvmemfileSign)
            and (order.esn, order.request.file) == (esn, name)
        ]

    def check_refused(self, status: int, order: Order | None) -> None:
        """There was no leaf for a new message; of an old one its lease was used up long ago."""
        assert status == (Status.NotAvailable if order is None else Status.UseLimitExceeded)
        assert order is None or self.later

    def check_signed(
        self, esn: str, asked: m.NvmemfileSign, order: Order | None, signature: bytes, leaf: int
    ) -> None:
        """A new leaf, or the signature from before."""
        assert self.keys[asked.file].verify(asked.message, signature)
        if order is not None and order.reply is not None:
            assert signature == order.reply.signature
            return
        if order is not None:
            self.orders.remove(order)
        self.note(esn, asked, m.NvmemfileSigned(signature=signature, leaf=leaf, remaining=0))

    @precondition(held)
    @rule(message=st.binary(max_size=40), data=st.data())
    def sign_what_the_client_hashed(self, message: bytes, data: st.DataObject) -> None:
        (esn, name), token = data.draw(st.sampled_from(self.held())), new_token()
        reserved = self.ask(esn, m.NvmemfileReserve(file=name, token=token))
        digest = message_digest(
            OTS, reserved.identifier, reserved.leaf, reserved.randomizer, message
        )
        request = m.NvmemfileSignDigest(file=name, token=token, digest=digest)
        reply = self.ask(esn, request)
        self.note(esn, request, reply)
        assert self.keys[name].verify(message, reply.signature)

    @precondition(held)
    @rule(data=st.data())
    def restart_before_the_digest_comes(self, data: st.DataObject) -> None:
        (esn, name), token = data.draw(st.sampled_from(self.held())), new_token()
        self.ask(esn, m.NvmemfileReserve(file=name, token=token))
        self.restart(esn)
        for request in (
            m.NvmemfileSignDigest(file=name, token=token, digest=bytes(24)),
            m.NvmemfileReserve(file=name, token=token),
        ):
            assert self.ask(esn, request).status is Status.ObjectInUse

    def known(self) -> list[Order]:
        """The orders that are in the ledgers for sure."""
        return [order for order in self.orders if order.since == self.put_back[order.esn]]

    @precondition(known)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """The same token, for the same: the same signature, or none, and no leaf is taken."""
        order = self.known()[data.draw(st.integers(0, len(self.known()) - 1))]
        before = self.standing(order.esn)
        reply = self.ask(order.esn, order.request)
        assert self.standing(order.esn) == before, "an order that came again took a leaf"
        if isinstance(reply, StatusError):
            # Its file is in quarantine, or it was used up long ago.
            assert reply.status is Status.AccessDenied or (
                reply.status is Status.UseLimitExceeded and self.later
            )
        elif order.reply is None:
            self.orders.remove(order)
            self.note(order.esn, order.request, reply)
        else:
            assert reply.signature == order.reply.signature

    @precondition(lambda self: len(self.orders) > len(self.known()))
    @rule(data=st.data())
    def ask_an_nvram_that_was_put_back(self, data: st.DataObject) -> None:
        """Whether it knows the order or not, what it signs is for that order, with a leaf of its
        own.
        """
        old = [order for order in self.orders if order not in self.known()]
        order = old[data.draw(st.integers(0, len(old) - 1))]
        reply = self.ask(order.esn, order.request)
        if isinstance(reply, StatusError):
            return
        if order.reply is not None and reply.leaf == order.reply.leaf:
            assert reply.signature == order.reply.signature
        else:
            self.orders.remove(order)
            self.note(order.esn, order.request, reply)

    @precondition(known)
    @rule(data=st.data(), whole=st.booleans())
    def use_a_token_for_something_else(self, data: st.DataObject, whole: bool) -> None:
        """The same token, for another message or digest, or for a digest instead of a message."""
        order = self.known()[data.draw(st.integers(0, len(self.known()) - 1))]
        file, token = order.request.file, order.request.token
        said = (
            order.request.digest
            if isinstance(order.request, m.NvmemfileSignDigest)
            else b"m" + order.request.message
        )
        other: Any = m.NvmemfileSignDigest(
            file=file, token=token, digest=flipped(said.ljust(24, b"."))[:24]
        )
        if whole:
            other = m.NvmemfileSign(file=file, token=token, message=flipped(said))
        before = self.standing(order.esn)
        assert self.ask(order.esn, other).status is Status.ObjectInUse
        assert self.standing(order.esn) == before

    def standing(self, esn: str) -> list[Any]:
        store = self.machines[esn].store
        return [store.get(name) for name in store.names()]

    @rule(esn=machines_of)
    def an_hour_passes(self, esn: str) -> None:
        self.later += LONG_ENOUGH
        self.machines[esn].store.tidy()

    @rule(esn=machines_of)
    def keep_a_copy_of_the_nvram(self, esn: str) -> None:
        """Of a running machine, as a backup would."""
        shutil.rmtree(self.kept.pop(esn, Path("none")), ignore_errors=True)
        self.kept[esn] = Path(tempfile.mkdtemp(dir=self.home))
        for path in self.nvram(self.home / "hsm" / esn):
            copy(path, self.kept[esn] / path.name)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def put_the_nvram_back(self, data: st.DataObject) -> None:
        esn = data.draw(st.sampled_from(sorted(self.kept)))
        folder = self.home / "hsm" / esn
        self.machines[esn].store.close()
        for path in self.nvram(folder):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self.nvram(self.kept[esn]):
            copy(path, folder / path.name)
        self.put_back[esn] += 1
        self.start(esn)

    def nvram(self, folder: Path) -> list[Path]:
        return [folder / name for name in NVRAM if (folder / name).exists()]

    @precondition(lambda self: self.held(quarantined=True))
    @rule(data=st.data())
    def skip(self, data: st.DataObject) -> None:
        """Whatever leaf is named: one that may have been used is refused."""
        esn, name = data.draw(st.sampled_from(self.held(quarantined=True)))
        file = self.machines[esn].store.get(name)
        assert file is not None
        reply = self.ask(
            esn,
            m.SkipQuarantined(
                file=name, leaf=data.draw(st.integers(max(file.next, 1), file.lease.end + 1))
            ),
        )
        assert isinstance(reply, m.QuarantineSkipped) or reply.status is Status.InvalidParameter

    @precondition(lambda self: self.held(quarantined=True))
    @rule(data=st.data())
    def burn(self, data: st.DataObject) -> None:
        esn, name = data.draw(st.sampled_from(self.held(quarantined=True)))
        assert isinstance(self.ask(esn, m.BurnQuarantined(file=name, label="")), m.QuarantineBurned)

    @rule(esn=machines_of)
    def restart(self, esn: str) -> None:
        self.machines[esn].store.close()
        self.start(esn)

    @rule(esn=machines_of)
    def die_between_card_and_nvram(self, esn: str) -> None:
        self.dies_at(
            self.machines[esn].slots,
            "take_lease",
            esn,
            lambda: self.ask(esn, m.ProvisionLms(slot=SLOT)),
        )

    @rule(esn=machines_of)
    def die_after_a_lease_was_installed(self, esn: str) -> None:
        self.dies_at(
            self.machines[esn].store,
            "install",
            esn,
            lambda: self.ask(esn, m.ProvisionLms(slot=SLOT)),
        )

    @rule(esn=machines_of)
    def die_while_a_card_is_rewritten(self, esn: str) -> None:
        provision = m.ProvisionLms(slot=SLOT)
        self.dies_at(smartcard, "replace_file", esn, lambda: self.ask(esn, provision))

    @precondition(held)
    @rule(count=st.integers(1, 3), data=st.data())
    def die_between_reserving_and_signing(self, count: int, data: st.DataObject) -> None:
        esn, name = data.draw(st.sampled_from(self.held()))
        file = self.machines[esn].store.get(name)
        asked = [self.order(name, b"lost") for _ in range(min(count, file.remaining))]
        request = asked[0] if count == 1 else many(asked)
        self.dies_at(self.machines[esn].store, "reserve", esn, lambda: self.ask(esn, request))
        self.orders += [Order(esn, each, None, self.put_back[esn]) for each in asked]

    @rule(esn=machines_of, force=st.booleans())
    def format(self, esn: str, force: bool) -> None:
        try:
            self.rack.format(esn, SLOT, force=force)
        except StateError as error:
            assert "empty" in str(error) or "unused lease" in str(error)

    # ---- what must hold after each of them

    @invariant()
    def every_leaf_is_in_one_place_at_most(self) -> None:
        """NVRAM files that are not in quarantine, leases on cards and leaves that signed never
        overlap.
        """
        where: dict[tuple[bytes, int], str] = {}
        places = [(name, leaf, "signed") for name, leaf in self.signed]
        for esn, machine in self.machines.items():
            for file in filter(None, map(machine.store.get, self.usable(esn))):
                places += [(file.name, leaf, esn) for leaf in range(file.next, file.lease.end)]
        for path in self.home.rglob(f"*{CARD_SUFFIX}"):
            for lease in smartcard.read_card(path).leases:
                places += [(lease.name, leaf, path.stem) for leaf in range(lease.first, lease.end)]
        for name, leaf, place in places:
            previous = where.setdefault((name, leaf), place)
            assert previous == place, f"leaf {leaf} is at {previous} and at {place}"

    @invariant()
    def remaining_is_what_the_machines_hold(self) -> None:
        """What nvmemfile_info tells is what the store has."""
        for esn, machine in self.machines.items():
            for name in machine.store.names():
                file = machine.store.get(name)
                assert file is not None
                assert self.ask(esn, m.GetNvmemfileInfo(file=name)).remaining == file.remaining > 0


WorldOfMachines.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWorldOfMachines = WorldOfMachines.TestCase
TestWorldOfMachines.__doc__ = (
    "No leaf is used twice or in two places, whatever order things happen in and wherever a machine"
    " dies."
)
