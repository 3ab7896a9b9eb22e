"""What the Security World tools did to an HSM counts more than the fleet file: its module number,
and its SEE machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from seemachine.config import Config, ConfigError
from seemachine.hsms import records
from seemachine.hsms.records import Loaded, Module
from seemachine.state.errors import StateCorrupt
from seemachine.wire.names import MOST_MODULES
from seemachine.world import World


def heed(world: World, machines: Sequence[Config]) -> tuple[tuple[Config, ...], dict[str, str]]:
    """The machines as the records of their HSMs have them, in the order of their modules; and ESNs
    of HSMs that can run no SEE machine, with the reason.

    Raises ConfigError.
    """
    try:
        found = {machine.esn: records.read(world, machine.esn) for machine in machines}
    except StateCorrupt as error:
        raise ConfigError(str(error)) from error
    taken = {record.number for record in records.listing(world)}
    return _numbered(machines, found, taken), {
        esn: why
        for esn, record in found.items()
        if record is not None and (why := _out_of_use(record))
    }


def _numbered(
    machines: Sequence[Config], found: Mapping[str, Module | None], taken: set[int]
) -> tuple[Config, ...]:
    numbered = []
    for machine in sorted(machines, key=lambda machine: machine.module):
        record = found[machine.esn]
        numbered.append(
            _recorded(machine, record) if record is not None else _beside(machine, taken)
        )
        taken.add(numbered[-1].module)
    return tuple(sorted(numbered, key=lambda machine: machine.module))


def _out_of_use(record: Module) -> str:
    """Why no SEE machine can run on an HSM; empty when one can."""
    if not record.number:
        return "is not enrolled, and is left out; see: seemachine nfast enroll --help"
    if record.mode != records.OPERATIONAL:
        return f"is in {record.mode} mode, and is left out; {record.way_back}"
    return ""


def _recorded(machine: Config, record: Module) -> Config:
    # One that is not enrolled has no number; that of the file is as good as any.
    numbered = replace(machine, module=record.number or machine.module)
    return as_loaded(numbered, record.chosen) if record.chosen and not machine.signer else numbered


def _beside(machine: Config, taken: set[int]) -> Config:
    """A machine that is in the file alone, with the first number that none of the HSMs has when its
    own is taken.
    """
    if machine.module not in taken:
        return machine
    return replace(machine, module=min(set(range(1, MOST_MODULES + 1)) - taken))


def as_loaded(machine: Config, loaded: Loaded) -> Config:
    """The settings of a machine that runs this image: whose keys it takes, and whether it may make
    any.
    """
    return replace(
        machine,
        signer=loaded.signer,
        extra_signers=tuple(loaded.extra_signers),
        nvram_delegation=loaded.delegated,
    )
