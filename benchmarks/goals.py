"""What the figures are to reach.

Times and rates are for one kind of machine, beside what the tree BASE reached there. On any other
machine what counts is how much better this tree is than BASE, both measured in one run
(`--against`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from measure import plain

BASE = "5899bb1"
MACHINE = ("AMD EPYC (family 26, model 2)", 2)  # and its cores
SINGLES = "sign h15/w{w}, 64 clients"


@dataclass(frozen=True, slots=True)
class Goal:
    """`base`: what BASE reached on MACHINE, or None where that was not measured; `of`: the figure
    of BASE to compare with, where it is another one. `everywhere`: it holds on every machine.
    """

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    base: float | None = None
    of: str = ""
    everywhere: bool = False

    @property
    def bound(self) -> float:
        """The one of the two that there is."""
        bound = self.at_most if self.at_least is None else self.at_least
        assert bound is not None
        return bound

    @property
    def words(self) -> str:
        """What is to be reached."""
        return f"at {'most' if self.at_least is None else 'least'} {plain(self.bound)}"

    def reached(self, value: float, bound: float) -> bool:
        """Whether a value is on the right side of a bound."""
        return value <= bound if self.at_least is None else value >= bound


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one goal: the value, that of BASE in this run or None, and whether it is reached; None:
    that can't be said here.
    """

    goal: Goal
    value: float
    base: float | None
    met: bool | None

    @property
    def ratio(self) -> str:
        """How many times BASE, and what it was to be."""
        if not self.goal.base or not self.base:
            return ""
        return f"{self.value / self.base:.2f} (goal {self.goal.bound / self.goal.base:.2f})"

    @property
    def words(self) -> str:
        """For the table."""
        return {True: "met", False: "MISSED", None: "not told here"}[self.met]


GOALS = (
    Goal("sign h15/w8, 64 clients", at_least=10_000, base=4_574),
    Goal("sign h15/w4, 64 clients", at_least=12_000, base=5_121),
    Goal("sign h15/w8, 8 clients", at_least=5_500, base=3_700),
    Goal("sign h15/w8, one client, p50", at_most=0.42, base=0.683),
    Goal("sign h15/w8, one client, p50 less 1.5 commits", at_most=0.3),
    Goal(
        "sign_many h15/w8, 2 connections of 64",
        at_least=17_000,
        base=4_574,
        of=SINGLES.format(w=8),
    ),
    Goal(
        "sign_many h15/w4, 2 connections of 64",
        at_least=25_000,
        base=5_121,
        of=SINGLES.format(w=4),
    ),
    Goal("seeclient: key.sign beyond the bare exchange", at_most=60, base=194),
    Goal("pipsqueak banner, one machine", at_most=65, base=89),
    Goal("pipsqueak --help", at_most=50, base=67),
    Goal("daemon ready, from process start to published", at_most=140, base=198),
    Goal("import seeclient.blocking, Python running", at_most=40),
    Goal("100 machines, a process each: ready", at_most=5, base=40.6),
    Goal("100 machines, a process each: memory (PSS)", at_most=900, base=2_440),
    Goal("100 machines in one process: ready", at_most=3, base=6.0),
    Goal("100 machines in one process: memory (PSS)", at_most=80, everywhere=True),
    *(
        Goal(f"100 {shape}: {command}", at_most=1)
        for shape in ("machines, a process each", "machines in one process")
        for command in ("fleet status", "pipsqueak banner", "showinfo", "fleet down")
    ),
    Goal("leaves, sha256_n32_w8", at_least=16_400, base=15_102),
    Goal("sign 64, sha256_n32_w4", at_least=160_000, base=120_000),
    # BASE verified one by one.
    Goal("verification in bulk, h10/w8, on a core", at_least=25_000, base=9_338),
    Goal("audit, signatures a second", at_least=10_000, base=100_000 / 45),
    Goal("audit of 100,000 signatures: peak memory", at_most=150, everywhere=True),
    Goal("keygen h10/w8: times faster than pyhsslms", at_least=45, everywhere=True),
    Goal("keygen h10/w8, 2 threads", at_least=1.9, everywhere=True),
    Goal("keygen h20/w8, 32 times h15", at_most=100),
    Goal("keygen h15/w8, what the daemon adds", at_most=15, everywhere=True),
    Goal("sign h15/w8 meanwhile, p99", at_most=50),
    Goal("peak memory of the daemon meanwhile", at_most=200, everywhere=True),
)


def verdicts(
    host: Mapping[str, Any], ours: Mapping[str, float], base: Mapping[str, float]
) -> list[Verdict]:
    """Of each goal whose figure was measured. `base`: figures of BASE in the same run, if any."""
    alike = (host["cpu"], host["cores"]) == MACHINE
    return [
        _verdict(goal, ours[goal.figure], base.get(goal.of or goal.figure), alike)
        for goal in GOALS
        if goal.figure in ours
    ]


def _verdict(goal: Goal, value: float, base: float | None, alike: bool) -> Verdict:
    met: bool | None = goal.reached(value, goal.bound)
    if not (met or alike or goal.everywhere):
        met = goal.reached(value / base, goal.bound / goal.base) if base and goal.base else None
    return Verdict(goal, value, base, met)
