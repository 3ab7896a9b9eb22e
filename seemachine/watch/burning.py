"""How fast the leaves of an NVRAM file are used."""

from collections import deque

from seemachine.wire.messages import NvmemfileInfo

# The rate is that of so many seconds; what was signed before says little of what comes.
WINDOW_SECONDS = 30.0


class Burning:
    """One NVRAM file of one machine, from its first look on."""

    def __init__(self) -> None:
        self._used = 0
        self._lease: tuple[int, int] | None = None
        self._next = 0
        self._marks: deque[tuple[float, int]] = deque()

    def seen(self, info: NvmemfileInfo, at: float) -> int:
        """Take a look into account; returns the leaves that were used since the last one."""
        lease, before = (info.first, info.end), self._used
        if lease == self._lease:
            self._used += max(0, info.next - self._next)
        elif self._lease is not None:
            # Another lease came meanwhile; what happened to the rest of the one before, nobody saw.
            self._used += info.next - info.first
        self._lease, self._next = lease, info.next
        self._marks.append((at, self._used))
        while len(self._marks) > 2 and self._marks[1][0] <= at - WINDOW_SECONDS:
            self._marks.popleft()
        return self._used - before

    @property
    def rate(self) -> float:
        """Leaves a second, lately; 0 before there are two looks."""
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        return (last - first) / (ended - began) if ended > began else 0.0
