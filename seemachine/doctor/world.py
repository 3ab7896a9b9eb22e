"""What is in a world: its fleet, ports, permissions, formats, certificates."""

import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seeclient import files
from seeclient.environment import Environment
from seeclient.keys import KeyStore

from seemachine.chance.mark import insecure
from seemachine.chance.seeding import settle
from seemachine.config import Config
from seemachine.doctor.finding import NOTE, OK, TROUBLE, Diagnosis
from seemachine.fleet import check, running, status
from seemachine.hsms import published, records
from seemachine.server.ports import CannotListen
from seemachine.server.unix_sockets import refuse_taken_socket
from seemachine.state.disk.lock import holder
from seemachine.state.disk.permissions import check_machine, check_world
from seemachine.state.errors import StateError, reason
from seemachine.wire.status import StatusError
from seemachine.world import CA_FILE, CLIENT_PREFIX, World

SOON = timedelta(days=30)
RUN = "; run: "


def ports(configs: Sequence[Config]) -> Iterator[Diagnosis]:
    """Those of machines that are down; one that is up has its own."""
    free = 0
    for config in configs:
        if not config.fixed_port or holder(config.folder) is not None:
            continue
        if _is_taken(config.host, config.port):
            yield _taken(config)
        else:
            free += 1
    if free:
        yield Diagnosis("ports", OK, f"free for {free} that are down")


def _taken(config: Config) -> Diagnosis:
    """A machine that searches a port comes up on another one."""
    what = f"port {config.port} of {config.esn} is taken by another program"
    where = f"end what listens on {config.port}, or give {config.esn} another port in fleet.toml"
    if config.search_port:
        what, where = f"{what}; it will listen on another one", f"to have that one, {where}"
    return Diagnosis("ports", NOTE if config.search_port else TROUBLE, what, where)


def sockets(configs: Sequence[Config]) -> Iterator[Diagnosis]:
    """Those of machines that are down."""
    free = 0
    for config in configs:
        if not config.socket or holder(config.folder) is not None:
            continue
        try:
            refuse_taken_socket(config)
            free += 1
        except CannotListen as refused:
            what, _, command = str(refused).partition(RUN)
            advice = command or f"give {config.esn} another socket in fleet.toml"
            yield Diagnosis("sockets", TROUBLE, f"{config.esn}: {what}", advice)
    if free:
        yield Diagnosis("sockets", OK, f"free for {free} that are down")


def _is_taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def permissions(world: World, configs: Sequence[Config]) -> Iterator[Diagnosis]:
    """What others may read or write."""
    shared = bool(configs) and all(config.private_group for config in configs)
    checks: list[Callable[[], None]] = [lambda: check_world(world, private_group=shared)]
    checks += [
        lambda folder=config.folder, group=config.private_group: check_machine(  # type: ignore[misc]
            folder, private_group=group
        )
        for config in configs
        if config.folder.exists()
    ]
    wrong = [reason(error) for error in _errors(checks)] if world.folder.exists() else []
    if not wrong and (sealed := _sealed(world.folder)) is not None:
        yield Diagnosis(
            "permissions",
            TROUBLE,
            reason(sealed),
            "let this user write there, or name another world folder in SEEMACHINE_HOME",
        )
        return
    for sentence in wrong:
        what, _, command = sentence.partition(RUN)
        yield Diagnosis("permissions", TROUBLE, what, command)
    if not wrong:
        yield Diagnosis("permissions", OK, "the world is for its user alone")


def _sealed(folder: Path) -> OSError | None:
    """Why this user can't write into the folder, or the one above that it would be made in."""
    return files.unwritable(next(each for each in (folder, *folder.parents) if each.exists()))


