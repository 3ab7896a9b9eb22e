"""What a machine without a process does where faults are injected: the same as a daemon."""

import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from kit.frames import asked_frame, parts
from kit.services import HELLO, NO_FILE, name_of
from seeclient import StatusError as Refused
from seeclient.algorithms.lms.signing import new_token

from seemachine import testing
from seemachine.faults import Injector, Plan, latency_of
from seemachine.machine import Machine
from seemachine.testing import ESN, OTHER_ESN, QUICK, AsyncMemoryWire, MemoryWire, install_key
from seemachine.wire import messages as m


class Bench:
    """A machine with a key, and a wire whose waits are kept and not waited for."""

    def __init__(self, folder: Path, latency: str = "") -> None:
        self.rig = testing.Rig(folder)
        self.injector = Injector(Plan(latency=latency_of(latency)))
        self.machine: Machine = self.rig.start(faults=self.injector)
        self.key = install_key(self.machine, tree=QUICK["lms"], ots=QUICK["lmots"])
        self.waits: list[float] = []

    def wire(self) -> MemoryWire:
        """After hello."""
        made = MemoryWire(self.machine, sleep=self.waits.append)
        made.send(asked_frame(1, HELLO), 1.0)
        assert parts(made.receive(1.0))[1] == "ok"
        return made

    def request(self) -> m.NvmemfileSign:
        """To sign."""
        return m.NvmemfileSign(file=name_of(self.key), token=new_token(), message=b"m")

    @property
    def taken(self) -> int:
        """How many leaves are gone."""
        file = self.machine.store.get(name_of(self.key))
        assert file is not None
        return file.next


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """See Bench."""
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("line", "taken", "received"),
    [("drop-before", 0, False), ("drop-after", 1, False), ("tear", 1, True)],
)
def test_a_wire_breaks(bench: Bench, line: str, taken: int, received: bool) -> None:
    """Before or after the request; nothing is received, or half of the reply, then the end; and
    nothing can be sent any more.
    """
    wire = bench.wire()
    bench.injector.add(f"{line} times=1")
    wire.send(asked_frame(2, bench.request()), 1.0)
    assert bench.taken == taken
    half = wire.receive(1.0)
    assert bool(half) is received
    if received:
        assert len(half) < int.from_bytes(half[:4], "big") < 2 * len(half)
    assert wire.receive(1.0) == b""
    assert wire.has_news
    with pytest.raises(BrokenPipeError):
        wire.send(asked_frame(3, HELLO), 1.0)


def test_a_delay_is_waited_for_by_whoever_receives(bench: Bench) -> None:
    """The sender goes on: it may ask other machines meanwhile."""
    wire = bench.wire()
    bench.injector.add("delay seconds=30 times=1")
    wire.send(asked_frame(2, bench.request()), 1.0)
    assert (bench.waits, bench.taken) == ([], 0)
    assert parts(wire.receive(60.0))[1] == "ok"
    assert bench.waits == pytest.approx([30.0], abs=5)
    assert bench.taken == 1


def test_a_client_runs_out_of_patience(bench: Bench) -> None:
    """After its own seconds, as on a socket; the machine does what it was asked all the same."""
    wire = bench.wire()
    bench.injector.add("delay seconds=30 times=1")
    wire.send(asked_frame(2, bench.request()), 1.0)
    with pytest.raises(TimeoutError):
        wire.receive(2.0)
    assert (bench.waits, bench.taken) == ([2.0], 0)
    wire.close()
    assert bench.taken == 1


def test_what_takes_too_long_is_refused(bench: Bench) -> None:
    """A delay beyond the machine's own limit, before the request is carried out."""
    wire = bench.wire()
    bench.injector.add("delay seconds=121 times=1")
    wire.send(asked_frame(2, bench.request()), 1.0)
    refused = parts(wire.receive(200.0))[2]
    assert refused["name"] == "TimeLimitExceeded"
    assert bench.waits == pytest.approx([120.0], abs=5)
    assert bench.taken == 0


