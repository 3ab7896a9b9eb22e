"""From settings to a machine that holds its folder and its NVRAM, and back."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from seemachine.commands.quarantine import inspect
from seemachine.config import Config
from seemachine.lms import engines
from seemachine.machine import Machine
from seemachine.server.logs import Log
from seemachine.server.ports import refuse_taken_port
from seemachine.server.unix_sockets import refuse_taken_socket
from seemachine.state.cards.slots import Slots
from seemachine.state.checkpoints import FolderCheckpoints
from seemachine.state.disk.lock import FolderLock, holder
from seemachine.state.disk.permissions import check_machine
from seemachine.state.errors import StateError, StateFailed
from seemachine.state.half_made import NoCheckpoints
from seemachine.state.nvram.store import Retention, Store
from seemachine.state.nvram.stores import STORES, refuse_others
from seemachine.state.witness.absent import NoWitness
from seemachine.state.witness.layered import LayeredWitness
from seemachine.state.witness.protocol import Witness
from seemachine.state.witness.runtime import RuntimeWitness
from seemachine.state.witness.runtime_folder import AUTO, OFF, runtime_folder
from seemachine.wire.messages import ENVELOPE_BYTES, Limits
from seemachine.witnesses import open_witness
from seemachine.witnesses.address import is_url

# What a witness in a database gets at the end to be told how far all came, after the sessions were
# drained.
STOP_SECONDS = 3


@dataclass(frozen=True)
class Opened:
    """A machine with what it holds. Its lock outlives its NVRAM: see `let_go`."""

    machine: Machine
    lock: FolderLock
    log: Log

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
        return Opened(_machine(config, environ, log), lock, log)
    except BaseException:
        lock.release()
        raise


def _machine(config: Config, environ: Mapping[str, str], log: Log) -> Machine:
    runtime, missing = open_runtime(config, environ)
    store = open_store(config, environ, runtime)
    try:
        for sentence in store.skipped:
            log.warning("leaves given up", reason=sentence)
        if missing:
            log.warning("no runtime witness", reason=missing)
        machine = build(config, store)
        see = "seemachine quarantine explain"
        for reason in inspect(machine):
            log.warning("quarantine", reason=reason, see=see)
    except BaseException:
        store.close()
        raise
    return machine


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
            FolderCheckpoints(config.folder) if STORES[config.store].durable else NoCheckpoints()
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
    kind = STORES[config.store]
    refuse_others(kind, config.folder, config.esn)
    keep = Retention(config.retry_seconds, config.ledger_days)
    if not kind.durable:
        return kind.open(config.folder, NoWitness(), keep)
    options = (
        {"stop_seconds": float(min(STOP_SECONDS, config.limits.drain_seconds))}
        if is_url(config.witness)
        else {}
    )
    configured = open_witness(config.witness, config.world.witness, config.esn, environ, **options)
    witness = LayeredWitness(configured, runtime or NoWitness())
    try:
        return kind.open(config.folder, witness, keep)
    except BaseException:
        witness.release()
        raise
