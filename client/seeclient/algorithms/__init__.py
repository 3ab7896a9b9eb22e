"""What keys can be: one module per algorithm, found by the name that key files and `pipsqueak list`
have for it.

A module has an `ALGORITHM`, see seeclient.algorithms.algorithm. It is imported when a key of it is
met, so that nobody pays for the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seeclient.algorithms.algorithm import Algorithm
    from seeclient.keys import KeyFile

MODULES = {"LMS": "seeclient.algorithms.lms.algorithm"}


def named(name: str) -> "Algorithm[Any] | None":
    """The algorithm of a name, in any case of letters; None for one that this version does not
    know.
    """
    module = MODULES.get(name.upper())
    if module is None:
        return None
    found: Algorithm[Any] = import_module(module).ALGORITHM
    return found


def of(key: "KeyFile") -> "Algorithm[Any]":
    """The algorithm of a key, which is one that this version knows: else it had not been loaded."""
    found = named(key.algorithm)
    assert found is not None
    return found
