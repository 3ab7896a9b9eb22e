"""What a process does before its first machine: protect itself, see what the system allows, listen
to signals. Then it hosts them.
"""

import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import trio

from seemachine.config import Config
from seemachine.printing import say
from seemachine.process import signals, systemd
from seemachine.process.descriptors import allow as descriptors_for
from seemachine.process.hardening import CannotHarden, harden
from seemachine.process.log_writer import LogWriter, unhurried
from seemachine.process.parent import Parent
from seemachine.server.crew import Crew
from seemachine.server.hosting import Host
from seemachine.server.logs import configure, dropped
from seemachine.server.process_facts import ProcessFacts
from seemachine.server.promises import Shortfall, keep_together, shortfalls, system
from seemachine.state.errors import reason

# How long a thread may keep Python's lock from the loop that all connections wait for. With
# Python's own 5 ms, a few threads that make listings held up every signature by tens of
# milliseconds.
SWITCH_SECONDS = 0.0005


def start(
    configs: Sequence[Config], environ: Mapping[str, str], parent: Parent | None = None
) -> int:
    """Run machines until they are told to stop, or until the parent is gone, if there is one to
    look at.

    Returns the exit code: 1 when none came up. Reasons not to start go to standard error.
    """
    # Before the first thread.
    keep_together()
    try:
        with unhurried() as output:
            return _start(configs, environ, output, parent)
    except OSError as error:
        say(f"seemachine serve: {reason(error)}", file=sys.stderr)
        return 1


def _start(
    configs: Sequence[Config],
    environ: Mapping[str, str],
    output: LogWriter,
    parent: Parent | None,
) -> int:
    # Before any secret is read.
    in_force, refused = _hardened({config.lock_memory for config in configs})
    bound = {"esn": configs[0].esn} if len(configs) == 1 else {}
    log = configure()
    output.notice = partial(dropped, log.bind(**bound))
    fitting, most, short = fitted(configs)
    sys.setswitchinterval(SWITCH_SECONDS)
    with signals.once() as stopping:

        def begin_to_stop() -> None:
            stopping.begin()
            systemd.stopping()

        facts = ProcessFacts(in_force, refused, most, short, _up, begin_to_stop, environ)
        host = Host(fitting, log, facts)
        stopping.hold()
        trio.run(_until_told, host, stopping.release, parent)
    return host.exit_code


def _up(status: str) -> None:
    """What is there by now stays: the collector need not walk it again and again."""
    gc.freeze()
    systemd.ready(status)


def _hardened(wanted: set[str]) -> tuple[dict[str, str], CannotHarden | None]:
    """Protect the process. Returns what is in force, and why machines that need more must not
    start.
    """
    rest = "auto" if "auto" in wanted else "no"
    if "yes" not in wanted:
        return harden(rest), None
    try:
        return harden("yes"), None
    except CannotHarden as error:
        return harden(rest) if wanted != {"yes"} else {}, error


async def _until_told(host: Host, release: Callable[[], None], parent: Parent | None) -> None:
    """The first signal stops all machines in order."""
    stop = trio.Event()
    # From before the first address is known to after the last reply: no signal may end the process
    # out of order.
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        release()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_set_at_first, received, stop)
            if parent is not None:
                nursery.start_soon(signals.heed, lambda: parent.is_gone)
            await host.run(stop)
            nursery.cancel_scope.cancel()


async def _set_at_first(received: AsyncIterator[int], stop: trio.Event) -> None:
    await anext(received)
    stop.set()


def fitted(configs: Sequence[Config]) -> tuple[list[Config], int, list[Shortfall]]:
    """The settings that the system has enough for, how many sockets each machine may have in hand,
    and what does not fit.
    """
    count = len(configs)
    promised = sum(config.limits.connections for config in configs)
    descriptors = descriptors_for(promised, count)
    there_is = system(configs[0].folder)
    short = list(shortfalls(configs, descriptors, Crew(count).most, there_is))
    served = min([promised, *(each.connections for each in short if each.connections)])
    most = promised if served == promised else max(1, served // count)
    fitting = [_at_most(config, most) for config in configs]
    return fitting, max(2, descriptors.sockets // count), short


def _at_most(config: Config, connections: int) -> Config:
    fewer = min(config.limits.connections, connections)
    return replace(config, limits=replace(config.limits, connections=fewer))
