"""Settings of one machine: defaults, then a TOML file, then the command line."""

import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from seemachine.wire.framing import MAX_FRAME
from seemachine.wire.names import MODELS, SEE_PORT, is_esn
from seemachine.wire.world import home

STORES = ("sqlite", "file", "memory")
OPERATORS = ("manual", "auto")
# Room for the longest replies: a part of a node cache, and a listing of all NVRAM files.
MIN_FRAME = 640 * 1024
# Four years in seconds; for counts and bytes more than anybody needs.
MOST = 1 << 27
_SIGNER = re.compile(r"(?:[0-9a-f]{2}){20,64}|", re.ASCII)


class ConfigError(ValueError):
    """A setting is unknown or wrong. The text says what would be right."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one peer can make the machine hold, and for how long. Bytes, counts and seconds; all are at least 1.

    `idle_seconds` is the wait for the first byte of a request; `request_seconds` bounds each of receiving the rest of it, answering it, and
    sending the reply; `drain_seconds` is what requests under way get when the machine is told to stop.
    """

    frame_bytes: int = MAX_FRAME
    connections: int = 256
    idle_seconds: int = 300
    request_seconds: int = 120
    drain_seconds: int = 10

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if type(value) is not int or value < 1:
                raise ConfigError(f"limits.{setting.name} takes a whole number from 1, not {value!r}")
            if value > MOST:
                raise ConfigError(f"limits.{setting.name} takes at most {MOST}, not {value}")
        if not MIN_FRAME <= self.frame_bytes <= MAX_FRAME:
            raise ConfigError(f"limits.frame_bytes takes {MIN_FRAME} to {MAX_FRAME}; smaller, some replies would not fit")


@dataclass(frozen=True, slots=True)
class Config:
    """One machine. `world` is the world folder; its own state lies in hsm/<ESN> there."""

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
    signer: str = ""
    world: Path = field(default_factory=home)
    limits: LimitSettings = LimitSettings()

    def __post_init__(self) -> None:
        if type(self.esn) is not str or not is_esn(self.esn):
            raise ConfigError(f"esn takes an electronic serial number such as 7852-268D-3BF9, not {self.esn!r}")
        _one_of("model", self.model, MODELS)
        _one_of("store", self.store, STORES)
        _one_of("operator", self.operator, OPERATORS)
        for name in ("search_port", "insecure_bind", "publish"):
            _one_of(name, getattr(self, name), (True, False))
        if type(self.signer) is not str or not _SIGNER.fullmatch(self.signer):
            raise ConfigError(f"signer takes the hash of a signing key, 40 to 128 hexadecimal digits, not {self.signer!r}")
        if type(self.port) is not int or not 0 <= self.port <= 65535:
            raise ConfigError(f"port takes a number from 0 (any free one) to 65535, not {self.port!r}")
        if type(self.module) is not int or not 1 <= self.module <= 64:
            raise ConfigError(f"module takes a number from 1 to 64, not {self.module!r}")
        if type(self.host) is not str:
            raise ConfigError(f"host takes an address, not {self.host!r}")
        if not _is_loopback(self.host) and not self.insecure_bind:
            raise ConfigError(
                f"{self.host} is not a loopback address, and whoever reaches the port can sign; add --insecure-bind if that is wanted"
            )

    @property
    def folder(self) -> Path:
        """The machine's own state."""
        return self.world / "hsm" / self.esn


def load(path: Path | None, **given: Any) -> Config:
    """Settings from a file, overridden by those given that are not None. Raises ConfigError, naming the setting."""
    return build({**(_read(path) if path else {}), **{name: value for name, value in given.items() if value is not None}})


def build(settings: dict[str, Any]) -> Config:
    """Check a table of settings. Raises ConfigError."""
    known = {setting.name: setting.type for setting in fields(Config)}
    unknown = sorted(settings.keys() - known.keys())
    if unknown:
        raise ConfigError(f"unknown setting {unknown[0]}; known are {', '.join(known)}")
    if "limits" in settings and not isinstance(settings["limits"], LimitSettings):
        settings = {**settings, "limits": build_limits(settings["limits"])}
    if "world" in settings:
        if not isinstance(settings["world"], str | Path):
            raise ConfigError(f"world takes the path of a folder, not {settings['world']!r}")
        settings = {**settings, "world": Path(settings["world"]).expanduser().absolute()}
    return Config(**settings)


def build_limits(table: Any) -> LimitSettings:
    """Check a table of limits. Raises ConfigError."""
    known = [setting.name for setting in fields(LimitSettings)]
    if not isinstance(table, dict):
        raise ConfigError("limits takes a table")
    for name in table:
        if name not in known:
            raise ConfigError(f"unknown setting limits.{name}; known are {', '.join(known)}")
    return replace(LimitSettings(), **table)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def _one_of(name: str, value: object, choices: tuple[object, ...]) -> None:
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise ConfigError(f"{name} takes one of {', '.join(map(str, choices))}, not {value!r}")


def _is_loopback(host: str) -> bool:
    """An address that only this host reaches. Of names only localhost counts: where another one leads is for others to decide."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
