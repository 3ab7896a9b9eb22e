"""The `pipsqueak` command of the guide (2.6 to 2.9): the same words, the same lines.

Exit codes: 0 done, 1 refused, 2 invalid command line, 130 interrupted.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from seeclient import (
    advice,
    environment,
    files,
    generation_commands,
    key_commands,
    sigfile,
    signing_commands,
)
from seeclient.arguments import Arguments, parse
from seeclient.blocking import Fleet
from seeclient.output import Output, standard_output
from seeclient.output_text import TextOutput
from seeclient.signing_commands import COMPAT_VARIABLE, VENDOR
from seeclient.usage import USAGE
from seeclient.values import UsageError
from seemachine.chance.mark import insecure
from seemachine.frozen import replace
from seemachine.printing import say
from seemachine.terminal import settle_streams
from seemachine.wire.names import SDK_VERSION
from seemachine.wire.status import Status, StatusError

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
        _drop(sys.stdout)
        try:
            say(*_unfinished(error), sep="\n", end="", file=sys.stderr, flush=True)
        except OSError:
            _drop(sys.stderr)
        return 1
    # A program may read what we print, and a person can do nothing about a traceback.
    except Exception as error:  # noqa: BLE001
        from seemachine.document import fault

        say(f"pipsqueak: {fault(error)}", file=sys.stderr)
        return 1
    return code


def _drop(stream: TextIO) -> None:
    """Nobody can read it; keep the interpreter from complaining about that at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _unfinished(error: OSError) -> list[str]:
    """A line on what broke off, and how far it was; none where somebody had read enough."""
    outcome = getattr(error, "__notes__", [])
    broken = isinstance(error, BrokenPipeError)
    if broken and not outcome:
        return []
    what = "nobody reads standard output" if broken else files.sentence(error)
    return [f"pipsqueak: {'; '.join([what, *outcome])}", ""]


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
    output.outcome = UNDONE.get(arguments.verb, "")
    try:
        code = _connected(arguments, environ, output)
        with standard_output():
            output.close(code)
            sys.stdout.flush()
    except BaseException as error:
        if isinstance(error, OSError) and output.outcome:
            error.add_note(output.outcome)
        # Where a document can't be written, another can't be either.
        with contextlib.suppress(OSError):
            output.abandon()
        raise
    return code


def _quirks(environ: Mapping[str, str]) -> bool:
    chosen = environ.get(COMPAT_VARIABLE, "")
    if chosen not in (VENDOR, ""):
        raise UsageError(f"{COMPAT_VARIABLE} takes {VENDOR}, not {chosen}")
    return chosen == VENDOR


def _output(arguments: Arguments) -> Output:
    if not arguments.json:
        aside = arguments.texts.get("sigfile") == sigfile.STANDARD_OUTPUT
        return TextOutput(quirks=arguments.quirks, aside=aside)
    return _json_output(arguments.verb)


def _json_output(verb: str | None) -> "JsonOutput":
    from seeclient.output_json import JsonOutput

    return JsonOutput(verb)


def _connected(arguments: Arguments, environ: Mapping[str, str], output: Output) -> int:
    try:
        told = _told(environ)
        fleet = Fleet(told)
    except StatusError as error:
        output.refused(error, "connect failed")
        return 1
    try:
        output.machines(fleet.roster)
        _tell_of_seeds(fleet)
        if sys.stderr.isatty():
            output.advise(advice.nobody_answers(fleet.roster, told))
        return COMMANDS[arguments.verb](fleet, arguments, output)
    finally:
        fleet.close()


def _tell_of_seeds(fleet: Fleet) -> None:
    """Of the machines that answer, and of the world."""
    seeds = {peer.greeting.insecure for peer in fleet.peers} | {fleet.roster.keys.seed or ""}
    for seed in sorted(seeds - {""}):
        say(insecure(seed), file=sys.stderr, flush=True)


def _told(environ: Mapping[str, str]) -> environment.Environment:
    """What the environment says. Raises StatusError, also where it names no world."""
    try:
        return environment.from_process(environ)
    except OSError as error:
        raise StatusError(Status.InvalidParameter, files.sentence(error), "pipsqueak") from None


def _banner(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    del fleet, arguments, output
    return 0


def _sign_folder(fleet: Fleet, arguments: Arguments, output: Output) -> int:
    from seeclient.folders import commands

    return commands.sign_folder(fleet, arguments, output)


# What is to be said of a job that was not begun.
UNDONE = {
    "generate": "no key was made",
    "provision": "no lease was moved",
    "threshold": "no threshold was set",
    "sign": "no signature was made",
    "sign-folder": "no signature was made",
    "verify": "no signature was checked",
}
COMMANDS: dict[str, Callable[[Fleet, Arguments, Output], int]] = {
    "banner": _banner,
    "generate": generation_commands.generate,
    "list": key_commands.list_keys,
    "showinfo": key_commands.showinfo,
    "provision": key_commands.provision,
    "threshold": key_commands.threshold,
    "sign": signing_commands.sign,
    "sign-folder": _sign_folder,
    "verify": signing_commands.verify,
}

if __name__ == "__main__":
    sys.exit(main())
