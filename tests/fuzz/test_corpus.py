"""The kept inputs of the fuzzer, replayed without it."""

from random import Random

import pytest
from fuzz.target import CORPUS
from fuzz.targets import TARGETS

MOST_KEPT = 400_000


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_still_holds(name):
    """No seed of a target, and no input that the fuzzer kept for it, makes it fail."""
    target = TARGETS[name]
    for kept, data in target.inputs().items():
        try:
            target.run(data)
        except BaseException as error:
            error.add_note(f"{name}, {kept}: {data!r}")
            raise


def test_the_corpus_is_small_and_belongs_to_targets():
    """Every folder of it has a target, and all of it together stays small."""
    assert {path.name for path in CORPUS.iterdir()} <= TARGETS.keys()
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < MOST_KEPT


@pytest.mark.parametrize("name", ["kernel", "verifying"])
def test_the_native_engine_takes_thousands_of_other_inputs(name):
    """The same pseudo-random inputs in every run; the sanitizers look at the C behind them when
    tests/native_sanitize.sh runs this.
    """
    random = Random(name)
    for _ in range(1000):
        TARGETS[name].run(random.randbytes(random.randrange(60)))
