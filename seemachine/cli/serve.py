"""`seemachine serve`: its options, made of the settings themselves, and what it runs."""

import argparse
import sys
from dataclasses import Field
from pathlib import Path
from typing import Any

from seemachine.cli.argtypes import esn
from seemachine.config import Config, ConfigError, TlsSettings, load, refuse_password
from seemachine.config.setting import Setting, settings_of
from seemachine.config.telling import in_help
from seemachine.printing import say
from seemachine.state.nvram.stores import MEMORY

TYPES = {"esn": esn, "world": Path}
TLS = {"cert": "certificate", "key": "key", "ca": "ca"}
# Settings whose option has another name.
NAMES = {"world": "home"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file with these settings, [limits] and [tls]; see docs/reference/settings.md",
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
    if setting.choices:
        told["choices"] = tuple(setting.choices)
    else:
        told["metavar"] = setting.shown
        told["type"] = TYPES.get(field.name, field.type)
    parser.add_argument(f"--{NAMES.get(field.name, name)}", **told)


def _escaped(text: str) -> str:
    """As argparse wants it."""
    return text.replace("%", "%%")


def run(options: argparse.Namespace) -> int:
    """Run the machine that the words and the file describe. Returns the exit code."""
    if options.config is None and options.esn is None:
        return _wrong("--esn is needed, such as --esn 7852-268D-3BF9")
    try:
        refuse_password(options.witness)
        config = load(options.config, options.world, **_given(options))
    except ConfigError as error:
        return _wrong(error)
    from seemachine.server.launch import start

    return start(config, options.environ)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Settings by name; None for those that no word speaks of."""
    given = {
        field.name: getattr(options, NAMES.get(field.name, field.name), None)
        for field, _ in settings_of(Config)
    }
    tls = {name: getattr(options, f"tls_{option}") for option, name in TLS.items()}
    return {**given, "tls": {name: file for name, file in tls.items() if file} or None}


def _wrong(sentence: object) -> int:
    say(f"seemachine serve: {sentence}", file=sys.stderr)
    return 2
