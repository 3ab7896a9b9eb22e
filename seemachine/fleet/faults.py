"""What goes wrong on purpose in a fleet: the [[faults]] of its file, and words of `fleet up`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from seemachine.config import Config, ConfigError
from seemachine.config.injection import check_injection, lines_of
from seemachine.frozen import frozen


@frozen
class Injection:
    """What `fleet up` says of faults and latency beside the file; `latency` None: nothing."""

    allowed: bool = False
    latency: str | None = None
    faults: tuple[str, ...] = ()

    def check(self) -> None:
        """Before it is among settings of a file, which nobody is to blame for it. Raises
        ConfigError, naming the option.
        """
        try:
            check_injection(self.faults, self.latency or "", allowed=self.allowed)
        except ConfigError as error:
            name, _, why = str(error).partition(": ")
            option = {"faults": "--fault", "latency": "--latency"}.get(name, name)
            raise ConfigError(f"{option}: {why}") from None

    def into(self, machine: Config) -> Config:
        """Raises ConfigError."""
        return replace(
            machine,
            fault_injection=self.allowed or machine.fault_injection,
            latency=machine.latency if self.latency is None else self.latency,
            faults=(*machine.faults, *self.faults),
        )

    @property
    def words(self) -> list[str]:
        """As options of `fleet up`."""
        said = ["--fault-injection"] if self.allowed else []
        said += [] if self.latency is None else ["--latency", self.latency]
        return [*said, *(word for line in self.faults for word in ("--fault", line))]


NO_INJECTION = Injection()


def with_faults(table: dict[str, Any], machines: Sequence[Config]) -> list[Config]:
    """The machines with those faults too that name their ESN, or none. Raises ConfigError."""
    given = table.get("faults", [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ConfigError('faults takes tables, such as [[faults]] with kind = "drop-after"')
    esns = [machine.esn for machine in machines]
    lines = [(_meant(each.get("esn"), esns), _line(each)) for each in given]
    return [
        replace(
            machine,
            faults=(*machine.faults, *(line for meant, line in lines if machine.esn in meant)),
        )
        for machine in machines
    ]


def _line(fault: dict[str, Any]) -> str:
    [line] = lines_of([{name: value for name, value in fault.items() if name != "esn"}])
    return line


def _meant(named: Any, esns: list[str]) -> list[str]:
    if named is None:
        return esns
    wanted: list[str] = named if isinstance(named, list) else [named]
    for esn in wanted:
        if esn not in esns:
            raise ConfigError(f"faults: esn takes one of {', '.join(esns)}, not {esn!r}")
    return wanted
