"""`seemachine serve`: its options, made of the settings themselves, and what it runs."""

import argparse
from dataclasses import Field
from pathlib import Path
from typing import Any

from seemachine.cli.answer import Misused
from seemachine.cli.argtypes import esn
from seemachine.config import Config, ConfigError, TlsSettings, load, refuse_password
from seemachine.config.setting import Setting, settings_of
from seemachine.config.telling import in_help
from seemachine.process.parent import Parent
from seemachine.state.nvram.stores import MEMORY
from seemachine.world import World

TYPES = {"esn": esn, "world": Path}
TLS = {"cert": "certificate", "key": "key", "ca": "ca"}
# Settings whose option has another name.
NAMES = {"world": "home", "faults": "fault"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        metavar="FILE",
        help="TOML file with these settings, [limits] and [tls]; see docs/reference/settings.md;"
        " more than one: a machine each, all in this process",
    )
    for field, setting in settings_of(Config):
        if setting.shown:
            _add_option(parser, field, setting)
    parser.add_argument(
        "--ephemeral",
        action="store_const",
        const=MEMORY.name,
        dest="store",
        help=f"the same as --store {MEMORY.name}",
    )
    parser.add_argument(
        "--die-with-parent",
        action="store_true",
        help="stop when the process that started this command ends",
    )
    _add_files(parser)


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = {field.name: setting for field, setting in settings_of(TlsSettings)}
    for option, name in TLS.items():
        what = f"{files[name].what}; PEM; with all three the port takes only TLS"
        parser.add_argument(
            f"--tls-{option}", type=Path, metavar=files[name].shown, help=_escaped(what)
        )


def _add_option(parser: argparse.ArgumentParser, field: Field[Any], setting: Setting) -> None:
    name = field.name.replace("_", "-")
    told: dict[str, Any] = {
        "dest": NAMES.get(field.name, field.name),
        "default": None,
        "help": _escaped(in_help(field, setting)),
    }
    if isinstance(field.default, bool):
        word = f"--no-{name}" if field.default else f"--{name}"
        parser.add_argument(word, action="store_const", const=not field.default, **told)
        return
    if isinstance(field.default, tuple):
        told |= {"action": "append", "metavar": setting.shown}
    elif setting.choices:
        told["choices"] = tuple(setting.choices)
    else:
        told["metavar"] = setting.shown
        told["type"] = TYPES.get(field.name, field.type)
    if field.name == "esn":
        more = (
            "; more than one: a machine each, all in this process, with module numbers and ports"
            " that count up; the other options hold for all of them"
        )
        told |= {"action": "append", "help": f"{told['help']}{more}"}
    parser.add_argument(f"--{NAMES.get(field.name, name)}", **told)


def _escaped(text: str) -> str:
    """As argparse wants it."""
    return text.replace("%", "%%")


def run(options: argparse.Namespace) -> int:
    """Run the machines that words and files describe. Returns the exit code."""
    parent: Parent | None = options.parent if options.die_with_parent else None
    files, esns = options.config or [], options.esn or []
    if not files and not esns:
        raise Misused("--esn is needed, such as --esn 7852-268D-3BF9")
    if len(files) > 1 and esns:
        raise Misused("each of several --config says which ESN it is for; leave out --esn")
    try:
        refuse_password(options.witness)
        configs = _machines(files, esns, options.world, _given(options))
    except ConfigError as error:
        raise Misused(str(error)) from None
    from seemachine.server.launch import start

    options.answer.give(machines=[{"esn": config.esn} for config in configs])
    return start(configs, options.environ, parent)


def _machines(
    files: list[Path], esns: list[str], usual: World, given: dict[str, Any]
) -> list[Config]:
    """One for each file; or for each ESN, with numbers and ports that count up."""
    if len(files) > 1 or not esns:
        configs = [load(file, usual, **given) for file in files]
    else:
        file = files[0] if files else None
        first = load(file, usual, **given, esn=esns[0])
        configs = [first] + [
            load(file, usual, **{**given, "esn": name, **_counted(first, number)})
            for number, name in enumerate(esns[1:], 1)
        ]
    named = [config.esn for config in configs]
    if len(set(named)) < len(named):
        raise ConfigError("two machines have the same esn")
    return configs


def _counted(first: Config, number: int) -> dict[str, int]:
    port = first.port + number if first.port else 0
    return {"module": first.module + number, "port": port}


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Settings by name; None for those that no word speaks of."""
    given = {
        field.name: getattr(options, NAMES.get(field.name, field.name), None)
        for field, _ in settings_of(Config)
        if field.name != "esn"
    }
    tls = {name: getattr(options, f"tls_{option}") for option, name in TLS.items()}
    return {**given, "tls": {name: file for name, file in tls.items() if file} or None}
