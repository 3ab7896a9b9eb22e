"""What others ask of a frozen class, found out from a dataclass of the same fields."""

import dataclasses
import inspect
from functools import cache
from typing import Any

from seemachine.frozen import REQUIRED


def fields(kind: type) -> dict[str, Any]:
    """For the functions of `dataclasses`."""
    return {each.name: each for each in dataclasses.fields(_twin(kind))}


def signature(kind: type) -> inspect.Signature:
    """How it is made, for whoever shows it."""
    return inspect.signature(_twin(kind))


@cache
def _twin(kind: Any) -> Any:
    declared = []
    for name, each in kind.__form__.fields.items():
        what: dict[str, Any] = {"kw_only": each.kw_only, "repr": each.repr}
        if each.default is not REQUIRED:
            what["default"] = each.default
        elif each.default_factory:
            what["default_factory"] = each.default_factory
        declared.append((name, _hint(kind, name), dataclasses.field(**what)))
    return dataclasses.make_dataclass(kind.__name__, declared, frozen=True)


def _hint(kind: type, name: str) -> object:
    """The type of a field. A class of builtins has no annotations, not even none."""
    every = (getattr(each, "__annotations__", {}) for each in kind.__mro__)
    return next(each[name] for each in every if name in each)
