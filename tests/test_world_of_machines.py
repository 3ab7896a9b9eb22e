"""Several machines, one card rack, and everything that can happen to them in any order."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyhsslms
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from seeclient.signing import new_token

from seemachine.commands import answer
from seemachine.lms import engines
from seemachine.lms.hashing import message_digest
from seemachine.lms.parameters import lmots, lms
from seemachine.machine import Machine, Session
from seemachine.state import cards, slots
from seemachine.state.errors import StateError
from seemachine.state.file import FileStore
from seemachine.state.rack import Rack
from seemachine.state.slots import Slots
from seemachine.state.sqlite import SqliteStore
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError

ESNS = {"7852-268D-3BF9": SqliteStore, "5F08-02E0-D947": FileStore, "0000-0000-0001": SqliteStore}
SLOT = 2
TREE, OTS = lms("sha256_m24_h5"), lmots("sha256_n24_w1")  # the cheapest set: 200 hashes a leaf
PLANS = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 0), (0, 5)]

machines_of = st.sampled_from(sorted(ESNS))


class Killed(BaseException):
    """The process died here."""


class WorldOfMachines(RuleBasedStateMachine):
    """A model in which a machine may be restarted at any time and killed at the worst times."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.rack = Rack(self.home)
        self.machines: dict[str, Machine] = {}
        self.signed: set[tuple[bytes, int]] = set()
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
        folder = self.home / "hsm" / esn
        self.machines[esn] = Machine(
            esn=esn, model="5c", store=ESNS[esn](folder), slots=Slots(self.home, esn), engine=engines.select(), random=os.urandom
        )

    def ask(self, esn: str, request: Any, session: Session | None = None) -> Any:
        return answer(session or Session(self.machines[esn]), request)

    def dies_at(self, owner: Any, name: str, esn: str, act: Callable[[], Any]) -> None:
        """Do something to a machine whose process dies the moment after `owner.name` was called; then start it again."""
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

    def make_key(self, esn: str, plan: tuple[int, int], *, die_after_card: bool = False) -> None:
        session = Session(self.machines[esn])
        started = self.ask(esn, m.GenerateLms(lms=TREE.typecode, lmots=OTS.typecode, expcards=plan[0], explease=plan[1]), session)
        reply = None
        for _ in range(started.remaining):
            reply = self.ask(esn, m.ContinueLms(handle=started.handle), session)
        assert reply is not None
        self.keys[nvram_name(reply.public_key)] = pyhsslms.LmsPublicKey.deserialize(reply.public_key)
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
        reply = self.ask(esn, m.NvmemfileSign(file=name, token=new_token(), message=message))
        if before is None:
            assert isinstance(reply, StatusError)
            assert reply.status is Status.NotAvailable
            return
        assert isinstance(reply, m.NvmemfileSigned)
        self.note(name, reply, message)
        after = self.machines[esn].store.get(name)
        assert reply.remaining == before.remaining - 1 == (0 if after is None else after.remaining)

    def note(self, name: bytes, reply: m.NvmemfileSigned, message: bytes) -> None:
        assert (name, reply.leaf) not in self.signed, "a leaf signed twice"
        self.signed.add((name, reply.leaf))
        assert reply.leaf == int.from_bytes(reply.signature[:4], "big")
        assert self.keys[name].verify(message, reply.signature)

    # ---- what may happen

    @precondition(lambda self: len(self.keys) < 4)
    @rule(esn=machines_of, plan=st.sampled_from(PLANS))
    def generate(self, esn: str, plan: tuple[int, int]) -> None:
        self.make_key(esn, plan)

    @precondition(lambda self: len(self.keys) < 4)
    @rule(esn=machines_of, plan=st.sampled_from(PLANS[1:]))
    def generate_and_die_after_the_first_card(self, esn: str, plan: tuple[int, int]) -> None:
        self.make_key(esn, plan, die_after_card=True)
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

    @rule(esn=machines_of, count=st.integers(1, 40), message=st.binary(max_size=40), data=st.data())
    def sign(self, esn: str, count: int, message: bytes, data: st.DataObject) -> None:
        if self.keys:
            name = data.draw(st.sampled_from(sorted(self.keys)))
            for _ in range(count):
                self.sign_once(esn, name, message)
                if self.machines[esn].store.get(name) is None:
                    break

    @rule(esn=machines_of, message=st.binary(max_size=40), data=st.data())
    def sign_what_the_client_hashed(self, esn: str, message: bytes, data: st.DataObject) -> None:
        held = self.machines[esn].store.names()
        if not held:
            return
        name, session = data.draw(st.sampled_from(held)), Session(self.machines[esn])
        reserved = self.ask(esn, m.NvmemfileReserve(file=name), session)
        digest = message_digest(OTS, reserved.identifier, reserved.leaf, reserved.randomizer, message)
        request = m.NvmemfileSignDigest(ticket=reserved.ticket, digest=digest)
        self.note(name, self.ask(esn, request, session), message)
        assert self.ask(esn, request, session).status is Status.UnknownID

    @rule(esn=machines_of)
    def restart(self, esn: str) -> None:
        self.machines[esn].store.close()
        self.start(esn)

    @rule(esn=machines_of)
    def die_between_card_and_nvram(self, esn: str) -> None:
        self.dies_at(self.machines[esn].slots, "take_lease", esn, lambda: self.ask(esn, m.ProvisionLms(slot=SLOT)))

    @rule(esn=machines_of)
    def die_after_a_lease_was_installed(self, esn: str) -> None:
        self.dies_at(self.machines[esn].store, "install", esn, lambda: self.ask(esn, m.ProvisionLms(slot=SLOT)))

    @rule(esn=machines_of)
    def die_while_a_card_is_rewritten(self, esn: str) -> None:
        self.dies_at(cards, "replace_file", esn, lambda: self.ask(esn, m.ProvisionLms(slot=SLOT)))

    @rule(esn=machines_of, data=st.data())
    def die_between_reserving_and_signing(self, esn: str, data: st.DataObject) -> None:
        held = self.machines[esn].store.names()
        if held:
            name = data.draw(st.sampled_from(held))
            self.dies_at(
                self.machines[esn].store,
                "reserve",
                esn,
                lambda: self.ask(esn, m.NvmemfileSign(file=name, token=new_token(), message=b"lost")),
            )

    @rule(esn=machines_of, force=st.booleans())
    def format(self, esn: str, force: bool) -> None:
        try:
            self.rack.format(esn, SLOT, force=force)
        except StateError as error:
            assert "empty" in str(error) or "unused leases" in str(error)

    # ---- what must hold after each of them

    @invariant()
    def every_leaf_is_in_one_place_at_most(self) -> None:
        """NVRAM files, leases on cards and leaves that signed never overlap."""
        where: dict[tuple[bytes, int], str] = {}
        places = [(name, leaf, "signed") for name, leaf in self.signed]
        for esn, machine in self.machines.items():
            for file in filter(None, map(machine.store.get, machine.store.names())):
                places += [(file.name, leaf, esn) for leaf in range(file.next, file.lease.end)]
        for path in self.home.rglob(f"*{slots.SUFFIX}"):
            for lease in cards.read_card(path).leases:
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
TestWorldOfMachines.__doc__ = "No leaf is used twice or in two places, whatever order things happen in and wherever a machine dies."
