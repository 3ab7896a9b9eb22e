"""What a session does where faults are injected, on a pretend wire."""

from pathlib import Path
from typing import Any

import pytest
import trio
from kit.frames import asked_frame
from kit.logs import Events
from kit.services import HELLO, NO_FILE, Peer, join, make_machine, make_service, name_of
from kit.verdicts import verifies
from kit.waiting import until
from seeclient.algorithms.lms.signing import new_token
from trio.testing import MockClock, wait_all_tasks_blocked

from seemachine.commands import pages
from seemachine.faults import Fault, Injector, Plan, latency_of
from seemachine.machine import Machine
from seemachine.server.service import Service
from seemachine.testing import QUICK, install_key
from seemachine.wire import messages as m
from seemachine.wire.link import Link, Role
from seemachine.wire.status import Status, StatusError

SETS = {"tree": QUICK["lms"], "ots": QUICK["lmots"]}


class Bench:
    """A machine with a key, where faults are injected."""

    def __init__(self, folder: Path, nursery: trio.Nursery, latency: str = "") -> None:
        self.log, self.nursery = Events(), nursery
        self.machine: Machine = make_machine(folder)
        plan = Plan(latency=latency_of(latency), seed="7")
        # Threads ask for the time, too.
        clock = trio.lowlevel.current_clock().current_time
        self.injector = Injector(plan, clock, self._tell)
        self.machine.faults = self.injector
        self.key = install_key(self.machine, **SETS)
        pages.prepare(self.machine, name_of(self.key))
        self.service: Service = make_service(self.machine, self.log)
        nursery.start_soon(self.service.pipeline.run)

    def _tell(self, fault: Fault, where: str) -> None:
        self.log.warning("fault injected", fault=fault.text, where=where)

    async def peer(self) -> Peer:
        """A client that said hello."""
        return await join(self.nursery, self.service).greet()

    def request(self, message: bytes = b"message") -> m.NvmemfileSign:
        """To sign."""
        return m.NvmemfileSign(file=name_of(self.key), token=new_token(), message=message)

    @property
    def pausing(self) -> list[trio.CancelScope]:
        """Of the requests that wait because the machine is slow."""
        return [each for each in self.service.idle if isinstance(each, trio.CancelScope)]

    @property
    def taken(self) -> int:
        """How many leaves are gone."""
        file = self.machine.store.get(name_of(self.key))
        assert file is not None
        return file.next


async def passes(clock: MockClock, seconds: float) -> None:
    """So much time, which stands still else."""
    await wait_all_tasks_blocked()
    clock.jump(seconds)
    await wait_all_tasks_blocked()


OF_FAULTS = {
    "add": m.AddFault(fault="drop-before"),
    "list": m.ListFaults(after=0),
    "clear": m.ClearFaults(number=0),
}


@pytest.fixture
async def bench(tmp_path: Path, nursery: trio.Nursery) -> Bench:
    """See Bench."""
    return Bench(tmp_path, nursery)


async def test_a_request_is_refused(bench: Bench) -> None:
    """With the status and the sentence that were asked for; the next one is carried out."""
    bench.injector.add("refuse on=signing times=1 status=AccessDenied detail='not today'")
    peer = await bench.peer()
    refused = await peer.ask(bench.request())
    assert isinstance(refused, StatusError)
    assert (refused.status, refused.detail) == (
        Status.AccessDenied,
        "not today in nvmemfile_sign",
    )
    assert bench.taken == 0
    assert (await peer.ask(bench.request())).leaf == 0


async def test_a_request_is_delayed(bench: Bench, mock_clock: MockClock) -> None:
    """By so many seconds, and then carried out."""
    bench.injector.add("delay seconds=30 times=1")
    peer = await bench.peer()
    await peer.send(bench.request())
    await until(lambda: bench.pausing)
    await passes(mock_clock, 29.9)
    assert bench.taken == 0
    await passes(mock_clock, 0.2)
    assert isinstance(await peer.receive(), m.NvmemfileSigned)
    assert isinstance(await peer.ask(bench.request()), m.NvmemfileSigned)


async def test_a_connection_drops_before(bench: Bench) -> None:
    """Nothing is carried out, nothing is said."""
    bench.injector.add("drop-before times=1 on=nvmemfile_sign")
    peer = await bench.peer()
    await peer.send(bench.request())
    assert await peer.rest() == b""
    await peer.over.wait()
    assert bench.taken == 0
    assert [each["command"] for each in bench.log.named("request")] == ["hello"]


async def test_a_connection_drops_after(bench: Bench) -> None:
    """The leaf is gone and the log says so; who asks again with the token gets that signature."""
    bench.injector.add("drop-after times=1 on=nvmemfile_sign")
    peer, request = await bench.peer(), bench.request()
    await peer.send(request)
    assert await peer.rest() == b""
    await peer.over.wait()
    assert bench.taken == 1
    assert [each["leaf"] for each in bench.log.named("request")[1:]] == [0]
    signed = await (await bench.peer()).ask(request)
    assert (signed.leaf, bench.taken) == (0, 1)
    assert verifies(bench.key.encode(), signed.signature, request.message)


