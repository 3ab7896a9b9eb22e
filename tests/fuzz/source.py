"""A fuzzer's bytes as choices: any values, and valid values with a few places changed."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")

EDGES = (
    0,
    1,
    -1,
    2,
    5,
    16,
    24,
    25,
    31,
    32,
    33,
    64,
    255,
    256,
    4096,
    1 << 16,
    1 << 25,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
)
FAR = ((1 << 63) - 1, -(1 << 63), 1 << 63, (1 << 64) - 1)
FLOATS = (0.0, 1.5, -1.0, 1e308, float("inf"), float("-inf"), float("nan"))
DEEPEST = 3


class Source:
    """Where the bytes end, every choice is the first one: no bytes at all change nothing."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))

    def number(self, below: int) -> int:
        """A number from 0."""
        size = 1 if below <= 1 << 8 else 2 if below <= 1 << 16 else 4
        return int.from_bytes(self.take(size), "little") % below

    def pick(self, choices: Sequence[Item]) -> Item:
        """One of them."""
        return choices[self.number(len(choices))]

    def octets(self) -> bytes:
        """Few bytes of the input's own, or up to 79 equal ones."""
        size = self.number(80)
        return self.take(size) if self.number(2) else bytes([self.number(256)]) * size

    def text(self) -> str:
        """Text of any characters that UTF-8 can carry."""
        return self.octets().decode(errors="replace")

    def value(self, depth: int = 0) -> Any:
        """Anything that MessagePack can carry."""
        makers: list[Callable[[], Any]] = [
            lambda: self.pick(EDGES),
            self.octets,
            self.text,
            lambda: self.pick((None, True, False, *FLOATS, *FAR)),
            lambda: int.from_bytes(self.take(2), "little"),
            lambda: int.from_bytes(self.take(8), "little", signed=True),
            lambda: self.pick((b"", "", 0)),
            lambda: [self.value(depth + 1) for _ in range(self.number(5))],
            lambda: {self.text(): self.value(depth + 1) for _ in range(self.number(5))},
        ]
        return self.pick(makers if depth < DEEPEST else makers[:-2])()

    def edited(self, original: Any) -> Any:
        """The same value with up to three places changed."""
        for _ in range(self.number(4)):
            original = self._once(original)
        return original

    def cut(self, data: bytes) -> bytes:
        """The same bytes with up to seven places changed, and perhaps not all of them."""
        changed = bytearray(data)
        for _ in range(self.number(8)):
            at = self.number(max(1, len(changed)))
            put = self.take(self.number(5))
            changed[at : at + len(put)] = put
        return (
            bytes(changed[: self.number(len(changed) + 1)])
            if self.number(4) == 1
            else bytes(changed)
        )

    def _once(self, value: Any) -> Any:
        if isinstance(value, dict) and value:
            return self._edited_map(value)
        if isinstance(value, list | tuple) and value:
            return self._edited_list(list(value))
        if isinstance(value, bytes) and value and self.number(2):
            return self.cut(value)
        return self.value()

    def _edited_map(self, value: dict[str, Any]) -> Any:
        key, way = self.pick(list(value)), self.number(8)
        if way == 0:
            return {name: kept for name, kept in value.items() if name != key}
        if way == 1:
            return value | {self.text(): self.value()}
        return self.value() if way == 2 else value | {key: self._once(value[key])}

    def _edited_list(self, value: list[Any]) -> Any:
        at, way = self.number(len(value)), self.number(8)
        if way == 0:
            return value[:at] + value[at + 1 :]
        if way == 1:
            return value + value[at : at + 1]
        return self.value() if way == 2 else [*value[:at], self._once(value[at]), *value[at + 1 :]]