def formats(world: World) -> Iterator[Diagnosis]:
    """Files of another version of seemachine, or damaged ones, that a look at them shows."""
    esns = sorted(path.name for path in world.machines.glob("*") if path.is_dir())
    checks: list[Callable[[], object]] = [
        lambda: running.machines(world),
        lambda: records.listing(world),
        *(lambda esn=esn: published.read(world, esn) for esn in esns),
        *(lambda esn=esn: published.listening(world, esn) for esn in esns),
    ]
    wrong = [Diagnosis("formats", TROUBLE, text) for text in map(reason, _errors(checks))]
    yield from (found := [*dict.fromkeys(wrong), *_key_files(KeyStore(world.keys))])
    if not found:
        yield Diagnosis("formats", OK, "all files that were looked at can be read")


def _key_files(store: KeyStore) -> Iterator[Diagnosis]:
    try:
        aliases = store.aliases()
    except StatusError as error:
        yield Diagnosis("formats", TROUBLE, error.detail)
        return
    for alias in aliases:
        try:
            store.load(alias)
        except StatusError as error:
            what, _, advice = error.detail.partition("; ")
            yield Diagnosis("formats", TROUBLE, what, advice)


def _errors(checks: Sequence[Callable[[], object]]) -> Iterator[StateError | OSError]:
    for each in checks:
        try:
            each()
        except (StateError, OSError) as error:
            yield error


def for_tests(world: World) -> Iterator[Diagnosis]:
    """What nobody should take for real: a seeded world, and machines that faults happen to."""
    try:
        seeded, injected = settle(world), status.for_tests(world)
    except StateError as error:
        yield Diagnosis("for tests", TROUBLE, reason(error))
        return
    if seeded is not None:
        advice = "for keys that somebody trusts use another world folder"
        yield Diagnosis("for tests", NOTE, insecure(seeded.seed), advice)
    for esn, injection in injected.items():
        advice = "see what goes wrong with: seemachine fault list"
        yield Diagnosis("for tests", NOTE, f"{esn} is for tests: {injection}", advice)


def fleet(told: Environment) -> Iterator[Diagnosis]:
    """What `seemachine fleet check` finds, where there is a fleet."""
    if not told.world.machines.is_dir():
        yield Diagnosis("fleet", NOTE, f"no fleet in {told.world}", "seemachine fleet up --detach")
        return
    found = check.findings(told)
    for each in found:
        whose = f"{each.esn}: " if each.esn else ""
        yield Diagnosis("fleet", each.level, f"{whose}{each.problem}", each.advice)
    if not found:
        yield Diagnosis("fleet", OK, "no problems found")


def certificates(world: World) -> Iterator[Diagnosis]:
    """Those of pki/ that have expired, or soon will."""
    paths = sorted(world.pki.glob("*.crt"))
    if not paths:
        return
    try:
        from cryptography import x509
    except ModuleNotFoundError:
        sentence = "certificates are not looked at without the package cryptography"
        yield Diagnosis("certificates", NOTE, sentence, "pip install cryptography")
        return
    now, wrong = datetime.now(UTC), 0
    for path in paths:
        try:
            until = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        except (OSError, ValueError) as error:
            wrong += 1
            yield Diagnosis("certificates", TROUBLE, f"{path} can't be read: {error}", _again(path))
            continue
        if until < now + SOON:
            wrong += 1
            verb, level = ("expired", TROUBLE) if until < now else ("expires", NOTE)
            sentence = f"{path} {verb} at {until:%Y-%m-%d %H:%M} UTC"
            yield Diagnosis("certificates", level, sentence, _again(path))
    if not wrong:
        yield Diagnosis("certificates", OK, f"{len(paths)} are valid for {SOON.days} days and more")


def _again(path: Path) -> str:
    """How a certificate is made anew."""
    if path.name == CA_FILE:
        return (
            "make a new CA with: seemachine pki init --folder NEW; then issue every certificate"
            " again"
        )
    if path.stem.startswith(CLIENT_PREFIX):
        name = path.stem.removeprefix(CLIENT_PREFIX)
        return f"seemachine pki issue client {name} --role ROLE --renew"
    return f"seemachine pki issue machine {path.stem} --renew"
