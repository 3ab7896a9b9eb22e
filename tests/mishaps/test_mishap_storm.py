"""Each fault of a machine's state in a storm of requests: whatever fails, no leaf signs twice, and
nothing but leaves is lost.
"""

import contextlib
import random
import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest
from kit.mishaps import SLOT, Bench
from kit.stores import KINDS, quick_folder
from kit.whens import COUNT, SCHEDULE, SEEDED

from seemachine.faults import KINDS as FAULTS
from seemachine.faults.kinds import REQUEST
from seemachine.state.errors import StateFailed
from seemachine.testing import ESN
from seemachine.wire import messages as m

THREADS, ROUNDS = 3, 18
OF_STATE = [name for name, kind in FAULTS.items() if kind.place != REQUEST]
# A schedule in memory, counts in files, chance in the database: each fault meets each of them.
WHEN = {"memory": SCHEDULE, "file": COUNT, "sqlite": SEEDED}


# What lasts has no counts, and an NVRAM in memory no witness.
NEVER_COUNTED = {"memory": ("clock-moved", "witness-lost"), "file": ("clock-moved",)}
NEVER_COUNTED["sqlite"] = NEVER_COUNTED["file"]


@dataclass
class Storm:
    """Threads that sign and bring leases in, each with a few tokens that it asks again."""

    bench: Bench
    chance: random.Random
    files: list[bytes]
    said: Counter[str] = field(default_factory=Counter)

    def rage(self) -> None:
        """Until each thread has done its rounds."""
        threads = [
            threading.Thread(target=self._ask, args=(random.Random(self.chance.random()),))
            for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ask(self, chance: random.Random) -> None:
        asked: list[tuple[bytes, bytes, bytes]] = []
        for number in range(ROUNDS):
            if number % 4 == 3:
                self._bring_in(chance)
                self._tell_witness()
            if not asked or chance.random() < 0.7:
                asked.append((chance.choice(self.files), chance.randbytes(16), chance.randbytes(8)))
            self._hear(self.bench.sign(*chance.choice(asked[-3:])))

    def _bring_in(self, chance: random.Random) -> None:
        arrived = self.bench.provision()
        if isinstance(arrived, m.LmsProvisioned):
            self.files.append(arrived.file)
        elif "there is no card" in arrived:
            # Somebody finds it on the rack.
            with_leases = [each.card for each in self.bench.rack.listing() if not each.esn]
            if with_leases:
                self._insert(chance.choice(with_leases))
        else:
            self._hear(arrived)

    def _tell_witness(self) -> None:
        """As the machine does by itself from time to time."""
        with contextlib.suppress(StateFailed):
            self.bench.held.machine.store.beat()

    def _insert(self, card: str) -> None:
        try:
            self.bench.rack.insert(card, ESN, SLOT)
        except Exception as error:  # noqa: BLE001 - another thread was first
            self._hear(str(error))

    def _hear(self, said: object) -> None:
        self.said[said.split(":")[0] if isinstance(said, str) else "OK"] += 1


def line(kind: str, moment: str, store: str) -> str:
    """The fault of a kind in a storm. A clock that is moved takes only a schedule."""
    if kind == "clock-moved":
        return f"{kind} seconds=-100000 {SCHEDULE if store == 'memory' else ''}"
    return f"{kind} {WHEN[store]} {moment and f'moment={moment}'}"


@pytest.mark.parametrize("store", [kind.name for kind in KINDS])
@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        (kind, moment)
        for kind in OF_STATE
        for moment in (("read", "write", "written") if kind == "card-pulled" else ("",))
    ],
)
def test_no_leaf_signs_twice_in_a_storm(kind: str, moment: str, store: str) -> None:
    """And once the fault is cleared, every key goes on, also after a start."""
    with quick_folder() as folder:
        bench = Bench(folder, store)
        keys = [bench.singular() for _ in range(3)]
        bench.card(leases=32)
        storm = Storm(bench, random.Random(f"{kind} {moment} {store}"), list(keys))
        bench.faults.add(line(kind, moment, store))
        storm.rage()
        assert storm.said["OK"]
        assert bench.faults.listing()[0].fired or kind in NEVER_COUNTED[store]
        bench.faults.clear()
        bench.check()
        for _ in range(2):
            assert all(isinstance(bench.sign(file), int) for file in keys)
            bench.held.restart()
        for file in keys:
            while isinstance(bench.sign(file), int):
                pass
            assert bench.sign(file).startswith("NotAvailable")
        bench.check()
        bench.close()
