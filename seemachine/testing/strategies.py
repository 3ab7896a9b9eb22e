"""Strategies for Hypothesis: parameter sets, keys, fleets and faults that exist and are quick.

    @given(strategies.lms_sets())
    def test_it_signs(sets):
        with testing.fleet() as fleet:
            fleet.generate_lms("release", **sets).sign(b"firmware")

They shrink towards the quickest sets, one machine and no fault.
"""

from typing import Any, NotRequired, TypedDict, cast

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "seemachine.testing.strategies needs Hypothesis; install it with: pip install hypothesis",
        name=error.name,
    ) from None

from seemachine.lms.parameters import OTS_SETS, TREE_SETS
from seemachine.testing import QUICK, LmsSets
from seemachine.wire.names import MODELS

# The height of the trees, and the widths of chains that hash at most 16 times a chain.
QUICK_HEIGHT, QUICK_WIDTHS = 5, (2, 4, 1)
# Cards and leases of a key, at most, as exponents.
MOST_EXPONENT = 2
MOST_MACHINES = 3
MOST_FAULTS = 3


class LmsKey(LmsSets):
    """Words of generate_lms, beside the alias."""

    expcards: NotRequired[int]
    explease: NotRequired[int]


class FleetWords(TypedDict):
    """Words of testing.fleet."""

    machines: int
    model: NotRequired[str]
    seed: NotRequired[int | str]
    store: NotRequired[str]


def lms_sets() -> SearchStrategy[LmsSets]:
    """`lms` and `lmots` of a pair that exists, as generate_lms takes them: each hash and length, 32
    leaves, w up to 4. The widest chains (w=8) take some ten times as long.
    """
    pairs: list[LmsSets] = [
        {"lms": tree.name, "lmots": ots.name}
        for tree in TREE_SETS
        for width in QUICK_WIDTHS
        for ots in OTS_SETS
        if (tree.hash, tree.m, tree.h) == (ots.hash, ots.n, QUICK_HEIGHT) and ots.w == width
    ]
    pairs.sort(key=lambda pair: pair != QUICK)
    return st.sampled_from(pairs).map(LmsSets.copy)


def lms_keys() -> SearchStrategy[LmsKey]:
    """What generate_lms takes beside the alias: also `expcards` and `explease`.

    A key with cards takes up to four blank ones, which machines with operator="auto" put in
    themselves.
    """
    exponents = st.integers(0, MOST_EXPONENT)
    shape = st.fixed_dictionaries({}, optional={"expcards": exponents, "explease": exponents})
    return st.builds(lambda sets, shape: cast("LmsKey", {**sets, **shape}), lms_sets(), shape)


def fleets() -> SearchStrategy[FleetWords]:
    """What testing.fleet takes: `machines`, `model`, `seed`, `store`."""
    seeds = st.integers(0, 1000) | st.text("abcdefghij", min_size=1, max_size=8)
    words = st.fixed_dictionaries(
        {"machines": st.integers(1, MOST_MACHINES)},
        optional={
            "model": st.sampled_from(MODELS),
            "seed": seeds,
            "store": st.sampled_from(("memory", "sqlite", "file")),
        },
    )
    return cast("SearchStrategy[FleetWords]", words)


def faults(*kinds: str) -> SearchStrategy[str]:
    """A fault in one line, such as `drop-after on=signing times=1`, of these kinds, else of
    any. It happens three times at most, and takes no time to speak of, so that whoever tries again
    comes through. Raises FaultError for a kind that there is not.
    """
    from seemachine.faults import KINDS, fault_of

    for kind in kinds:
        if kind not in KINDS:
            fault_of({"kind": kind})
    return st.sampled_from(kinds or tuple(KINDS)).flatmap(_fault)


def fault_plans(*kinds: str) -> SearchStrategy[list[str]]:
    """Up to three faults, as `faults=` of testing.fleet and of the marker takes them."""
    return st.lists(faults(*kinds), max_size=MOST_FAULTS)


def _fault(name: str) -> SearchStrategy[str]:
    """A fault of one kind."""
    from seemachine.faults import KINDS, fault_of

    kind = KINDS[name]
    values = _values(name)
    needed = {"times", *kind.needs}.intersection(kind.takes)
    words = st.fixed_dictionaries(
        {word: values[word] for word in kind.takes if word in needed},
        optional={word: values[word] for word in kind.takes if word in values.keys() - needed},
    )
    return words.map(lambda said: fault_of({"kind": name, **said}).text)


def _values(kind: str) -> dict[str, SearchStrategy[Any]]:
    """What the words of a fault of a kind may say. `at` and `until` are left out: a test that runs
    in milliseconds has no time for them.
    """
    from seemachine.wire.messages import NvmemfileSign, NvmemfileSignMany, ProvisionLms
    from seemachine.wire.status import Status

    requests = (NvmemfileSign.NAME, NvmemfileSignMany.NAME, ProvisionLms.NAME)
    moves = st.integers(-3600, 3600) if kind == "clock-moved" else st.sampled_from((0.001, 0.01))
    return {
        "on": st.lists(st.sampled_from(requests), min_size=1, unique=True),
        "times": st.integers(1, 3),
        "after": st.integers(0, 3),
        "every": st.integers(1, 3),
        "probability": st.sampled_from((1.0, 0.5, 0.25)),
        "seed": st.integers(0, 1000).map(str),
        "status": st.sampled_from((Status.NotAvailable, Status.AccessDenied)),
        "seconds": moves,
    }