async def test_a_reply_is_torn(bench: Bench) -> None:
    """Half of the frame arrives, and the end."""
    bench.injector.add("tear times=1 on=nvmemfile_sign")
    peer, request = await bench.peer(), bench.request()
    await peer.send(request)
    half = await peer.rest()
    assert bench.taken == 1
    other = await bench.peer()
    signed = await other.ask(request)
    whole = Link(Role.SERVER)
    whole.receive_data(asked_frame(1, HELLO) + asked_frame(2, request))
    whole.next_event()
    whole.send(await other.ask(HELLO))
    whole.next_event()
    frame = whole.send(signed)
    assert half == frame[: len(frame) // 2]


@pytest.mark.parametrize("on", ["nvmemfile_sign_many", "signing"])
@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "tear", "refuse"])
async def test_many_signatures_meet_faults_as_one(bench: Bench, kind: str, on: str) -> None:
    """A request for many is one request, and signs: all of its leaves are taken, or none."""
    bench.injector.add(f"{kind} times=1 on={on}")
    tokens, messages = [new_token() for _ in range(5)], [b"%d" % n for n in range(5)]
    request = m.NvmemfileSignMany(file=name_of(bench.key), tokens=tokens, messages=messages)
    peer = await bench.peer()
    await peer.send(request)
    await peer.rest() if kind != "refuse" else await peer.receive()
    assert bench.taken == (5 if kind in ("drop-after", "tear") else 0)
    signed = await (await bench.peer()).ask(request)
    assert (signed.leaves, bench.taken) == ([0, 1, 2, 3, 4], 5)


async def test_a_delay_beyond_the_time_limit_is_refused(
    bench: Bench, mock_clock: MockClock
) -> None:
    """As whatever takes too long; it is not carried out after that."""
    bench.injector.add("delay seconds=121 times=1")
    peer = await bench.peer()
    await peer.send(bench.request())
    await until(lambda: bench.pausing)
    await passes(mock_clock, 120.5)
    refused = await peer.receive()
    assert refused.status is Status.TimeLimitExceeded
    assert await peer.receive() is None
    await passes(mock_clock, 10)
    assert bench.taken == 0


async def test_a_client_that_leaves_in_a_delay_leaves_nothing(
    bench: Bench, mock_clock: MockClock
) -> None:
    """The request is carried out, as of a machine that is slow; its session ends."""
    bench.injector.add("delay seconds=10 times=1")
    peer, request = await bench.peer(), bench.request()
    await peer.send(request)
    await until(lambda: bench.pausing)
    await peer.stream.aclose()
    await passes(mock_clock, 10)
    await peer.over.wait()
    assert bench.taken == 1
    assert (await (await bench.peer()).ask(request)).leaf == 0


