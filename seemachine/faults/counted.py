"""How often a fault met what it is for, and at which of these it happens."""

import hashlib
from dataclasses import dataclass

from seemachine.faults.fault import Fault
from seemachine.frozen import frozen


@frozen
class Injected:
    """A fault of an injector: its number there, how many requests or places it met, at how many of
    them it happened, and whether it may happen again.
    """

    number: int
    fault: Fault
    met: int
    fired: int
    spent: bool


@dataclass(slots=True)
class Counted:
    """A fault, and its counts since it was added at a time in seconds."""

    number: int
    fault: Fault
    added: float
    met: int = 0
    fired: int = 0

    def is_spent(self, now: float) -> bool:
        """Whether it happens no more."""
        times, until = self.fault.times, self.fault.until
        is_over = until > 0 and now - self.added >= until
        return is_over or 0 < times <= self.fired

    def is_due(self, now: float) -> bool:
        """Whether it may happen now."""
        return self.fault.at <= now - self.added and not self.is_spent(now)

    def fires(self) -> bool:
        """Whether it happens. Call once for each request or place that it is for."""
        fault = self.fault
        self.met += 1
        beyond = self.met - fault.after
        fires = beyond > 0 and beyond % fault.every == 0 and self._is_drawn()
        self.fired += fires
        return fires

    def _is_drawn(self) -> bool:
        probability = self.fault.probability
        if probability == 1:
            return True
        drawn = hashlib.sha256(f"{self.fault.seed} {self.met}".encode()).digest()[:8]
        return int.from_bytes(drawn, "big") < probability * (1 << 64)

    def view(self, now: float) -> Injected:
        """As people are told of it."""
        return Injected(self.number, self.fault, self.met, self.fired, self.is_spent(now))
