"""From settings to a running daemon, and the one place where a failed start becomes a sentence."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import trio

from seemachine.commands.quarantine import inspect
from seemachine.config import Config
from seemachine.hsms.published import Published, announce, publish, withdraw
from seemachine.lms import engines
from seemachine.machine import Machine
from seemachine.printing import say
from seemachine.process import identity, signals, systemd
from seemachine.process.descriptors import allow as descriptors_for
from seemachine.process.hardening import CannotHarden, harden
from seemachine.process.log_writer import LogWriter, unhurried
from seemachine.process.shortage import ADVICE, lacking
from seemachine.server.daemon import OTHER_THREADS, Daemon
from seemachine.server.logs import Log, configure, dropped
from seemachine.server.ports import CannotListen, refuse_taken_port
from seemachine.server.promises import keep_together, shortfalls, system
from seemachine.server.session import READING_THREADS
from seemachine.server.tls import TlsError
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints, NoCheckpoints
from seemachine.state.disk.lock import FolderLock, holder
from seemachine.state.disk.permissions import check_modes
from seemachine.state.errors import StateCorrupt, StateError, StateFailed, StateUnsafe, reason
from seemachine.state.nvram.store import Retention, Store
from seemachine.state.witness.layered import LayeredWitness
from seemachine.state.witness.protocol import NoWitness, Witness
from seemachine.state.witness.runtime import AUTO, OFF, RuntimeWitness, runtime_folder
from seemachine.wire.messages import ENVELOPE_BYTES, Limits
from seemachine.witnesses import open_witness
from seemachine.witnesses.address import is_url

# How long a thread may keep Python's lock from the loop that all connections wait for. With
# Python's own 5 ms, a few threads that make listings held up every signature by tens of
# milliseconds.
SWITCH_SECONDS = 0.0005
# What a witness in a database gets at the end to be told how far all came, after the sessions were
# drained.
STOP_SECONDS = 3
# Why a machine may not start; anything else is a bug.
REFUSALS = (StateError, CannotHarden, CannotListen, TlsError, engines.EngineError, OSError)
# That work on requests at one time: see the limiters of a daemon, and the engine's pool.
MOST_THREADS = OTHER_THREADS + READING_THREADS + 2 * engines.usable_cores()


def start(config: Config, environ: Mapping[str, str]) -> int:
    """Run one machine until it is told to stop.

    Returns the exit code; a reason not to start goes to standard error.
    """
    # Before the first thread.
    keep_together()
    try:
        with unhurried() as output:
            return _start(config, environ, output)
    except OSError as error:
        say(f"seemachine serve: {reason(error)}", file=sys.stderr)
        return 1


def _start(config: Config, environ: Mapping[str, str], output: LogWriter) -> int:
    try:
        in_force = harden(config.lock_memory)
        check_modes(config.world, config.folder)
        if holder(config.folder) is None:
            refuse_taken_port(config)
        with ExitStack() as stack:
            # Held to the end of the process: who waits for the folder waits until nothing is left.
            lock = FolderLock(config.folder, config.esn)
            lock.listen()
            runtime, missing = open_runtime(config, environ)
            store = open_store(config, environ, runtime)
            log = configure(esn=config.esn)
            stack.callback(_close, store, log)
            for sentence in store.skipped:
                log.warning("leaves given up", reason=sentence)
            output.notice = partial(dropped, esn=config.esn)
            if missing:
                log.warning("no runtime witness", reason=missing)
            machine = build(config, store)
            for doubt in inspect(machine):
                log.warning(
                    "quarantine",
                    reason=doubt,
                    see=f"seemachine quarantine explain --esn {config.esn}",
                )
            config, most = fitted(config, log)
            sys.setswitchinterval(SWITCH_SECONDS)
            tell = stack.enter_context(signals.once())
            hardened = partial(log.info, "hardened", **in_force)
            daemon = Daemon(machine, config, log, most)
            trio.run(
                _run, daemon, config, machine.store.mark.identity.hex(), hardened, tell, lock.asked
            )
    except Exception as error:
        if not isinstance(error, REFUSALS) and not lacking(error):
            raise
        say(f"seemachine serve: {reason(error)}{_way_out(config, error)}", file=sys.stderr)
        return 1
    return 0


def _close(store: Store, log: Log) -> None:
    try:
        store.close()
    except StateError as error:
        log.warning("the witness was not told of the end", detail=str(error))


def _way_out(config: Config, error: Exception) -> str:
    """For what the system lacks, and for damage: their own sentences only say what is wrong."""
    if lack := lacking(error):
        return f"; {ADVICE[lack]}"
    if type(error) is not StateCorrupt or not str(error).startswith(str(config.folder / "nvram")):
        return ""
    return (
        f"; nothing was changed. Moving {config.folder} away lets the machine begin anew, without"
        " the leaves in it"
    )


def fitted(config: Config, log: Log) -> tuple[Config, int]:
    """The settings that the system has enough for, and how many sockets. The rest is told."""
    descriptors = descriptors_for(config.limits.connections)
    served = config.limits.connections
    for short in shortfalls(config, descriptors, MOST_THREADS, system(config.folder)):
        log.warning("the system allows less than the settings promise", **short.told)
        served = min(served, short.connections or served)
    limits = replace(config.limits, connections=served)
    return replace(config, limits=limits), descriptors.sockets


def build(config: Config, store: Store) -> Machine:
    """The machine of these settings."""
    return Machine(
        esn=config.esn,
        model=config.model,
        store=store,
        slots=Slots(config.world, config.esn),
        engine=engines.select(),
        random=os.urandom,
        limits=wire_limits(config),
        signer=bytes.fromhex(config.signer),
        extra_signers=frozenset(map(bytes.fromhex, config.extra_signers)),
        delegated=config.nvram_delegation,
        operator=config.operator,
        checkpoints=(
            NoCheckpoints() if config.store == "memory" else FolderCheckpoints(config.folder)
        ),
    )


def wire_limits(config: Config) -> Limits:
    """The limits that a client is told."""
    limits = config.limits
    return Limits(
        frame=limits.frame_bytes,
        message=max(1, limits.frame_bytes - ENVELOPE_BYTES),
        idle_seconds=limits.idle_seconds,
        request_seconds=limits.request_seconds,
    )


def open_runtime(config: Config, environ: Mapping[str, str]) -> tuple[Witness, str]:
    """The witness in the host's runtime folder, and why there is none.

    Raises StateFailed for a folder that was chosen.
    """
    folder = runtime_folder(config.runtime_witness, environ, os.geteuid())
    if folder is None:
        return (
            NoWitness(),
            "" if config.runtime_witness == OFF else "this host has no runtime folder",
        )
    try:
        return RuntimeWitness(folder), ""
    except StateFailed as error:
        if config.runtime_witness != AUTO:
            raise
        return NoWitness(), str(error)


def open_store(config: Config, environ: Mapping[str, str], runtime: Witness | None = None) -> Store:
    """The NVRAM of these settings, with a second witness beside the configured one.

    Raises StateError.
    """
    kept = {"sqlite": config.folder / "nvram.db", "file": config.folder / "nvram"}
    for other, path in kept.items():
        if config.store not in (other, "memory") and path.exists():
            raise StateUnsafe(
                f"{config.esn} keeps its NVRAM in {path}; use --store {other}, or its leaves would"
                " be out of sight"
            )
    if config.store == "memory":
        from seemachine.state.nvram.volatile import MemoryStore

        return MemoryStore(_retention(config))
    options = (
        {"stop_seconds": float(min(STOP_SECONDS, config.limits.drain_seconds))}
        if is_url(config.witness)
        else {}
    )
    configured = open_witness(config.witness, config.world.witness, config.esn, environ, **options)
    witness = LayeredWitness(configured, runtime or NoWitness())
    try:
        return _open_durable(config, witness)
    except BaseException:
        witness.release()
        raise


def _retention(config: Config) -> Retention:
    return Retention(config.retry_seconds, config.ledger_days)


def _open_durable(config: Config, witness: Witness) -> Store:
    if config.store == "file":
        from seemachine.state.nvram.file import FileStore

        return FileStore(config.folder, witness, _retention(config))
    from seemachine.state.nvram.sqlite import SqliteStore

    return SqliteStore(config.folder, witness, _retention(config))


async def _run(
    daemon: Daemon,
    config: Config,
    nvram: str,
    hardened: Callable[[], None],
    tell: Callable[[], None],
    asked: Callable[[], bool],
) -> None:
    def on_ready(host: str, port: int) -> None:
        hardened()
        who = identity.current()
        entry = Published(
            esn=config.esn,
            model=config.model,
            module=config.module,
            host=host,
            port=port,
            pid=who.pid,
            tls=config.tls is not None,
            nvram=nvram,
            started=who.started,
        )
        if config.publish:
            publish(config.world, entry)
        announce(config.world, entry)
        systemd.ready(f"{config.esn} listens on {host} port {port}")

    def on_stopping() -> None:
        tell()
        systemd.stopping()

    trio.lowlevel.spawn_system_task(signals.heed, asked)
    try:
        await daemon.run(on_ready, on_stopping)
    finally:
        if config.publish:
            withdraw(config.world, config.esn, os.getpid())
