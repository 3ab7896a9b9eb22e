"""Settings from a TOML file and from words: what is unknown or wrong is refused by name."""

import os
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from seemachine.config.injection import lines_of
from seemachine.config.seed import as_seed
from seemachine.config.setting import ConfigError
from seemachine.config.settings import Config, check_witness
from seemachine.config.tables import LimitSettings, TlsSettings
from seemachine.witnesses.address import is_url, parse
from seemachine.world import CA_FILE, World


def refuse_password(where: str | None) -> None:
    """Raise ConfigError for the witness of a command line, which all users of the host can read,
    when it holds a password.
    """
    if where and is_url(where):
        check_witness(where)
        if parse(where).password:
            raise ConfigError(
                "witness takes no password on the command line, where all users of this host can"
                " read it; leave it out, and put it into PGPASSWORD, a passfile, or a file of"
                " settings"
            )


def load(path: Path | None, usual: World, **given: Any) -> Config:
    """Settings from a file, overridden by those given that are not None; the world is the usual one
    where neither names one.

    Raises ConfigError, naming the setting.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    table = read_toml(path) if path else {}
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
    refuse_unknown(settings, [setting.name for setting in fields(Config)])
    made = dict(settings)
    if "limits" in made and not isinstance(made["limits"], LimitSettings):
        made["limits"] = build_limits(made["limits"])
    if "seed" in made:
        made["seed"] = as_seed(made["seed"])
    if made.get("faults"):
        made["faults"] = lines_of(made["faults"])
    for name in ("extra_signers", "reserved_ports", "faults"):
        if isinstance(made.get(name), list):
            made[name] = tuple(made[name])
    made["world"] = _world(made.get("world"))
    if made.get("tls") is not None and not isinstance(made["tls"], TlsSettings):
        made["tls"] = build_tls(made["tls"], made["world"], str(made.get("esn", "")))
    return Config(**made)


def refuse_unknown(given: Iterable[str], known: list[str], prefix: str = "") -> None:
    """Raises ConfigError for the first name that is not known, in the order of the alphabet."""
    for name in sorted(set(given) - set(known))[:1]:
        raise ConfigError(f"unknown setting {prefix}{name}; {_meant(name, known)}")


def _meant(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    like = get_close_matches(name, known, n=1)
    return f"{f'did you mean {like[0]}? Known' if like else 'known'} are {', '.join(known)}"


def _world(given: object) -> World:
    if isinstance(given, World):
        return given
    try:
        if isinstance(given, str | Path):
            return World.at(given)
    except RuntimeError as error:  # the ~ of somebody whom this host does not know
        raise ConfigError(
            f"world takes the path of a folder, not {str(given)!r} ({error})"
        ) from error
    raise ConfigError(f"world takes the path of a folder, not {given!r}")


def build_limits(table: Any) -> LimitSettings:
    """Check a table of limits. Raises ConfigError."""
    if not isinstance(table, dict):
        raise ConfigError("limits takes a table")
    refuse_unknown(table, [setting.name for setting in fields(LimitSettings)], "limits.")
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


def read_toml(path: Path) -> dict[str, Any]:
    """The table of a file. Raises ConfigError, naming the file."""
    import tomllib

    try:
        # Names of files are bytes: they come back as they were written, whatever the locale.
        return tomllib.loads(os.fsdecode(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
