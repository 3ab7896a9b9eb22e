"""Modules that are loaded already get other code: what their functions do changes, in place.

So one process imports everything once, and each trial is forked from it.
"""

import gc
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

from mutants.rooms import ROOT

# Code that runs where it stands: no function object has it.
AT_ONCE = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")

Change = tuple[FunctionType, CodeType]


class Loaded:
    """The functions of some modules of this process."""

    def __init__(self, paths: list[str]) -> None:
        files = {str(ROOT / path) for path in paths}
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = {}
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and each.__code__.co_filename in files:
                self._functions.setdefault(_place(each.__code__), []).append(each)

    def known(self, path: str) -> list[FunctionType]:
        """Of one module."""
        file = str(ROOT / path)
        places = [place for place in self._functions if place[0] == file]
        return [each for place in places for each in self._functions[place]]

    def changes(self, old: CodeType, new: CodeType) -> list[Change] | None:
        """What makes a module with the code `old` behave like `new`; None when only an import can:
        something outside of its functions differs.
        """
        if _outside(old) != _outside(new):
            return None
        found = self._of_each(old, new)
        return None if None in found else [change for each in found for change in each or ()]

    def known_changes(self, old: CodeType, new: CodeType) -> list[Change]:
        """The same without the functions that nobody has any more, as where a decorator keeps
        none.
        """
        return [change for each in self._of_each(old, new) for change in each or ()]

    def _of_each(self, old: CodeType, new: CodeType) -> list[list[Change] | None]:
        before, after = _functions(old), _functions(new)
        return [self._change(*pair) for pair in zip(before, after, strict=True)]

    def _change(self, old: CodeType, new: CodeType) -> list[Change] | None:
        if old == new:
            return []
        functions = self._functions.get(_place(old), [])
        fits = all(each.__code__.co_freevars == new.co_freevars for each in functions)
        return [(each, new) for each in functions] if functions and fits else None


def make(changes: list[Change]) -> None:
    """From now on, for this process."""
    for function, code in changes:
        function.__code__ = code


def source_of(path: str) -> str:
    """Of a module, by its path in the repository."""
    return Path(ROOT / path).read_text()


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _functions(code: CodeType) -> Iterator[CodeType]:
    """The functions of a module and of its classes; those within functions come with them."""
    for inner in _inner(code):
        if _is_function(inner):
            yield inner
        else:
            yield from _functions(inner)


def _outside(code: CodeType) -> list[object]:
    """What runs at import."""
    found: list[object] = [_without_code(code)]
    for inner in _inner(code):
        found += [inner.co_name] if _is_function(inner) else _outside(inner)
    return found


def _without_code(code: CodeType) -> CodeType:
    return code.replace(
        co_consts=tuple(each for each in code.co_consts if not isinstance(each, CodeType))
    )


def _inner(code: CodeType) -> Iterator[CodeType]:
    return (each for each in code.co_consts if isinstance(each, CodeType))


def _is_function(code: CodeType) -> bool:
    """Classes are not: their code keeps names in a dictionary."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED) and code.co_name not in AT_ONCE