async def test_a_machine_that_stops_waits_for_nothing(
    tmp_path: Path, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    """What is delayed is carried out and answered at once, whatever a slow machine would take."""
    bench = Bench(tmp_path, nursery, "signature=50")
    bench.injector.add("delay seconds=100")
    peer = await bench.peer()
    await peer.send(bench.request())
    await until(lambda: bench.pausing)
    assert bench.taken == 0
    bench.service.drain()
    assert isinstance(await peer.receive(), m.NvmemfileSigned)
    await peer.over.wait()


async def test_hello_meets_only_what_names_it(bench: Bench) -> None:
    """Who asks again gets in."""
    bench.injector.add("drop-before")
    bench.injector.add("drop-before on=hello times=1")
    peer = join(bench.nursery, bench.service)
    await peer.send(HELLO)
    assert await peer.rest() == b""
    peer = await bench.peer()
    await peer.send(NO_FILE)
    assert await peer.rest() == b""


async def test_whoever_clears_faults_meets_none(bench: Bench) -> None:
    """A machine that drops all there is can be put in order."""
    peer = await bench.peer()
    added = await peer.ask(m.AddFault(fault="drop-before"))
    assert (added.number, added.fault) == (1, "drop-before")
    assert [each.fault for each in (await peer.ask(m.ListFaults(after=0))).faults] == [
        "drop-before"
    ]
    other = await bench.peer()
    await other.send(NO_FILE)
    assert await other.rest() == b""
    assert (await peer.ask(m.ClearFaults(number=0))).cleared == 1
    assert (await peer.ask(NO_FILE)).status is Status.NotAvailable


async def test_hello_says_it(bench: Bench) -> None:
    """What is injected, in words; else that something may be."""
    peer = join(bench.nursery, bench.service)
    assert (await peer.ask(HELLO)).faults == "fault injection"
    bench.injector.add("delay seconds=0.01 on=slot_list times=1")
    assert (await peer.ask(HELLO)).faults == "1 fault"
    await peer.ask(m.ListSlots())
    assert (await peer.ask(HELLO)).faults == "fault injection"


async def test_each_fault_that_happens_is_in_the_log(bench: Bench) -> None:
    """As a warning, with its line and the request that met it."""
    bench.injector.add("refuse on=nvmemfile_info times=1")
    await (await bench.peer()).ask(NO_FILE)
    [warning] = bench.log.named("fault injected")
    assert warning["level"] == "warning"
    assert warning["fault"] == "refuse on=nvmemfile_info times=1"
    assert warning["where"] == "nvmemfile_info"


@pytest.mark.parametrize("request_name", ["add", "list", "clear"])
async def test_a_machine_without_injection_takes_no_faults(bench: Bench, request_name: str) -> None:
    """It says how to start one that does."""
    bench.machine.faults = None
    refused = await (await bench.peer()).ask(OF_FAULTS[request_name])
    assert refused.status is Status.NotAvailable
    assert "stop it, and start it with --fault-injection" in refused.detail


async def test_a_slow_machine_takes_no_faults(bench: Bench) -> None:
    """It says how slow it is, and has none to clear."""
    bench.machine.faults = Injector(Plan(latency=latency_of("5c")), takes_more=False)
    peer = await bench.peer()
    assert (await peer.ask(OF_FAULTS["add"])).status is Status.NotAvailable
    assert (await peer.ask(OF_FAULTS["list"])).latency == "5c"
    assert (await peer.ask(OF_FAULTS["clear"])).cleared == 0


@pytest.mark.parametrize(
    ("line", "detail"),
    [("drop-affter", "did you mean drop-after?"), ("", "a fault begins with its kind")],
)
async def test_a_fault_that_is_none_is_refused(bench: Bench, line: str, detail: str) -> None:
    """Over the wire too, with what would be right."""
    refused = await (await bench.peer()).ask(m.AddFault(fault=line))
    assert refused.status is Status.InvalidParameter
    assert detail in refused.detail


async def test_no_such_number(bench: Bench) -> None:
    """To clear what is not there is a mistake that somebody should hear of."""
    refused = await (await bench.peer()).ask(m.ClearFaults(number=3))
    assert refused.status is Status.UnknownID


async def test_listings_come_in_parts(bench: Bench) -> None:
    """As many as there may be."""
    for _ in range(256):
        bench.injector.add("refuse on=provisionLMS")
    peer, numbers = await bench.peer(), []
    while found := (await peer.ask(m.ListFaults(after=len(numbers)))).faults:
        numbers += [each.number for each in found]
    assert numbers == list(range(1, 257))
    refused = await peer.ask(m.AddFault(fault="refuse"))
    assert refused.status is Status.InvalidParameter


# ---------------------------------------------------------------- slow machines


async def test_a_slow_machine_signs_one_after_the_other(
    tmp_path: Path, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    """Three clients at once wait for each other; what is refused is quick."""
    bench = Bench(tmp_path, nursery, "5c")
    peers = [await bench.peer() for _ in range(3)]
    signed = []

    async def sign(peer: Peer) -> None:
        signed.append(await peer.ask(bench.request()))

    for peer in peers:
        nursery.start_soon(sign, peer)
    await until(lambda: bench.taken == len(bench.pausing) == 3)
    for count in range(4):
        await passes(mock_clock, 0)
        assert len(signed) == count
        await passes(mock_clock, 0.0201)
    assert (await peers[0].ask(NO_FILE)).status is Status.NotAvailable


async def test_a_slow_machine_makes_keys_slowly(
    tmp_path: Path, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    """As the guide prints it of the XC: a beginning, chunks, a last step."""
    bench = Bench(tmp_path, nursery, "xc")
    peer, replies = await bench.peer(), []

    async def ask(request: Any, seconds: float) -> Any:
        await peer.send(request)
        nursery.start_soon(receive)
        before = len(replies)
        await until(lambda: bench.pausing)
        await passes(mock_clock, seconds - 0.0005)
        assert len(replies) == before
        await passes(mock_clock, 0.001)
        return replies[before]

    async def receive() -> None:
        replies.append(await peer.receive())

    sets = {"lms": 10, "lmots": 6, "expcards": 0, "explease": 0, "expchunk": 4}
    started = await ask(m.GenerateLms(**sets), 0.002)
    for seconds in (0.249, 0.249, 0.01):
        await ask(m.ContinueLms(handle=started.handle), seconds)


async def test_what_takes_too_long_is_refused_and_not_lost(
    tmp_path: Path, nursery: trio.Nursery, mock_clock: MockClock
) -> None:
    """A slow machine with too much to do refuses what comes last; asked again, it has it ready."""
    bench = Bench(tmp_path, nursery, "signature=50")
    requests, replies = [bench.request(b"%d" % n) for n in range(3)], dict[int, Any]()

    async def ask(number: int) -> None:
        replies[number] = await (await bench.peer()).ask(requests[number])

    for number in range(3):
        nursery.start_soon(ask, number)
        await until(lambda number=number: len(bench.pausing) == number + 1)
    await passes(mock_clock, 100.5)
    assert [replies[number].leaf for number in range(2)] == [0, 1]
    await passes(mock_clock, 20)
    assert replies[2].status is Status.TimeLimitExceeded
    nursery.start_soon(ask, 2)
    await until(lambda: bench.pausing)
    await passes(mock_clock, 100)
    assert (replies[2].leaf, bench.taken) == (2, 3)
