"""How many leaves a command takes, as the machines of a test say."""

from collections.abc import Callable

from seemachine.testing import BlockingFleet


def since_last(fleet: BlockingFleet, alias: str) -> Callable[[], int]:
    """Counts those of a key that were taken since the last call."""
    seen = [fleet.key(alias).info().remaining]

    def taken() -> int:
        seen.append(fleet.key(alias).info().remaining)
        return seen[-2] - seen[-1]

    return taken
