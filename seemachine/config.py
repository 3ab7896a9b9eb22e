"""Settings of one machine: defaults, then a TOML file, then the command line."""

import re
import tomllib
from dataclasses import dataclass, fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.names import MODELS, SEE_PORT, is_esn
from seemachine.wire.printable import is_printable
from seemachine.witnesses.address import is_url, parse
from seemachine.world import CA_FILE, World

STORES = ("sqlite", "file", "memory")
OPERATORS = ("manual", "auto")
LOCKING = ("auto", "yes", "no")
# Room for the longest replies: a part of a node cache, and a listing of all NVRAM files.
MIN_FRAME = 640 * 1024
# Four years in seconds; for counts and bytes more than anybody needs.
MOST = 1 << 27
_SIGNER = re.compile(r"(?:[0-9a-f]{2}){20,64}|", re.ASCII)


# The least, the most, and how the least is shown.
NUMBERS = {
    "port": (0, 65535, "0 (any free one)"),
    "module": (1, 64, "1"),
    "retry_seconds": (1, MOST, "1"),
    "ledger_days": (0, MOST, "0 (for ever)"),
}


class ConfigError(ValueError):
    """A setting is unknown or wrong. The text says what would be right."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one peer can make the machine hold, and for how long.

    Bytes, counts and seconds; all are at least 1.

    `idle_seconds` is the wait for the first byte of a request; `request_seconds` bounds each of
    receiving the rest of it, answering it, and sending the reply; `drain_seconds` is what requests
    under way get when the machine is told to stop; `greeting_seconds` is from connecting to hello,
    `handshake_seconds` is for TLS. A peer is an address, of IPv6 a network of 64 bits: connections
    too many a second are closed, requests wait.
    """

    frame_bytes: int = MAX_FRAME
    connections: int = 256
    peer_connections: int = 192
    peer_connections_per_second: int = 20000
    peer_requests_per_second: int = 20000
    greeting_seconds: int = 5
    idle_seconds: int = 300
    request_seconds: int = 120
    drain_seconds: int = 10
    handshake_seconds: int = 5

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if type(value) is not int or value < 1:
                raise ConfigError(
                    f"limits.{setting.name} takes a whole number from 1, not {value!r}"
                )
            if value > MOST:
                raise ConfigError(f"limits.{setting.name} takes at most {MOST}, not {value}")
        if not MIN_FRAME <= self.frame_bytes <= MAX_FRAME:
            raise ConfigError(
                f"limits.frame_bytes takes {MIN_FRAME} to {MAX_FRAME}; smaller, some replies would"
                " not fit"
            )


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """PEM files: the machine's certificate (with its chain) and its key, and the CA whose clients
    it takes.
    """

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class Config:
    """One machine. `world` is the world folder; its own state lies in hsm/<ESN> there.

    `extra_signers`, beside `signer`: keys that signed the SEE machine too, so what was made under
    them works. `nvram_delegation`: whether it may make NVRAM files. `witness` is where its openings
    are remembered outside of that: a folder, by default witness/ of the world. `runtime_witness` is
    a second one that does not outlive a boot of the host: a folder, `auto` for the user's runtime
    folder, or `off`. For `retry_seconds` a used-up lease is kept for requests that come again; the
    ledger is kept for `ledger_days`, or with 0 for ever.
    """

    world: World
    esn: str = ""
    model: str = "5c"
    module: int = 1
    host: str = "127.0.0.1"
    port: int = SEE_PORT
    search_port: bool = False
    insecure_bind: bool = False
    publish: bool = True
    store: str = "sqlite"
    operator: str = "manual"
    witness: str = ""
    runtime_witness: str = "auto"
    retry_seconds: int = 3600
    ledger_days: int = 0
    lock_memory: str = "auto"
    signer: str = ""
    extra_signers: tuple[str, ...] = ()
    nvram_delegation: bool = True
    limits: LimitSettings = LimitSettings()
    tls: TlsSettings | None = None

    def __post_init__(self) -> None:
        if type(self.esn) is not str or not is_esn(self.esn):
            raise ConfigError(
                f"esn takes an electronic serial number such as 7852-268D-3BF9, not {self.esn!r}"
            )
        _one_of("model", self.model, MODELS)
        _one_of("store", self.store, STORES)
        _one_of("operator", self.operator, OPERATORS)
        _one_of("lock_memory", self.lock_memory, LOCKING)
        for name in ("search_port", "insecure_bind", "publish", "nvram_delegation"):
            _one_of(name, getattr(self, name), (True, False))
        if type(self.signer) is not str or not _SIGNER.fullmatch(self.signer):
            raise ConfigError(
                "signer takes the hash of a signing key, 40 to 128 hexadecimal digits, not"
                f" {self.signer!r}"
            )
        extra = self.extra_signers
        if not isinstance(extra, tuple) or not all(
            type(each) is str and each and _SIGNER.fullmatch(each) for each in extra
        ):
            raise ConfigError(
                "extra_signers takes a list of hashes of signing keys, each of 40 to 128"
                " hexadecimal digits"
            )
        for name, (least, most, shown) in NUMBERS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ConfigError(f"{name} takes a number from {shown} to {most}, not {value!r}")
        for name, what in (
            ("witness", "the path of a folder"),
            ("runtime_witness", "auto, off, or the path of a folder"),
            ("host", "an address"),
        ):
            value = getattr(self, name)
            if type(value) is not str or not is_printable(value):
                raise ConfigError(f"{name} takes {what}, not {value!r}")
        _check_witness(self.witness)
        if self.tls is None and not _is_loopback(self.host) and not self.insecure_bind:
            raise ConfigError(
                f"{self.host} is not a loopback address, and whoever reaches the port can sign; use"
                " TLS ([tls] in the file, or --tls-cert, --tls-key, --tls-ca), or allow it with"
                " insecure_bind = true, or --insecure-bind"
            )

    @property
    def folder(self) -> Path:
        """The machine's own state."""
        return self.world.hsm(self.esn)


