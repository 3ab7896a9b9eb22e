"""blocking.py and fleet.py: the same operations against the same machine give the same results,
whichever client asks.
"""

import pytest
import seeclient
import trio
from client.ports import serving
from client.threaded import H5_W4
from kit.here import store
from kit.services import GatedEngine, make_machine
from kit.verdicts import leaf_of, verifies
from kit.waiting import until
from seeclient import Status, StatusError
from seeclient.events import CardDone, CardsNeeded, CardTried, ChunkDone, Resumed, Started

from seemachine.state.cards.rack import Rack
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.testing import ESN, OTHER_ESN
from seemachine.wire.messages import Hello
from seemachine.world import World


@pytest.fixture
async def machine(home, nursery, monkeypatch):
    """A machine on a port, in the environment as the whole fleet."""
    async with serving(make_machine(home)) as port:
        monkeypatch.setenv("SEEMACHINE_FLEET", port.text)
        yield port


def machine_folder(home, esn=ESN):
    """The folder of a machine's own state, made as the machine makes it."""
    folder = home / "hsm" / esn
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def refusal(awaited):
    """The StatusError that a call ends with."""
    with pytest.raises(StatusError) as refused:
        await awaited
    return refused.value


async def test_a_key_lives_its_life(machine, open_fleet):
    """Generate, sign, verify, ask: each does what it says, and the signature is good for somebody
    else, too.
    """
    told = []
    async with open_fleet() as fleet:
        [peer] = fleet.roster.peers
        assert (peer.esn, fleet.roster.failures) == (ESN, [])
        key = await fleet.generate_lms("Release", **H5_W4, progress=told.append)
        assert [type(event) for event in told] == [Started, *[ChunkDone] * 5]
        assert (key.alias, key.file) == ("release", store().load("release"))
        signed = await key.sign_with(b"one")
        assert (signed.esn, signed.leaf, signed.remaining, leaf_of(signed.signature)) == (
            ESN,
            0,
            31,
            0,
        )
        signature = await key.sign(b"two")
        assert leaf_of(signature) == 1
        assert verifies(key.public_key, signed.signature, b"one")
        assert verifies(key.public_key, signature, b"two")
        key.verify(b"two", signature)
        with pytest.raises(StatusError, match=r"^VerifyFailed\(11\): expected .* but computed "):
            key.verify(b"one", signature)
        info = await key.info()
        assert (info.remaining, [(view.esn, view.first, view.end) for view in info.machines]) == (
            30,
            [(ESN, 0, 32)],
        )
    async with open_fleet() as fleet:
        assert leaf_of(await fleet.key("RELEASE").sign(b"three")) == 2


async def test_a_sectorized_key_goes_over_a_card(machine, open_fleet, home):
    """A card is written, a lease is provisioned from it, and the key signs until the lease is used
    up.
    """
    rack, told = Rack(World.at(home)), []
    machine_folder(home)
    rack.insert(rack.new()[0], ESN, 2)
    async with open_fleet() as fleet:
        key = await fleet.generate_lms("cards", **H5_W4, explease=4, progress=told.append)
        assert told[-3:] == [CardsNeeded(1), CardTried(2), CardDone(0)]
        assert (await refusal(key.sign(b""))).status is Status.NotAvailable
        moved = await fleet.provision(ESN, 2)
        assert (moved.esn, moved.first, moved.end, moved.leases_left, moved.public_key) == (
            ESN,
            0,
            2,
            15,
            key.public_key,
        )
        [view] = (await key.info()).machines
        assert [(slot.slot, slot.ic, slot.kind, slot.leases) for slot in view.slots] == [
            (2, 1, "lms", 15)
        ]
        assert [leaf_of(await key.sign(b"")) for _ in range(2)] == [0, 1]
        refused = await refusal(key.sign(b""))
        assert (refused.name, refused.where) == ("NotAvailable", "dispatch_see_nvmemfile")
        assert (await fleet.provision(ESN, 2)).first == 2


async def test_a_program_does_not_wait_for_a_card_that_nobody_brings(machine, open_fleet):
    """Where no operator feeds cards, the refusal comes before anything is hashed, and no key is
    left behind.
    """
    told = []
    async with open_fleet() as fleet:
        refused = await refusal(
            fleet.generate_lms("cards", **H5_W4, explease=1, progress=told.append)
        )
    assert refused.status is Status.NotAvailable
    assert f"seemachine card insert CARD --esn {ESN} --slot 2" in refused.detail
    assert told == []
    assert store().aliases() == []


async def test_patience_is_the_callers(machine, open_fleet, home):
    """A caller's own patience is asked before anything is hashed, and may bring the card itself."""
    rack, told = Rack(World.at(home)), []
    machine_folder(home)

    def bring(peer, waited):
        assert peer.esn == ESN
        if not told:
            rack.insert(rack.new()[0], ESN, 3)
        told.append(waited)
        return True

    events = []
    async with open_fleet() as fleet:
        await fleet.generate_lms(
            "cards", **H5_W4, explease=1, progress=events.append, patience=bring
        )
    assert [type(event) for event in events[-3:]] == [CardsNeeded, CardTried, CardDone]
    assert len(told) >= 1


