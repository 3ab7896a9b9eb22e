"""Where texts stand in messages."""

from dataclasses import fields
from typing import Any, get_args


def texts_of(kind: type[Any]) -> list[tuple[Any, ...]]:
    """The places of all texts of a message, those of its records too, as its own fields declare
    them.
    """
    found: list[tuple[Any, ...]] = []
    for field in fields(kind):
        inner = next(
            (each for each in (field.type, *get_args(field.type)) if hasattr(each, "CHECKS")), None
        )
        if field.type is str:
            found.append((field.name,))
        elif inner is not None:
            place = (field.name, 0) if get_args(field.type) else (field.name,)
            found += [(*place, *rest) for rest in texts_of(inner)]
    return found


def put(value: Any, place: tuple[Any, ...], text: object) -> Any:
    """The same fields with another value at a place."""
    if not place:
        return text
    if isinstance(value, list):
        return [put(value[0], place[1:], text), *value[1:]]
    return value | {place[0]: put(value[place[0]], place[1:], text)}