def _check_witness(where: str) -> None:
    try:
        if is_url(where):
            parse(where)
    except ValueError as error:
        raise ConfigError(f"witness takes {error}") from None


def refuse_password(where: str | None) -> None:
    """Raise ConfigError for the witness of a command line, which all users of the host can read,
    when it holds a password.
    """
    if where and is_url(where):
        _check_witness(where)
        if parse(where).password:
            raise ConfigError(
                "witness takes no password on the command line, where all users of this host can"
                " read it; leave it out, and put it into PGPASSWORD, a passfile, or a file of"
                " settings"
            )


def load(path: Path | None, usual: World, **given: Any) -> Config:
    """Settings from a file, overridden by those given that are not None.

    Raises ConfigError, naming the setting.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    table = _read(path) if path else {}
    try:
        return build({"world": usual, **table, **chosen})
    except ConfigError as error:
        of_file = {name: value for name, value in table.items() if name not in chosen}
        raise ConfigError(f"{path}: {error}") if _concerns(str(error), of_file) else error from None


def _concerns(refusal: str, settings: dict[str, Any]) -> bool:
    """Whether it is one of these settings that was refused."""
    begins = [
        start
        for name in settings
        for start in (f"{name} takes", f"{name}.", f"unknown setting {name}")
    ]
    return refusal.startswith((*begins, f"{settings.get('host')} is not"))


def build(settings: dict[str, Any]) -> Config:
    """Check a table of settings. Raises ConfigError."""
    known = {setting.name: setting.type for setting in fields(Config)}
    unknown = sorted(settings.keys() - known.keys())
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]}; known are {', '.join(known)}")
    if "limits" in settings and not isinstance(settings["limits"], LimitSettings):
        settings = {**settings, "limits": build_limits(settings["limits"])}
    if isinstance(settings.get("extra_signers"), list):
        settings = {**settings, "extra_signers": tuple(settings["extra_signers"])}
    if "world" in settings:
        settings = {**settings, "world": _world(settings["world"])}
    if settings.get("tls") is not None and not isinstance(settings["tls"], TlsSettings):
        settings = {
            **settings,
            "tls": build_tls(settings["tls"], settings["world"], str(settings.get("esn", ""))),
        }
    return Config(**settings)


def _world(given: object) -> World:
    if isinstance(given, World):
        return given
    if not isinstance(given, str | Path):
        raise ConfigError(f"world takes the path of a folder, not {given!r}")
    try:
        return World.at(given)
    except RuntimeError as error:  # the ~ of somebody whom this host does not know
        raise ConfigError(
            f"world takes the path of a folder, not {str(given)!r} ({error})"
        ) from error


def build_limits(table: Any) -> LimitSettings:
    """Check a table of limits. Raises ConfigError."""
    known = [setting.name for setting in fields(LimitSettings)]
    if not isinstance(table, dict):
        raise ConfigError("limits takes a table")
    for name in table:
        if name not in known:
            raise ConfigError(f"unknown setting limits.{name}; known are {', '.join(known)}")
    return replace(LimitSettings(), **table)


def build_tls(table: Any, world: World, esn: str) -> TlsSettings:
    """Check a table of TLS files: all three, or `pki`, the folder that they are in.

    Raises ConfigError.
    """
    if not isinstance(table, dict) or table.keys() not in ({"certificate", "key", "ca"}, {"pki"}):
        raise ConfigError(
            'tls takes certificate, key and ca, all three, or pki = "auto" or a folder'
        )
    for name, value in table.items():
        if not isinstance(value, str | Path) or not str(value):
            raise ConfigError(f"tls.{name} takes the path of a file, not {value!r}")
    paths = {name: Path(value).expanduser().absolute() for name, value in table.items()}
    if "pki" not in table:
        return TlsSettings(**paths)
    folder = world.pki if table["pki"] == "auto" else paths["pki"]
    return TlsSettings(folder / f"{esn}.crt", folder / f"{esn}.key", folder / CA_FILE)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _one_of(name: str, value: object, choices: tuple[object, ...]) -> None:
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise ConfigError(f"{name} takes one of {', '.join(map(str, choices))}, not {value!r}")


def _is_loopback(host: str) -> bool:
    """An address that only this host reaches.

    Of names only localhost counts: where another one leads is for others to decide.
    """
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
