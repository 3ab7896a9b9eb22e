"""What a test wants of a fleet, as settings of its machines."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from seemachine.config import Config, ConfigError, build, refuse_unknown
from seemachine.testing.keys import ESN, OTHER_ESN
from seemachine.wire.entries import expanded
from seemachine.wire.names import MOST_MACHINES
from seemachine.world import World

# The guide's two (2.9.3); those after them are given out as in any fleet.
GUIDE = ({"esn": ESN, "model": "5c", "port": 0}, {"esn": OTHER_ESN, "model": "xc", "port": 0})
# As a test wants them: ready to do wrong.
USUAL = {"lock_memory": "no", "fault_injection": True}
# Of a new world, which nobody outside remembers. One that was there before had leaves, perhaps.
OF_NEW_WORLD = {"runtime_witness": "off"}
# Each machine has its own, or it is what makes this a fleet of tests.
OF_A_FLEET = ("machines", "processes", "folder")
NOT_TO_SET = ("esn", "module", "world", "publish", "reserved_ports")


@dataclass(frozen=True)
class Plan:
    """So many machines; `model` is that of all, or empty for the guide's two. `settings` are those
    of `seemachine serve`, for each of them. `processes`: each has one of its own.
    """

    machines: int = 1
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    processes: bool = False

    def configs(self, world: World) -> list[Config]:
        """Of each machine. Raises ConfigError."""
        _check(self.machines, self.settings)
        of_world = {} if world.machines.exists() else OF_NEW_WORLD
        model = {"model": self.model} if self.model else {}
        of_all = {**USUAL, **of_world, **model, **self.settings, "world": world}
        entries = expanded([dict(entry) for entry in GUIDE[: self.machines]], self.machines)
        return [build({**entry, **of_all}) for entry in entries]


def _check(machines: object, settings: Mapping[str, Any]) -> None:
    if type(machines) is not int or not 0 < machines <= MOST_MACHINES:
        raise ConfigError(f"machines takes a number from 1 to {MOST_MACHINES}, not {machines!r}")
    if settings.get("seed") == "":
        raise ConfigError("seed takes a number or a text; leave it out for keys that nobody knows")
    for name in NOT_TO_SET:
        if name in settings:
            raise ConfigError(f"{name} is not to be set here: each machine of a fleet has its own")
    of_a_machine = (each.name for each in fields(Config) if each.name not in NOT_TO_SET)
    refuse_unknown(settings, [*OF_A_FLEET, *of_a_machine])
