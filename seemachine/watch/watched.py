"""What is known of a fleet over time: look after look goes in, and what changed comes out."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

from seemachine.frozen import frozen, replace
from seemachine.state.errors import counted
from seemachine.watch.burning import Burning
from seemachine.watch.looks import STARTING, UP, Asked, FleetLook, MachineLook
from seemachine.wire.messages import NvmemfileInfo, Slot
from seemachine.wire.names import printed_name

# Requests of so many seconds are counted.
LATELY_SECONDS = 60.0
NOTHING = FleetLook(0.0, 0.0, ())


@frozen
class Change:
    """A sentence about what changed, and when, in seconds since 1970. Bad ones need a person."""

    time: float
    sentence: str
    bad: bool = False


@frozen
class Holding:
    """What one machine has of a key, and whether it can sign with it now."""

    esn: str
    info: NvmemfileInfo
    rate: float
    usable: bool


@frozen
class Key:
    """A key, with what machines have of it, and what is on cards."""

    name: str
    file: bytes
    holdings: Sequence[Holding]
    leases: int = 0
    cards: int = 0

    @property
    def left(self) -> int:
        """Signatures that can be made now."""
        return sum(each.info.remaining for each in self.holdings if each.usable)

    @property
    def size(self) -> int:
        """Of the leases that these are in."""
        return sum(each.info.end - each.info.first for each in self.holdings if each.usable)

    @property
    def rate(self) -> float:
        """Signatures a second, lately."""
        return sum(each.rate for each in self.holdings)

    @property
    def found(self) -> bool:
        """Whether some machine or card has a part of it."""
        return bool(self.holdings or self.leases)


def seconds_left(left: int, rate: float) -> float | None:
    """Until so many signatures are used, at this rate; None where nothing is being used."""
    return left / rate if rate > 0 else None


class Watched:
    """A fleet that is looked at again and again."""

    def __init__(self) -> None:
        self.look = NOTHING
        self._known: dict[str, MachineLook] = {}
        self._burning: dict[tuple[str, bytes], Burning] = {}
        self._names: dict[bytes, str] = {}
        self._asked: deque[tuple[float, Asked]] = deque()
        # The state of each machine that was told last.
        self._told: dict[str, str] = {}
        # How often each machine was seen to start again; files of which the last look found leaves
        # used.
        self.restarts: dict[str, int] = {}
        self.burned: set[bytes] = set()

    @property
    def machines(self) -> list[MachineLook]:
        """All of the last look, in module order, those of no number last; of one that does not
        answer also what it had.
        """
        found = list(self._known.values())
        return sorted(found, key=lambda each: (each.module == 0, each.module, each.esn))

    @property
    def keys(self) -> list[Key]:
        """Those that machines or cards have leaves of, or that are known on this host; by name."""
        holdings: dict[bytes, list[Holding]] = {}
        for machine in self.machines:
            for info in machine.files:
                rate = self._burning[machine.esn, info.file].rate if machine.state == UP else 0.0
                usable = machine.state == UP and not (info.quarantined or info.foreign)
                holdings.setdefault(info.file, []).append(Holding(machine.esn, info, rate, usable))
        for file in (*self.look.leases, *self.look.aliases):
            holdings.setdefault(file, [])
        made = [
            Key(self.name_of(file), file, held, *self.look.leases.get(file, (0, 0)))
            for file, held in holdings.items()
        ]
        return sorted(made, key=lambda key: (key.file not in self.look.aliases, key.name))

    @property
    def unseen(self) -> list[MachineLook]:
        """Machines of which nobody here knows what they hold: they have not answered yet."""
        return [each for each in self.machines if each.state != UP and not each.opening]

    @property
    def asked(self) -> list[Asked] | None:
        """What was asked lately; None where nobody knows."""
        return None if self.look.asked is None else [each for _, each in self._asked]

    def name_of(self, file: bytes) -> str:
        """What a key is called here."""
        return self._names.get(file) or printed_name(file)

    def take(self, look: FleetLook) -> list[Change]:
        """Another look. Returns what changed since the one before; of the first one nothing."""
        first, self.look = self.look is NOTHING, look
        self._count(look)
        # Also of a key whose file is gone by now.
        self._names |= look.aliases
        self.burned.clear()
        changed: list[tuple[str, bool]] = []
        gone = self._known.keys() - {machine.esn for machine in look.machines}
        for esn in sorted(gone):
            del self._known[esn], self._told[esn]
            changed.append((f"{esn} is gone", False))
        for machine in look.machines:
            changed += self._met(machine)
        changed += _refused(look.asked or ())
        return [] if first else [Change(look.time, *each) for each in changed]

    def _count(self, look: FleetLook) -> None:
        self._asked += ((look.at, each) for each in look.asked or ())
        while self._asked and self._asked[0][0] < look.at - LATELY_SECONDS:
            self._asked.popleft()

    def _met(self, machine: MachineLook) -> Iterator[tuple[str, bool]]:
        before = self._known.get(machine.esn)
        if before is not None and machine.state != UP:
            machine = replace(before, state=machine.state, why=machine.why)
        if before is None:
            self._told[machine.esn] = machine.state
            yield f"{machine.esn} is {machine.state}", False
        else:
            yield from self._turned(before, machine)
        if machine.state == UP:
            yield from self._burned(before, machine)
            yield from _cards(machine.esn, before.slots if before else (), machine.slots)
            yield from self._doubts(before, machine)
        self._known[machine.esn] = machine

    def _turned(self, before: MachineLook, machine: MachineLook) -> Iterator[tuple[str, bool]]:
        """Up, down, or somebody else by now."""
        esn, told = machine.esn, self._told[machine.esn]
        anew = before.opening and machine.opening and before.opening != machine.opening
        is_on_its_way = _is_on_its_way(before, machine)
        if anew:
            self.restarts[esn] = self.restarts.get(esn, 0) + 1
            yield f"{esn} was started again", told == UP
        elif machine.state != told and not is_on_its_way:
            why = f": {machine.why}" if machine.why else ""
            again = " again" if machine.state == UP and before.opening else ""
            yield f"{esn} is {machine.state}{again}{why}", machine.state != UP
        if not is_on_its_way:
            self._told[esn] = machine.state
        if before.wrong != machine.wrong and machine.state == UP:
            what = f"has faults: {machine.wrong}" if machine.wrong else "has no faults any more"
            yield f"{esn} {what}", bool(machine.wrong)

    def _burned(
        self, before: MachineLook | None, machine: MachineLook
    ) -> Iterator[tuple[str, bool]]:
        esn, at = machine.esn, self.look.at
        had = {info.file: info for info in before.files} if before else {}
        for info in machine.files:
            used = self._burning.setdefault((esn, info.file), Burning()).seen(info, at)
            self.burned |= {info.file} if used else set()
            yield from self._file_changed(esn, had.pop(info.file, None), info, used)
        for file in had:
            self._burning.pop((esn, file), None)
            yield f"{self.name_of(file)}: nothing is left of it on {esn}", True

    def _file_changed(
        self, esn: str, had: NvmemfileInfo | None, info: NvmemfileInfo, used: int
    ) -> Iterator[tuple[str, bool]]:
        name = self.name_of(info.file)
        if had is None or (had.first, had.end) != (info.first, info.end):
            count = info.end - info.first
            yield f"{name}: leaves {info.first} to {info.end - 1} came to {esn} ({count})", False
        if used and not info.remaining:
            yield f"{name}: the last signature of its lease on {esn} is used", True
        elif used and had is not None and had.remaining > info.warnat >= info.remaining > 0:
            yield f"{name}: {info.remaining} left on {esn}, each needs an acknowledgement", True
        if info.quarantined and not (had and had.quarantined):
            yield f"{name}: in quarantine on {esn}", True

    def _doubts(
        self, before: MachineLook | None, machine: MachineLook
    ) -> Iterator[tuple[str, bool]]:
        if machine.doubt and machine.doubt != (before.doubt if before else ""):
            yield f"{machine.esn}: {machine.doubt}", True


def _is_on_its_way(before: MachineLook, machine: MachineLook) -> bool:
    """Whether it has just begun to start: by the next look it is up as a rule, and one sentence
    tells of both.
    """
    return machine.state == STARTING != before.state


def _refused(asked: Iterable[Asked]) -> Iterator[tuple[str, bool]]:
    """Each kind of refusal once, with how many there were."""
    kinds = Counter((each.esn, each.command, each.status) for each in asked if not each.done)
    for (esn, command, status), count in kinds.items():
        times = f", {count} times" if count > 1 else ""
        yield f"{esn}: {command} refused: {status}{times}", True


def _cards(esn: str, before: Iterable[Slot], now: Iterable[Slot]) -> Iterator[tuple[str, bool]]:
    had = {(slot.slot, slot.ic): slot for slot in before}
    for slot in now:
        old = had.pop((slot.slot, slot.ic), None)
        if old is None:
            yield f"{esn}: {described(slot)} came into slot {slot.slot}", False
        elif (old.kind, old.leases) != (slot.kind, slot.leases):
            yield f"{esn}: slot {slot.slot} has {described(slot)}", False
    for slot in had.values():
        yield f"{esn}: {slot.card} left slot {slot.slot}", False


def described(slot: Slot) -> str:
    """A card in a few words."""
    more = f", {counted(slot.leases, 'lease')}" if slot.leases else ""
    return f"{slot.card} ({slot.kind}{more})"