@pytest.mark.parametrize("size", [0, 1, 1 << 20, 3 << 20])
async def test_messages_of_any_size(size, machine, open_fleet, tmp_path):
    """A message is signed whole whatever its size, from memory as from a file; what does not fit a
    frame is hashed here.
    """
    message = bytes(range(256)) * (size // 256) + b"m" * (size % 256)
    (tmp_path / "message").write_bytes(message)
    async with open_fleet() as fleet:
        key = await fleet.generate_lms("big", **H5_W4)
        signatures = [await key.sign(message), await key.sign(tmp_path / "message")]
        key.verify(tmp_path / "message", signatures[0])
        key.verify(message, signatures[1])
    assert [leaf_of(signature) for signature in signatures] == [0, 1]
    assert all(verifies(key.public_key, signature, message) for signature in signatures)
    asked = {event["command"] for event in machine.service.log.named("request")}
    assert ("nvmemfile_reserve" in asked) == (size >= 1 << 20)


async def test_refusals_are_the_machines(machine, open_fleet, home):
    """What a machine refuses arrives with its status, its sentence and its place."""
    async with open_fleet() as fleet:
        refused = await refusal(fleet.generate_lms("x", **H5_W4, expcards=4, explease=3))
        assert (
            str(refused)
            == "InvalidParameter(24): private key tree height is less than the sum of card and"
            " lease exponents (5 < 4 + 3) in continueLMS_cache_next"
        )
        assert refused.where == "continueLMS_cache_next"
        refused = await refusal(fleet.provision(ESN, 3))
        assert (refused.status, refused.where) == (Status.NotAvailable, "command_see_provisionLMS")
        refused = await refusal(fleet.provision(OTHER_ESN, 2))
        assert refused.status is Status.UnknownID
        assert (await refusal(fleet.generate_lms("a b", **H5_W4))).status is Status.InvalidParameter
        with pytest.raises(StatusError, match="there is no key named nobody"):
            fleet.key("nobody")
        # After all of that the connection is as good as new.
        assert (await fleet.generate_lms("fine", **H5_W4)).alias == "fine"
    assert store().aliases() == ["fine"]


OUTSIDE = {
    "a slot": lambda fleet: fleet.provision(ESN, 9),
    "expcards": lambda fleet: fleet.generate_lms("x", **H5_W4, expcards=26),
    "explease": lambda fleet: fleet.generate_lms("x", **H5_W4, explease=99),
    "expchunk": lambda fleet: fleet.generate_lms("x", **H5_W4, expchunk=26),
    "expcache": lambda fleet: fleet.generate_lms("x", **H5_W4, expcache=-1),
}


@pytest.mark.parametrize("what", OUTSIDE)
async def test_a_number_that_the_protocol_cannot_carry_is_a_refusal(what, machine, open_fleet):
    """A slot or exponent that no machine could take is refused like one that this machine does not
    take.
    """
    async with open_fleet() as fleet:
        assert (await refusal(OUTSIDE[what](fleet))).status is Status.InvalidParameter


async def test_the_second_machine_signs_when_the_first_has_run_out(
    machine, open_fleet, home, tmp_path, monkeypatch
):
    """Leases of one key on two machines are used one after the other, in module order, and counted
    together.
    """
    rack = Rack(World.at(home))
    for esn in (ESN, OTHER_ESN):
        machine_folder(home, esn)
    second = make_machine(home)
    second.esn = second.slots.esn = OTHER_ESN
    second.slots = type(second.slots)(World.at(home), OTHER_ESN)
    async with serving(second) as other:
        monkeypatch.setenv("SEEMACHINE_FLEET", f"{machine.text},{other.text}")
        rack.insert(rack.new()[0], ESN, 2)
        async with open_fleet() as fleet:
            key = await fleet.generate_lms("shared", **H5_W4, explease=4)
            await fleet.provision(ESN, 2)
            rack.insert(rack.remove(ESN, 2), OTHER_ESN, 2)
            await fleet.provision(OTHER_ESN, 2)
            assert (await key.info()).remaining == 4
            signed = [await key.sign_with(b"") for _ in range(4)]
            assert [(each.esn, each.leaf) for each in signed] == [
                (ESN, 0),
                (ESN, 1),
                (OTHER_ESN, 2),
                (OTHER_ESN, 3),
            ]
            assert (await refusal(key.sign(b""))).status is Status.NotAvailable


# ---------------------------------------------------------------- lost connections


async def test_a_machine_that_stops_is_a_refusal(machine, open_fleet):
    """A connection that ends between two requests, and every request after that, is a StatusError
    and not a crash.
    """
    async with open_fleet() as fleet:
        await fleet.generate_lms("key", **H5_W4)
        machine.stop()
        refused = await refusal(fleet.provision(ESN, 2))
        assert refused.status is Status.OSErrorErrno
        assert f" 127.0.0.1 on port {machine.port}: " in refused.detail


async def test_a_lost_machine_stays_a_refusal(machine, open_fleet):
    """Whoever asks a lost machine again is told again that it is lost."""
    async with open_fleet() as fleet:
        key = await fleet.generate_lms("key", **H5_W4)
        machine.stop()
        for _ in range(2):
            assert (await refusal(fleet.provision(ESN, 2))).status is Status.OSErrorErrno
        assert (await refusal(key.sign(b""))).status is Status.OSErrorErrno
        assert (await key.info()).remaining == 0


async def test_a_machine_that_stops_in_the_middle_is_a_refusal(home, open_fleet):
    """A connection that ends while a chunk is hashed is a StatusError, and nothing is left of the
    key.
    """
    engine = GatedEngine()
    async with (
        serving(make_machine(home, engine=engine)) as machine,
        open_fleet(machine.text) as fleet,
    ):
        refused = []

        async def generate():
            refused.append(await refusal(fleet.generate_lms("key", **H5_W4)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(generate)
            await until(lambda: engine.entered)
            machine.stop()
        engine.gate.set()
    assert [error.status for error in refused] == [Status.OSErrorErrno]
    assert store().aliases() == []


async def test_a_cancelled_request_closes_its_connection(home):
    """A reply that nobody waits for must not be taken for the next one's, so the trio client hangs
    up.
    """
    engine = GatedEngine()
    async with (
        serving(make_machine(home, engine=engine)) as machine,
        seeclient.open_fleet(machine.text) as fleet,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: fleet.generate_lms("key", **H5_W4))
            await until(lambda: engine.entered)
            nursery.cancel_scope.cancel()
        engine.gate.set()
        [connection] = fleet._connections.values()
        with pytest.raises(trio.ClosedResourceError):
            await connection._wire.receive()
    assert store().aliases() == []


async def test_an_exception_of_the_caller_comes_out_as_it_is(machine, open_fleet):
    """What a listener raises ends the operation, and the key file that nobody could use is gone."""

    def stop(event):
        if isinstance(event, CardTried):
            assert store().aliases() == ["key"]
            raise ZeroDivisionError

    async with open_fleet() as fleet:
        with pytest.raises(ZeroDivisionError):
            await fleet.generate_lms(
                "key", **H5_W4, explease=1, progress=stop, patience=lambda _peer, _waited: True
            )
        assert store().aliases() == []


async def test_an_exception_of_a_runner_closes_the_story(machine, open_fleet, monkeypatch):
    """Interrupted while it waits for a card, as by Ctrl-C, an operation removes the key that nobody
    could use.
    """

    def interrupt(*seconds):
        assert store().aliases() == ["key"]
        raise KeyboardInterrupt

    monkeypatch.setattr("seeclient.blocking_runner.time.sleep", interrupt)
    monkeypatch.setattr("seeclient.trio_runner.trio.sleep", interrupt)
    async with open_fleet() as fleet:
        with pytest.raises(KeyboardInterrupt):
            await fleet.generate_lms(
                "key", **H5_W4, explease=1, patience=lambda _peer, _waited: True
            )
        assert store().aliases() == []


async def test_a_half_made_key_is_finished_by_another_connection(home, open_fleet, monkeypatch):
    """Broken off after two chunks, a key is gone on with where it was, and is a key
    like any other.
    """
    machine, chunks = make_machine(home), []
    machine.checkpoints = FolderCheckpoints(machine_folder(home))

    def stop(event):
        chunks.append(event)
        if len(chunks) == 3:
            raise ZeroDivisionError

    async with serving(machine) as port:
        async with open_fleet(port.text) as fleet:
            with pytest.raises(ZeroDivisionError):
                await fleet.generate_lms("Half", **H5_W4, progress=stop)
            assert store().aliases() == []
        async with open_fleet(port.text) as fleet:
            told = []
            key = await fleet.resume_lms("half", progress=told.append)
            assert isinstance(told[0], Resumed)
            assert verifies(key.public_key, await key.sign(b"whole"), b"whole")
            assert (await refusal(fleet.resume_lms("half"))).status is Status.UnknownID
    assert store().aliases() == ["half"]
    assert machine.checkpoints.labels() == []


async def test_hello_is_said_once(machine, open_fleet):
    """Opening a fleet greets each machine, and operations don't again."""
    async with open_fleet() as fleet:
        await fleet.generate_lms("key", **H5_W4)
    commands = [event["command"] for event in machine.service.log.named("request")]
    assert commands.count(Hello.NAME) == 1
    assert commands[0] == Hello.NAME
