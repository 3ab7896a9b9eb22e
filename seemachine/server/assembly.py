"""From settings to a machine that holds its folder and its NVRAM, and back."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from seemachine.chance.chances import SeededChance, of_machine
from seemachine.commands.quarantine import inspect
from seemachine.config import Config
from seemachine.lms import engines
from seemachine.machine import Machine
from seemachine.server.injecting import injector_of
from seemachine.server.logs import Log
from seemachine.server.parts import Parts
from seemachine.server.ports import refuse_taken_port
from seemachine.server.unix_sockets import refuse_taken_socket
from seemachine.state.disk.lock import FolderLock, holder
from seemachine.state.disk.permissions import check_machine
from seemachine.state.errors import StateError, StateFailed
from seemachine.state.nvram.store import Retention, Store
from seemachine.state.nvram.stores import STORES, refuse_others
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.layered import LayeredWitness
from seemachine.state.witness.protocol import Witness
from seemachine.state.witness.runtime import RuntimeWitness
from seemachine.state.witness.runtime_folder import AUTO, OFF, runtime_folder
from seemachine.wire.messages import ENVELOPE_BYTES, Limits
from seemachine.witnesses.address import is_url

if TYPE_CHECKING:
    from seemachine.faults import Injector

# What a witness in a database gets at the end to be told how far all came, after the sessions were
# drained.
STOP_SECONDS = 3


@dataclass
class Opened:
    """A machine with what it holds. Its lock outlives its NVRAM: see `let_go`.

    `again` makes the machine that it is after a restart, with the NVRAM that it had if that is kept
    in memory. `turn` is held while it starts again, by whoever must not meet it in between.
    """

    config: Config
    machine: Machine
    lock: FolderLock
    log: Log
    again: Callable[[Store | None], Machine]
    turn: Lock = field(default_factory=Lock)

    def restart(self) -> None:
        """Close the NVRAM, and open it again; the folder stays held.

        Nobody is at work with it. Raises as `opened`; then there is no NVRAM to close.
        """
        from seemachine.mishaps import restarted

        with self.turn:
            kept = restarted(self.machine.store)
            if kept is None:
                self.close()
            self.machine = self.again(kept)

    def close(self) -> None:
        """Its NVRAM, in order; the folder stays held."""
        try:
            self.machine.store.close()
        except StateError as error:
            self.log.warning("the witness was not told of the end", detail=str(error))


def opened(config: Config, environ: Mapping[str, str], log: Log) -> Opened:
    """Hold the folder, open the NVRAM, look it through. Nothing is held when this raises.

    Raises StateError, CannotListen, EngineError, OSError.
    """
    check_machine(config.folder, private_group=config.private_group)
    if holder(config.folder) is None:
        refuse_taken_port(config)
        refuse_taken_socket(config)
    lock = FolderLock(config.folder, config.esn)
    try:
        lock.listen()
        faults = injector_of(config, log)
        log = parts_of(faults).log(log)
        again = partial(_machine, config, environ, log, faults)
        return Opened(config, again(None), lock, log, again)
    except BaseException:
        lock.release()
        raise


def _machine(
    config: Config,
    environ: Mapping[str, str],
    log: Log,
    faults: "Injector | None",
    kept: Store | None,
) -> Machine:
    # Before there is an NVRAM, which would make it a real world.
    seeded = of_machine(config.world, config.esn, config.seed)
    runtime, missing = open_runtime(config, environ, seeded.world_id if seeded else b"")
    store = kept or open_store(config, environ, runtime, faults)
    try:
        for sentence in store.skipped:
            log.warning("leaves given up", reason=sentence)
        if missing:
            log.warning("no runtime witness", reason=missing)
        if seeded:
            log.warning("insecure", seed=seeded.seed, reason="anybody can make its keys again")
        machine = build(config, store, faults, seeded)
        see = "seemachine quarantine explain"
        for reason in inspect(machine):
            log.warning("quarantine", reason=reason, see=see)
    except BaseException:
        store.close()
        raise
    return machine


def build(
    config: Config,
    store: Store,
    faults: "Injector | None" = None,
    seeded: SeededChance | None = None,
) -> Machine:
    """The machine of these settings."""
    parts = parts_of(faults)
    return Machine(
        esn=config.esn,
        model=config.model,
        store=store,
        slots=parts.slots(config),
        engine=engines.select(),
        random=os.urandom,
        seeded=seeded,
        limits=wire_limits(config),
        signer=bytes.fromhex(config.signer),
        extra_signers=frozenset(map(bytes.fromhex, config.extra_signers)),
        delegated=config.nvram_delegation,
        operator=config.operator,
        checkpoints=parts.checkpoints(config),
        faults=faults,
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


def open_runtime(
    config: Config, environ: Mapping[str, str], scope: bytes = b""
) -> tuple[Witness, str]:
    """The witness in the host's runtime folder, and why there is none. `scope`: see there.

    Raises StateFailed for a folder that was chosen.
    """
    folder = runtime_folder(config.runtime_witness, environ, os.geteuid())
    if folder is None:
        return (
            NoWitness(),
            "" if config.runtime_witness == OFF else "this host has no runtime folder",
        )
    try:
        return RuntimeWitness(folder, scope=scope), ""
    except StateFailed as error:
        if config.runtime_witness != AUTO:
            raise
        return NoWitness(), str(error)


def open_store(
    config: Config,
    environ: Mapping[str, str],
    runtime: Witness | None = None,
    faults: "Injector | None" = None,
) -> Store:
    """The NVRAM of these settings, with a second witness beside the configured one.

    Raises StateError.
    """
    kind, parts = STORES[config.store], parts_of(faults)
    refuse_others(kind, config.folder, config.esn)
    keep = Retention(config.retry_seconds, config.ledger_days)
    if not kind.durable:
        return parts.nvram(config, NoWitness(), keep)
    options = (
        {"stop_seconds": float(min(STOP_SECONDS, config.limits.drain_seconds))}
        if is_url(config.witness)
        else {}
    )
    configured = parts.witness(config, environ, **options)
    witness = LayeredWitness(configured, runtime or NoWitness())
    try:
        return parts.nvram(config, witness, keep)
    except BaseException:
        witness.release()
        raise


def parts_of(faults: "Injector | None") -> Parts:
    """Those in which faults happen, where there can be any; what only makes a machine slow changes
    nothing of it.
    """
    if faults is None or not faults.takes_more:
        return Parts()
    from seemachine.server.faulty_parts import FaultyParts

    return FaultyParts(faults)
