"""What a machine does wrong because its settings, or clients, say so."""

import hashlib
from typing import TYPE_CHECKING

from seemachine.config import Config
from seemachine.server.logs import Log
from seemachine.wire.names import TAKES_FAULTS

if TYPE_CHECKING:
    from seemachine.faults import Injector

SEE = "docs/how-to/faults.md"


def injector_of(config: Config, log: Log) -> "Injector | None":
    """None where nothing is to go wrong, or slowly. Each fault that happens is in the log.

    Raises as `chance.seeding.settle`.
    """
    if not config.fault_injection and not config.latency:
        return None
    from seemachine.faults import Fault, Injector, Plan, fault_of, latency_of

    def tell(fault: Fault, where: str) -> None:
        log.warning("fault injected", fault=fault.text, where=where)

    faults, latency = config.faults, latency_of(config.latency, config.model)
    plan = Plan(tuple(map(fault_of, faults)), latency, _seed(config))
    injector = Injector(plan, tell=tell, takes_more=config.fault_injection)
    _tell_of(injector, log)
    return injector


def _tell_of(injector: "Injector", log: Log) -> None:
    """At the level of info where nothing goes wrong yet: most machines of tests are so."""
    if injector.summary == TAKES_FAULTS:
        log.info("fault injection is on; nothing is injected yet", see=SEE)
        return
    faults = [each.fault.text for each in injector.listing()]
    what = "this machine goes wrong, or is slow, on purpose"
    log.warning(what, injected=injector.summary, faults=faults, see=SEE)


def _seed(config: Config) -> str:
    """Of the draws on a machine of a seeded world: not those of the next machine."""
    from seemachine.chance.seeding import settle

    found = settle(config.world, config.seed)
    if found is None:
        return ""
    return hashlib.sha256(f"{found.seed} {config.esn}".encode()).hexdigest()[:8]
