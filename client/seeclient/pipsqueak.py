"""The `pipsqueak` command of the guide (2.6 to 2.9): the same words, the same lines.

Exit codes: 0 done, 1 refused, 2 invalid command line, 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from seeclient import (
    advice,
    environment,
    generation_commands,
    operations,
    signing_commands,
)
from seeclient.arguments import USAGE, Arguments, parse
from seeclient.blocking import Fleet
from seeclient.output_text import Output, TextOutput
from seeclient.signing_commands import COMPAT_VARIABLE, VENDOR
from seeclient.values import UsageError
from seemachine.printing import say
from seemachine.terminal import settle_streams
from seemachine.wire.names import SDK_VERSION
from seemachine.wire.status import StatusError

if TYPE_CHECKING:
    from seeclient.output_json import JsonOutput


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line."""
    settle_streams()
    try:
        code = _run(sys.argv[1:] if words is None else words, os.environ)
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        # Behind the terminal's own ^C.
        say(
            *([""] if sys.stderr.isatty() else []),
            "interrupted",
            *getattr(interrupt, "__notes__", ()),
            sep="\n",
            file=sys.stderr,
        )
        return 130
    except OSError as error:
        # Nobody can read what we print; keep the interpreter from complaining about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            say(f"pipsqueak: {error}", file=sys.stderr)
        return 1
    # A program may read what we print, and a person can do nothing about a traceback.
    except Exception as error:  # noqa: BLE001
        from seemachine.document import fault

        say(f"pipsqueak: {fault(error)}", file=sys.stderr)
        return 1
    return code


def _run(words: Sequence[str], environ: Mapping[str, str]) -> int:
    if "--help" in words or "-h" in words or list(words) == ["help"]:
        say(*USAGE.splitlines(), sep="\n")
        return 0
    if "--version" in words:
        say(f"pipsqueak {SDK_VERSION}")
        return 0
    try:
        arguments = replace(parse(words), quirks=_quirks(environ))
    except UsageError as error:
        say(f"pipsqueak: {error}", file=sys.stderr)
        say("See pipsqueak --help", file=sys.stderr)
        if "--json" in words:
            _json_output(None).misread(str(error))
        return 2
    output = _output(arguments)
    try:
        code = _connected(arguments, environ, output)
    except BaseException:
        output.abandon()
        raise
    output.close(code)
    return code


def _quirks(environ: Mapping[str, str]) -> bool:
    chosen = environ.get(COMPAT_VARIABLE, "")
    if chosen not in (VENDOR, ""):
        raise UsageError(f"{COMPAT_VARIABLE} takes {VENDOR}, not {chosen}")
    return chosen == VENDOR


def _output(arguments: Arguments) -> Output:
    if not arguments.json:
        return TextOutput(quirks=arguments.quirks)
    return _json_output(arguments.verb)


def _json_output(verb: str | None) -> "JsonOutput":
    from seeclient.output_json import JsonOutput

    return JsonOutput(verb)


def _connected(arguments: Arguments, environ: Mapping[str, str], output: Output) -> int:
    try:
        told = environment.from_process(environ)
        fleet = Fleet(told)
    except StatusError as error:
        output.refused(error, "connect failed")
        return 1
    try:
        output.machines(fleet.roster)
        if sys.stderr.isatty():
            output.advise(advice.nobody_answers(fleet.roster, told))
        return COMMANDS[arguments.verb](fleet, arguments, output)
    finally:
        fleet.close()


def _banner(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    del fleet, arguments, output
    return 0


def _list(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    del arguments
    output.listing(fleet.roster.keys.listing())
    return 0


def _showinfo(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    try:
        info = fleet.run(
            operations.info(fleet.roster, fleet.roster.keys.load(arguments.texts["alias"]))
        )
        output.info(info.without_thresholds() if arguments.quirks else info)
    except StatusError as error:
        output.refused(error, "showinfo failed")
        output.advise(advice.showing_refused(arguments.texts["alias"], error))
        return 1
    return 0


def _threshold(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    try:
        key = fleet.roster.keys.load(arguments.texts["alias"])
        count = arguments.numbers["warnat"]
        output.threshold(fleet.run(operations.warn_at(fleet.roster, key, count)), count)
    except StatusError as error:
        output.refused(error, "threshold not set")
        return 1
    return 0


def _provision(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    esn, slot = arguments.texts["provesn"], arguments.numbers["slot"]
    output.provisioning(esn, slot)
    try:
        moved = fleet.provision(esn, slot)
        output.provisioned(moved)
        if moved.threshold_refusal is not None:
            output.note(moved.threshold_refusal)
    except StatusError as error:
        output.refused(error, "provisionLMS command failed")
        output.advise(advice.provisioning_refused(error))
        return 1
    return 0


COMMANDS: dict[str, Callable[[Fleet, Arguments, Output], int]] = {
    "banner": _banner,
    "generate": generation_commands.generate,
    "list": _list,
    "showinfo": _showinfo,
    "provision": _provision,
    "threshold": _threshold,
    "sign": signing_commands.sign,
    "verify": signing_commands.verify,
}

if __name__ == "__main__":
    sys.exit(main())
