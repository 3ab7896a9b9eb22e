"""Which faults happen at which request or place: the same plan, seed and sequence give the same."""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from seemachine.faults.counted import Counted, Injected
from seemachine.faults.fault import Fault
from seemachine.faults.forms import HELLO, SPARED, FaultError, fault_of
from seemachine.faults.kinds import REQUEST
from seemachine.faults.latency import Pace
from seemachine.faults.plan import Plan
from seemachine.faults.verdict import Verdict, verdict_on
from seemachine.frozen import replace
from seemachine.wire.names import TAKES_FAULTS
from seemachine.wire.record import Record
from seemachine.wire.requests import Effect, Request
from seemachine.wire.status import StatusError

# Every request looks at each of them.
MOST_FAULTS = 256
NO_PLAN = Plan()

Tell = Callable[[Fault, str], None]


class _Work(threading.local):
    """What a thread carries out; nothing while it serves no request."""

    names: Sequence[str] = ()


class Injector:
    """The faults of one machine. Threads may share it.

    `clock` is in seconds, and any thread may call it. `tell` is called with each fault that
    happens, and where: at a request, or at a place while requests are carried out. With
    `takes_more` off it has what its plan says, and the machine takes no others.
    """

    def __init__(
        self,
        plan: Plan = NO_PLAN,
        clock: Callable[[], float] = time.monotonic,
        tell: Tell = lambda _fault, _where: None,
        *,
        takes_more: bool = True,
    ) -> None:
        self._plan = plan
        self.now = clock
        self._lock = threading.Lock()
        self._faults: list[Counted] = []
        self._count = 0
        self._work = _Work()
        self._pace = Pace(plan.latency)
        self._acts: dict[str, Callable[[Fault], None]] = {}
        self.tell = tell
        self.takes_more = takes_more
        for fault in plan.faults:
            self.add(fault)

    def when(self, kind: str, act: Callable[[Fault], None]) -> None:
        """Have `act` called whenever a fault of a kind happens, with that fault."""
        self._acts[kind] = act

    def meet(self, request: Request[Record]) -> Verdict:
        """What becomes of a request. Call once for each."""
        met = self._fired(lambda fault: _is_for(fault, request))
        self._act(met, request.NAME)
        return verdict_on(met)

    def seconds_left(
        self, request: Request[Record], reply: Record | StatusError, began: float
    ) -> float:
        """How long to keep back a reply, until the machine that this one imitates would have it.
        Call once for each, with what `now` was before the request was carried out.
        """
        return self._pace.seconds_left(request, reply, began, self.now())

    @contextlib.contextmanager
    def during(self, names: Sequence[str]) -> Iterator[None]:
        """While this thread carries out requests by these names, together: faults of the machine's
        state may be meant for some of them.
        """
        before, self._work.names = self._work.names, names
        try:
            yield
        finally:
            self._work.names = before

    def meet_at(self, place: str, card: str = "") -> Fault | None:
        """The fault that happens at a place of the machine's state now, if one does; the oldest of
        several. Call once each time. `card` is the one that is there, if any.
        """
        names = self._work.names

        def concerns(fault: Fault) -> bool:
            is_meant = not fault.on or any(map(fault.is_on, names))
            return is_meant and fault.place == place and fault.card in ("", card)

        first = self._fired(concerns, most=1)
        self._act(first, f"{place} in {', '.join(dict.fromkeys(names))}" if names else place)
        return first[0] if first else None

    def in_force(self, place: str) -> tuple[Fault, ...]:
        """The faults that may happen at a place now. Nothing is counted, drawn or told."""
        now = self.now()
        with self._lock:
            return tuple(
                each.fault
                for each in self._faults
                if each.fault.place == place and each.is_due(now)
            )

    def add(self, given: "Fault | str | Sequence[str] | Mapping[str, Any]") -> Injected:
        """Another fault. Raises FaultError."""
        fault, now = fault_of(given), self.now()
        with self._lock:
            self._make_room(now)
            self._count += 1
            counted = Counted(self._count, self._seeded(fault), now)
            self._faults.append(counted)
            return counted.view(now)

    def clear(self, number: int = 0) -> int:
        """Take away a fault by its number, or all of them. Returns how many there were."""
        with self._lock:
            kept = [each for each in self._faults if number not in (0, each.number)]
            cleared = len(self._faults) - len(kept)
            self._faults = kept
            return cleared

    def listing(self) -> tuple[Injected, ...]:
        """Every fault, the oldest first, those that happen no more too."""
        now = self.now()
        with self._lock:
            return tuple(each.view(now) for each in self._faults)

    @property
    def latency(self) -> str:
        """How slow the machine is told to be; empty when it is not."""
        return self._plan.latency.text

    @property
    def summary(self) -> str:
        """What is injected now, in words, or that something may be."""
        left = sum(not each.spent for each in self.listing())
        told = [f"latency {self.latency}"] if self.latency else []
        told += [f"{left} fault{'s' if left > 1 else ''}"] if left else []
        return "; ".join(told or [TAKES_FAULTS])

    def _fired(
        self, concerns: Callable[[Fault], bool], most: int = MOST_FAULTS
    ) -> tuple[Fault, ...]:
        """Those that happen now, `most` of them; the rest do not count it."""
        if not self._faults:
            return ()
        now = self.now()
        with self._lock:
            fired = (
                each.fault
                for each in self._faults
                if concerns(each.fault) and each.is_due(now) and each.fires()
            )
            return tuple(islice(fired, most))

    def _act(self, met: tuple[Fault, ...], where: str) -> None:
        """Without the lock: who is called may ask for the faults."""
        for fault in met:
            self.tell(fault, where)
            if (act := self._acts.get(fault.kind)) is not None:
                act(fault)

    def _make_room(self, now: float) -> None:
        """The oldest that happens no more gives way. Raises FaultError."""
        if len(self._faults) < MOST_FAULTS:
            return
        for each in self._faults:
            if each.is_spent(now):
                self._faults.remove(each)
                return
        raise FaultError(
            f"there are {MOST_FAULTS} faults already; clear some with: seemachine fault clear"
        )

    def _seeded(self, fault: Fault) -> Fault:
        """With the seed of its draws, so that whoever lists it can have the same again."""
        if fault.probability == 1 or fault.seed:
            return fault
        plan = self._plan.seed
        seed = f"{plan}.{self._count}" if plan else secrets.token_hex(4)
        return replace(fault, seed=seed)


def _is_for(fault: Fault, request: Request[Record]) -> bool:
    """Who clears faults meets none on the way, and hello only those that name it."""
    name = request.NAME
    if fault.facts.place != REQUEST or name.startswith(SPARED):
        return False
    if fault.on:
        return fault.is_on(name)
    return name != HELLO and not (fault.facts.spares_looks and request.EFFECT is Effect.LOOKS)
