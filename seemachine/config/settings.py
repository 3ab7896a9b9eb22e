"""The settings of one machine, each declared with its limits and its documentation."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from seemachine.config.injection import (
    check_injection,
    fault_injection_setting,
    latency_setting,
)
from seemachine.config.listening import check_listening, is_loopback
from seemachine.config.seed import seed_setting
from seemachine.config.setting import (
    MOST,
    ConfigError,
    check_all,
    choice,
    flag,
    number,
    numbers,
    path,
    text,
    texts,
)
from seemachine.config.tables import LimitSettings, TlsSettings
from seemachine.state.nvram.stores import KINDS, SQLITE
from seemachine.wire.names import MOST_MODULES, SEE_PORT, TAKES_FAULTS, is_esn
from seemachine.wire.sockets import socket_path
from seemachine.witnesses.address import FORM, is_url, parse
from seemachine.world import World

MODELS = {"5c": "nShield 5c", "xc": "nShield Connect XC"}
OPERATORS = {
    "manual": "a person does, with seemachine card insert",
    "auto": "the machine does, from the rack or a new one, whenever a client waits for one",
}
LOCKING = {
    "auto": "where the system allows it",
    "yes": "the machine does not start without it",
    "no": "nothing is locked",
}
_SIGNER = re.compile(r"(?:[0-9a-f]{2}){20,64}", re.ASCII)


def _is_signer(value: str) -> bool:
    return _SIGNER.fullmatch(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One machine."""

    esn: str = text(
        "",
        "an electronic serial number such as 7852-268D-3BF9",
        "the electronic serial number",
        fits=is_esn,
        example='"7852-268D-3BF9"',
        shown="ESN",
    )
    model: str = choice("5c", MODELS, "the model of the HSM", shown="MODEL")
    module: int = number(
        1,
        1,
        MOST_MODULES,
        "the module number on this host, which orders the banner of pipsqueak",
        shown="N",
    )
    host: str = text(
        "127.0.0.1",
        "an address",
        "the address to listen on",
        unset="all addresses, IPv4 and IPv6",
        more="One that is not loopback needs TLS, or `insecure_bind`.",
        shown="ADDRESS",
    )
    port: int = number(
        SEE_PORT, 0, 65535, "the port to listen on", unset="any free one", shown="PORT"
    )
    tcp: bool = flag(
        "listen on a port",
        default=True,
        more="Without it the machine has its socket alone.",
        shown="no",
    )
    socket: str = text(
        "",
        "the path of a Unix socket, or of a folder of such",
        "a Unix socket to listen on, too: its path, or that of a folder, which ends with / where it"
        " is yet to be made; in a folder it is called <module>-<ESN>.sock",
        unset="none",
        more="Relative to the world folder. Whoever may open it is `admin`, without TLS; see"
        " [Unix sockets](../how-to/sockets.md).",
        example='"/run/hsm/"',
        shown="PATH",
    )
    search_port: bool = flag(
        "take the next free port when this one is taken",
        default=False,
        more="In a fleet the default is true for a machine on loopback without TLS.",
        shown="yes",
    )
    reserved_ports: tuple[int, ...] = numbers(
        "a list of ports",
        "ports that a search passes over: other machines are to have them",
        range(1, 65536).__contains__,
    )
    insecure_bind: bool = flag(
        "listen on an address that is not loopback without TLS: whoever reaches the port can sign",
        default=False,
        shown="yes",
    )
    publish: bool = flag(
        "write the published object by which clients on this host find the machine",
        default=True,
        more="A machine of a fleet always does.",
        shown="yes",
    )
    store: str = choice(
        SQLITE.name, {kind.name: kind.what for kind in KINDS}, "where NVRAM is kept", shown="STORE"
    )
    operator: str = choice("manual", OPERATORS, "who inserts blank cards", shown="OPERATOR")
    witness: str = text(
        "",
        "the path of a folder",
        "what remembers this NVRAM apart from it: a folder, relative to the world folder, or a"
        f" database, {FORM}",
        unset="witness/ of the world folder",
        more="The password of a database comes from the URL in a file, from PGPASSWORD, or from a"
        " passfile; a command line takes none.",
        example='"/mnt/witness"',
        shown="DIR|URL",
        secret=True,
    )
    runtime_witness: str = text(
        "auto",
        "auto, off, or the path of a folder",
        "a second witness, gone with a reboot: a folder, off, or auto for the runtime folder of"
        " the user or service, where there is one",
        shown="auto|off|DIR",
    )
    retry_seconds: int = number(
        3600,
        1,
        MOST,
        "how long a used-up lease is kept, seed included, for sign requests that come again",
        unit="seconds",
        shown="SECONDS",
    )
    ledger_days: int = number(
        0,
        0,
        MOST,
        "how long rows of the ledger are kept",
        unit="days",
        unset="for ever",
        more="`seemachine audit` can't judge by rows that are gone.",
        shown="DAYS",
    )
    lock_memory: str = choice("auto", LOCKING, "keep memory out of swap", shown="WHEN")
    signer: str = text(
        "",
        "the hash of a signing key, 40 to 128 hexadecimal digits",
        "the hash of the key that signed the SEE machine",
        fits=lambda value: not value or _is_signer(value),
        unset="that of the SEE machine loaded on this HSM, if any",
        example='"<hex>"',
        shown="HEX",
    )
    extra_signers: tuple[str, ...] = texts(
        "a list of hashes of signing keys, each of 40 to 128 hexadecimal digits",
        "hashes of other keys that signed the SEE machine too: keys made under them work",
        _is_signer,
    )
    private_group: bool = flag(
        "accept state that this process's groups may read and write: only where they have no other"
        " member, as in a pod",
        default=False,
        more="See [Kubernetes](../how-to/kubernetes.md).",
        shown="yes",
    )
    nvram_delegation: bool = flag("whether the SEE machine may make NVRAM files", default=True)
    seed: str = seed_setting()
    fault_injection: bool = fault_injection_setting()
    latency: str = latency_setting()
    faults: tuple[str, ...] = texts(
        "a list of faults, a line each, such as 'drop-after on=signing times=1'",
        "what goes wrong from the start, for tests",
        lambda _: True,
        more="It needs `fault_injection`. In a machine's file it may be tables, `[[faults]]`, too.",
        shown="FAULT",
    )
    world: World = path(
        "the path of a folder",
        "the world folder",
        World,
        unset="$SEEMACHINE_HOME, else the platform's data folder",
        more="`--home` on the command line. The machine's own state is in `hsm/<ESN>/` there.",
        shown="DIR",
    )
    limits: LimitSettings = field(default_factory=LimitSettings)
    tls: TlsSettings | None = None

    def __post_init__(self) -> None:
        check_all(self)
        check_witness(self.witness)
        check_injection(self.faults, self.latency, allowed=self.fault_injection)
        check_listening(self)

    @property
    def is_found_anywhere(self) -> bool:
        """Whether all its clients are on this host, and find it on whichever port it is."""
        return self.tls is None and is_loopback(self.host)

    @property
    def socket_path(self) -> Path:
        """Of the socket, where there is one."""
        return socket_path(self.socket, self.world.folder, self.module, self.esn)

    @property
    def injection(self) -> str:
        """In words: what goes wrong on purpose; nothing where nothing can."""
        latency = [f"latency {self.latency}"] if self.latency else []
        return "; ".join([*([TAKES_FAULTS] if self.fault_injection else []), *latency])

    @property
    def fixed_port(self) -> int:
        """The port that it is to have; 0 for any, or none."""
        return self.port if self.tcp else 0

    @property
    def folder(self) -> Path:
        """The machine's own state."""
        return self.world.hsm(self.esn)


def check_witness(where: str) -> None:
    """Raises ConfigError for a URL that names no database."""
    try:
        if is_url(where):
            parse(where)
    except ValueError as error:
        raise ConfigError(f"witness takes {error}") from None
