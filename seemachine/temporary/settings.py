"""The machines of a temporary world: those of the guide first, each on any free port."""

from typing import Any

from seemachine.config import Config, build
from seemachine.config.writing import literal
from seemachine.fleet.template import FIRST, SECOND
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.wire.entries import expanded
from seemachine.world import World

# What a fleet file says of each machine.
OF_A_MACHINE = ("esn", "model", "module", "port", "store")
OF_A_FLEET = ("fault_injection", "latency")
# Nothing of it may stay outside of the world; and memory that is kept out of swap is for keys that
# are worth something.
OF_ALL = {"runtime_witness": "off", "lock_memory": "no"}


def machines(world: World, count: int, **given: Any) -> list[Config]:
    """So many, with the settings that are given for all of them, where they are not None.

    Raises ConfigError.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    entries = [{**entry, "port": 0} for entry in (FIRST, SECOND)][:count]
    described = expanded(entries, count)
    return [build({**each, **OF_ALL, **chosen, "world": world}) for each in described]


def write_fleet_file(configs: list[Config]) -> None:
    """For who starts a fleet in that world: while the command runs, or where it is kept.

    Raises OSError.
    """
    first = configs[0]
    lines = [f"{name} = {literal(getattr(first, name))}" for name in OF_A_FLEET]
    lines += [f"seed = {literal(first.seed)}"] if first.seed else []
    for config in configs:
        lines.append("[[machines]]")
        lines += [f"{name} = {literal(getattr(config, name))}" for name in OF_A_MACHINE]
    lines += ["[operator]", f"blank_cards = {literal(first.operator)}", ""]
    world = first.world
    private_folder(world.folder)
    replace_file(world.fleet_file, "\n".join(lines).encode())
