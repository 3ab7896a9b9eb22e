"""`testing.fleet`, in all its forms."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seemachine.testing.blocking_fleet import BlockingFleet
from seemachine.testing.plan import Plan


class FleetContext:
    """Machines that are up for as long as a block lasts."""

    def __init__(self, plan: Plan, folder: Path | str | None) -> None:
        self._plan = plan
        self._folder = folder
        self._fleets: list[BlockingFleet] = []

    def __enter__(self) -> BlockingFleet:
        self._fleets.append(BlockingFleet(self._plan, self._folder))
        return self._fleets[-1]

    def __exit__(self, *_: object) -> None:
        self._fleets.pop().close()


def fleet(  # noqa: PLR0913
    machines: int = 1,
    *,
    seed: int | str | None = None,
    model: str = "",
    store: str = "sqlite",
    operator: str = "manual",
    latency: str = "",
    faults: Iterable[str] = (),
    folder: Path | str | None = None,
    **settings: Any,
) -> FleetContext:
    """Machines for a test, up within the block and gone after it with all that they had.

        with testing.fleet(machines=2, seed=7) as fleet:
            key = fleet.generate_lms("release", **testing.QUICK)

    `machines`: how many; the first is a 5c, the second a Connect XC, as in the guide, unless
    `model` says `5c` or `xc`. `store` is where NVRAM is kept: `sqlite`, `file` or `memory`.
    With `operator="auto"` machines take blank cards by themselves. `folder`: a world that stays;
    without it the world is a temporary one. `settings` are those of a machine, such as
    `limits={"idle_seconds": 1}`.

    Entering the block raises ConfigError for a setting that is wrong.
    """
    asked = {
        "seed": "" if seed is None else str(seed),
        "latency": latency,
        "faults": tuple(faults),
    }
    named = {name: value for name, value in asked.items() if value}
    made = {"store": store, "operator": operator, **named, **settings}
    return FleetContext(Plan(machines, model, made), folder)
