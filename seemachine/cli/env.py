"""`seemachine env`: what a shell needs so that every command in it acts on one world."""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import PurePath

from seemachine.cli.answer import Answer, Refused
from seemachine.wire.printable import is_printable
from seemachine.world import HOME_VARIABLE, KMLOCAL_VARIABLE, SEEN_VARIABLE

# What would lead commands to machines, keys or memory of another world than the one that is named.
ELSEWHERE = ("SEEMACHINE_FLEET", KMLOCAL_VARIABLE, SEEN_VARIABLE)
TLS = ("SEEMACHINE_TLS_CERT", "SEEMACHINE_TLS_KEY", "SEEMACHINE_TLS_CA")
SH, FISH = SHELLS = ("sh", "fish")


def run(options: argparse.Namespace) -> int:
    """Print what a shell evaluates. Returns the exit code."""
    answer: Answer = options.answer
    home, environ = str(options.world), options.environ
    if not is_printable(home):
        raise Refused("the path of the world has characters that no line can have; rename a folder")
    shell = options.shell or (FISH if PurePath(environ.get("SHELL", "")).name == FISH else SH)
    given = {HOME_VARIABLE: home}
    unset = elsewhere(environ, home)
    answer.give(set=given, unset=unset, shell=shell)
    for name, value in given.items():
        answer.say(
            f"set -gx {name} {_fish(value)};"
            if shell == FISH
            else f"export {name}={shlex.quote(value)};"
        )
    for name in unset:
        answer.say(f"set -e {name};" if shell == FISH else f"unset {name};")
    return 0


def elsewhere(environ: Mapping[str, str], home: str) -> list[str]:
    """The variables that would lead commands away from a world."""
    return [name for name in (*ELSEWHERE, *_foreign_tls(environ, home)) if name in environ]


def _foreign_tls(environ: Mapping[str, str], home: str) -> tuple[str, ...]:
    """A certificate of this world stays; one from elsewhere is not for its machines."""
    certificate = PurePath(environ.get(TLS[0], ""))
    return () if certificate.is_relative_to(home) else TLS


def _fish(value: str) -> str:
    """In single quotes fish knows two escapes."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
