"""What a machine says of itself in its world: where it listens, or why it does not."""

import os

from seemachine.config import Config
from seemachine.hsms import published
from seemachine.hsms.published import Failure, Published
from seemachine.process.identity import Process
from seemachine.process.shortage import advice
from seemachine.state.errors import StateCorrupt, reason
from seemachine.state.nvram.stores import STORES


def entry_of(config: Config, who: Process, nvram: bytes, host: str, port: int) -> Published:
    """Of a machine that listens."""
    return Published(
        esn=config.esn,
        model=config.model,
        module=config.module,
        host=host,
        port=port,
        pid=who.pid,
        tls=config.tls is not None and config.tcp,
        nvram=nvram.hex(),
        started=who.started,
        opening=who.opening,
        socket=str(config.socket_path) if config.socket else "",
        injection=config.injection,
    )


def announce(config: Config, entry: Published) -> None:
    """For clients, if they are to find it, and for those who start, stop and show it."""
    if config.publish:
        published.publish(config.world, entry)
    published.invalidate(config.world, entry)
    published.announce(config.world, entry)
    published.forget_failure(config.world, config.esn)


def withdraw(config: Config) -> None:
    """Clients find it no more."""
    published.withdraw(config.world, config.esn, os.getpid())


def record_failure(config: Config, who: Process, why: str) -> None:
    """For those who start and show it."""
    published.record_failure(config.world, Failure(config.esn, why, who.pid, who.started))


def refusal_of(config: Config, error: Exception) -> str:
    """The sentence about a machine that did not start."""
    return f"{reason(error)}{_way_out(config, error)}"


def _way_out(config: Config, error: Exception) -> str:
    """For what the system lacks, and for damage: their own sentences only say what is wrong."""
    if lack := advice(error):
        return lack
    kept = str(config.folder / STORES[config.store].path)
    if type(error) is not StateCorrupt or not str(error).startswith(kept):
        return ""
    return (
        f"; nothing was changed. Moving {config.folder} away lets the machine begin anew, without"
        " the leaves in it"
    )
