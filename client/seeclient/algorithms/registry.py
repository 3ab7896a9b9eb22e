"""The algorithm of a name, and of a key."""

from importlib import import_module
from typing import Any

from seeclient.algorithms import MODULES, SPELLINGS
from seeclient.algorithms.algorithm import Algorithm
from seeclient.keyfile import KeyFile


def named(name: str) -> Algorithm[Any] | None:
    """The algorithm of a name, in any case of letters; None for one that this version does not
    know.
    """
    upper = name.upper()
    package = MODULES.get(SPELLINGS.get(upper, upper))
    if package is None:
        return None
    found: Algorithm[Any] = import_module(f"{package}.algorithm").ALGORITHM
    return found


def of(key: KeyFile) -> Algorithm[Any]:
    """The algorithm of a key, which is one that this version knows: else it had not been loaded."""
    found = named(key.algorithm)
    assert found is not None
    return found
