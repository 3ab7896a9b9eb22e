"""Parameters of keys for tests: what is not said is quick."""

from collections.abc import Mapping
from typing import Any

from seemachine.lms.parameters import check_pair, lmots, lms
from seemachine.testing.keys import QUICK

# The width of the quickest LM-OTS set.
QUICK_WIDTH = QUICK["lmots"].rpartition("_")[2]


def recipe(said: Mapping[str, Any]) -> dict[str, Any]:
    """What generate_lms takes. An LM-OTS set that is not said fits the LMS set, and is quick.

    Raises ParameterError.
    """
    tree = lms(said.get("lms", QUICK["lms"]))
    ots = lmots(said.get("lmots", f"{tree.hash}_n{tree.m}_{QUICK_WIDTH}"))
    check_pair(tree, ots)
    return {**said, "lms": tree.name, "lmots": ots.name}
