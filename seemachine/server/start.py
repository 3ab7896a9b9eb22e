"""From settings to a running daemon, and the one place where a failed start becomes a sentence."""

import os
import sys
from contextlib import ExitStack

import trio

from seemachine.config import Config
from seemachine.fleet.published import Published, announce, publish, withdraw
from seemachine.lms import engines
from seemachine.machine import Machine
from seemachine.server.logs import Log, configure
from seemachine.server.serve import CannotListen, Daemon
from seemachine.state.checkpoints import FolderCheckpoints, NoCheckpoints
from seemachine.state.errors import StateError, StateUnsafe
from seemachine.state.lock import FolderLock
from seemachine.state.slots import Slots
from seemachine.state.store import Store
from seemachine.wire.messages import ENVELOPE_BYTES, Limits


def start(config: Config) -> int:
    """Run one machine until it is told to stop. Returns the exit code; a reason not to start goes to standard error."""
    try:
        with ExitStack() as stack:
            lock = FolderLock(config.folder, config.esn)
            stack.callback(lock.release)
            store = open_store(config)
            stack.callback(store.close)
            log = configure(esn=config.esn)
            trio.run(_run, build(config, store), config, log)
    except (StateError, CannotListen, engines.EngineError, OSError) as error:
        print(f"seemachine: {error}", file=sys.stderr)
        return 1
    return 0


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
        operator=config.operator,
        checkpoints=NoCheckpoints() if config.store == "memory" else FolderCheckpoints(config.folder),
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


def open_store(config: Config) -> Store:
    """The NVRAM of these settings. Raises StateError."""
    kept = {"sqlite": config.folder / "nvram.db", "file": config.folder / "nvram"}
    for other, path in kept.items():
        if config.store not in (other, "memory") and path.exists():
            raise StateUnsafe(f"{config.esn} keeps its NVRAM in {path}; use --store {other}, or its leaves would be out of sight")
    if config.store == "memory":
        from seemachine.state.memory import MemoryStore

        return MemoryStore()
    if config.store == "file":
        from seemachine.state.file import FileStore

        return FileStore(config.folder)
    from seemachine.state.sqlite import SqliteStore

    return SqliteStore(config.folder)


async def _run(machine: Machine, config: Config, log: Log) -> None:
    def on_ready(host: str, port: int) -> None:
        entry = Published(config.esn, config.model, config.module, host, port, os.getpid())
        if config.publish:
            publish(config.world, entry)
        announce(config.world, entry)

    try:
        await Daemon(machine, config, log).run(on_ready)
    finally:
        if config.publish:
            withdraw(config.world, config.esn, os.getpid())