def test_a_slow_machine_signs_slowly(tmp_path: Path) -> None:
    """The reply is kept back, and not the signature."""
    bench = Bench(tmp_path, "signature=50")
    first, second, third = (bench.wire() for _ in range(3))
    for wire in (first, second, third):
        wire.send(asked_frame(2, bench.request()), 1.0)
    assert bench.taken == 3
    for wire, seconds in ((first, 50), (second, 100), (third, 120)):
        reply = parts(wire.receive(200.0))
        assert bench.waits.pop() == pytest.approx(seconds, abs=5)
    assert reply[2]["name"] == "TimeLimitExceeded"


def test_a_machine_that_stops_in_a_delay_is_gone(bench: Bench) -> None:
    """Whoever waits for it notices, and nothing was carried out."""
    wire = bench.rig.connect(bench.rig.environment.addresses()[0])
    wire._sleep = lambda _: bench.rig.stop()
    wire.send(asked_frame(1, HELLO), 1.0)
    wire.receive(1.0)
    bench.injector.add("delay seconds=1 times=1")
    wire.send(asked_frame(2, bench.request()), 1.0)
    with pytest.raises(ConnectionResetError):
        wire.receive(10.0)
    wire.close()
    assert bench.taken == 0


def test_a_wire_may_be_closed_by_another_thread(bench: Bench) -> None:
    """In the middle of what the machine does."""
    wire, inside, go_on = bench.wire(), threading.Event(), threading.Event()
    sign = bench.machine.store.reserve

    def held(*arguments: Any, **named: Any) -> Any:
        inside.set()
        assert go_on.wait(30)
        return sign(*arguments, **named)

    bench.machine.store.reserve = held  # type: ignore[method-assign]
    thread = threading.Thread(
        target=lambda: wire.send(asked_frame(2, bench.request()), 1.0), daemon=True
    )
    thread.start()
    assert inside.wait(30)
    wire.close()
    go_on.set()
    thread.join(30)
    assert bench.taken == 1


async def test_the_async_wire_waits_in_its_loop(tmp_path: Path, autojump_clock: Any) -> None:
    """A day passes in no time where the clock jumps."""
    bench = Bench(tmp_path)
    plain = bench.wire()
    wire = AsyncMemoryWire(plain)
    bench.injector.add("delay seconds=100 times=1")
    began = trio.current_time()
    await wire.send(asked_frame(2, bench.request()))
    assert parts(await wire.receive())[1] == "ok"
    assert trio.current_time() - began == pytest.approx(100, abs=5)
    bench.injector.add("drop-after times=1")
    await wire.send(asked_frame(3, NO_FILE))
    assert await wire.receive() == b""
    with pytest.raises(trio.BrokenResourceError):
        await wire.send(asked_frame(4, HELLO))
    await wire.close()


async def test_an_async_client_that_gives_up_leaves_nothing(
    tmp_path: Path, autojump_clock: Any
) -> None:
    """Cancelled in a delay and closed, its request is carried out, as by a daemon."""
    bench = Bench(tmp_path)
    wire = AsyncMemoryWire(bench.wire())
    bench.injector.add("delay seconds=100 times=1")
    await wire.send(asked_frame(2, bench.request()))
    with trio.move_on_after(1):
        await wire.receive()
    await wire.close()
    assert bench.taken == 1


def test_two_slow_machines_work_at_one_time(tmp_path: Path) -> None:
    """A client asks both, then waits for both: it takes as long as one of them."""
    rig, waits = testing.Rig(tmp_path), list[float]()
    for esn in (ESN, OTHER_ESN):
        injector = Injector()
        rig.start(esn, faults=injector)
        injector.add("delay seconds=0.05 on=slot_list")
    connect = rig.connect

    def watched(address: Any, context: object = None) -> MemoryWire:
        wire = connect(address, context)
        sleep = wire._sleep
        wire._sleep = lambda seconds: waits.append(seconds) or sleep(seconds)
        return wire

    rig.connect = watched  # type: ignore[method-assign]
    with rig.fleet() as fleet:
        assert len(fleet.machines()) == 2
    assert sum(waits) < 0.075


def test_a_client_is_told_of_refusals(bench: Bench) -> None:
    """As of any other; nothing is lost."""
    with bench.rig.fleet() as fleet:
        key = fleet.generate_lms("k", **QUICK)
        bench.injector.add("refuse on=signing times=1 status=ObjectInUse detail='not now'")
        with pytest.raises(Refused, match="not now"):
            key.sign(b"m")
        key.sign(b"m")
        assert fleet.key("k").info().remaining == 31
