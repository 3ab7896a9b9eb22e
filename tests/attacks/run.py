"""`make attack SECONDS=10`: every attack for so long, on a machine of its own, as tables in
Markdown.

With the limits as they are, and with limits that let all attackers in; then machines that are kept
short of something. Not 0 when an honest client failed or a leaf came twice.
"""

import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from attacks import shortages
from attacks.attackers import ATTACKS
from attacks.siege import ATTACKERS, NEWCOMERS, STEADY, WIDE, Outcome, besiege, machine, signing_key

HEAD = (
    "attack",
    "connects",
    "held",
    "done",
    "failed",
    "p50",
    "p99",
    "new p50",
    "new p99",
    "peak MB",
    "descriptors",
    "log KB",
)
HEIGHT = 15  # as many leaves as honest clients need for a minute and a half
# The machine's stopping is not measured; attackers that wait for their turn make it last as long as
# it may.
STOP = {"drain_seconds": 1}
LIMITS = {
    "default limits": STOP,
    f"{WIDE} connections": {**STOP, "connections": WIDE, "peer_connections": WIDE},
}


@dataclass(frozen=True)
class Line:
    """One attack that is over."""

    kind: str
    outcome: Outcome

    @property
    def good(self) -> bool:
        """No honest client failed, and no leaf came twice."""
        return not self.outcome.failures and len(set(self.outcome.leaves)) == len(
            self.outcome.leaves
        )

    def cells(self) -> list[str]:
        """What stands in the table."""
        o = self.outcome
        times = [
            _milliseconds(values, percent)
            for values in (o.steady, o.newcomers)
            for percent in (50, 99)
        ]
        figures = (o.connected, o.held, len(o.leaves), len(o.failures))
        return [
            self.kind,
            *(f"{each:,}" for each in figures),
            *times,
            f"{o.peak / 1000:.0f}",
            str(o.descriptors),
            f"{o.log / 1000:.0f}",
        ]


def _milliseconds(values: list[float], percent: int) -> str:
    return (
        f"{statistics.quantiles(values, n=100, method='inclusive')[percent - 1]:,.1f}"
        if len(values) > 1
        else "-"
    )


def attack(kind: str, seconds: float, limits: dict[str, int]) -> Line:
    """One attack on one machine."""
    with (
        tempfile.TemporaryDirectory(prefix="seemachine-attack.") as folder,
        machine(Path(folder), limits) as running,
    ):
        return Line(kind, besiege(running, kind, signing_key(running, HEIGHT), seconds))


def show(cells: list[str]) -> None:
    """A row of the table, now."""
    print("| " + " | ".join(cells) + " |", flush=True)


def main() -> int:
    """See the module."""
    seconds, *only = sys.argv[1:]
    # There is no port with TLS yet to point the attack of a half-done handshake at.
    kinds = only or ["none", *(kind for kind, attack in ATTACKS.items() if not attack.tls)]
    good = True
    for name, limits in LIMITS.items():
        print(
            f"\n{ATTACKERS} attackers, {STEADY} clients that stay and {NEWCOMERS} that come anew,"
            f" {seconds} s each, {name}\n"
        )
        show(list(HEAD))
        show(["---"] * len(HEAD))
        for kind in kinds:
            line = attack(kind, float(seconds), limits)
            show(line.cells())
            good = good and line.good
            for reason, count in Counter(line.outcome.failures).most_common(5):
                print(f"  {count} times {reason}", file=sys.stderr, flush=True)
    if not only:
        print(f"\nMachines that are kept short; the clients do not pause; {seconds} s each\n")
        good = shortages.table(float(seconds)) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
