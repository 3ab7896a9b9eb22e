"""`seemachine run`: a command with machines of its own."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.env import elsewhere
from seemachine.config import Config, ConfigError
from seemachine.fleet.configuration import log_path
from seemachine.printing import has_colors
from seemachine.process.shortage import lacking, sentence
from seemachine.state.errors import reason
from seemachine.temporary import folder, running, settings
from seemachine.temporary.folder import TemporaryFolder
from seemachine.temporary.keeper import NOT_BEGUN, NOT_EXECUTABLE, NOT_FOUND, Command
from seemachine.wire.printable import printable
from seemachine.world import HOME_VARIABLE, World

if TYPE_CHECKING:
    from seemachine.temporary.machines import HostedMachines

# What a document tells of a machine.
TOLD = ("esn", "model", "module")
OURS = ("seemachine", "pipsqueak")
# Settings of machines that are options of the command.
SETTINGS = ("model", "store", "operator", "seed", "latency")


def run(options: argparse.Namespace) -> int:
    """Run the command with its machines. Returns its exit code."""
    words = options.words[options.words[:1] == ["--"] :]
    if not words:
        raise Misused("a command is needed, such as: seemachine run -- pipsqueak")
    try:
        return _run(words, options)
    except (OSError, RuntimeError, MemoryError) as error:
        lack = lacking(error)
        if not isinstance(error, OSError) and not lack:
            raise
        raise Refused(sentence(lack) if lack else reason(error), NOT_BEGUN) from None


def _run(words: list[str], options: argparse.Namespace) -> int:
    path = _with_our_commands(options.environ.get("PATH", os.defpath))
    _refuse_what_does_not_run(words[0], path)
    made = _made(options)
    configs = _configs(options, made)
    environ = _on(made.world, options.environ) | {"PATH": path}
    # With --json the document is alone on standard output.
    stdout = sys.stderr.fileno() if options.json else sys.stdout.fileno()
    command = Command(words, environ, options.umask, stdout, options.keep)
    told = _Told(options, configs)
    code = running.run(command, made, told.machines, told.show_log, options.parent)
    return told.judged(code)


def _made(options: argparse.Namespace) -> TemporaryFolder:
    """Raises Refused, OSError."""
    try:
        return (folder.made_to_stay if options.keep else folder.made)(options.environ)
    except OSError as error:
        if lacking(error):
            raise
        advice = "let TMPDIR name a folder that can be written"
        raise Refused(f"{reason(error)}; {advice}", NOT_BEGUN) from None


def _configs(options: argparse.Namespace, made: TemporaryFolder) -> list[Config]:
    """What the machines are to be. Raises Misused, OSError."""
    try:
        given = {name: getattr(options, name) for name in SETTINGS}
        given |= {"fault_injection": True, "faults": tuple(options.fault or ())}
        configs = settings.machines(made.world, options.machines, **given)
        settings.write_fleet_file(configs)
    except ConfigError as error:
        made.remove()
        raise Misused(str(error)) from None
    except OSError:
        made.remove()
        raise
    return configs


class _Told:
    """The machines of a run, and what is said of them."""

    def __init__(self, options: argparse.Namespace, configs: list[Config]) -> None:
        self._options = options
        self._answer: Answer = options.answer
        self._configs = configs
        self._world = configs[0].world
        self._began = time.monotonic()
        self._hosted: HostedMachines | None = None

    def machines(self, on_tried: Callable[[], None]) -> "HostedMachines":
        """Machines that are not started yet. What they are made of is loaded here."""
        from seemachine.temporary.machines import HostedMachines

        named = ({key: getattr(config, key) for key in TOLD} for config in self._configs)
        self._answer.give(machines=list(named))
        log = log_path(self._world)
        self._hosted = HostedMachines(self._configs, self._options.environ, log, on_tried)
        return self._hosted

    def show_log(self, code: int) -> None:
        """Where it is asked for, and the command failed."""
        assert self._hosted is not None
        if (code or self._hosted.failed) and self._options.log:
            self._hosted.finish_log()
            # The command may have removed all of it.
            with suppress(FileNotFoundError), log_path(self._world).open(errors="replace") as log:
                self._print_log(log)

    def _print_log(self, log: Iterable[str]) -> None:
        """As `serve` does: for a person on a terminal, else for a program."""
        shown: Callable[[str], str] = printable
        if sys.stderr.isatty():
            from seemachine.server.terminal_log import retold

            shown = partial(retold, colors=has_colors(self._options.environ))
        for line in log:
            sys.stderr.write(shown(line.rstrip("\n")) + "\n")

    def judged(self, code: int) -> int:
        """The exit code of a command that has ended, or never began."""
        answer, options, hosted = self._answer, self._options, self._hosted
        assert hosted is not None
        failure = _failure(hosted)
        if code == NOT_BEGUN and not hosted.came_up:
            said = "standard error says why" if answer.as_json else "the reason is above"
            raise Refused(f"the machines did not come up; {failure or said}", NOT_BEGUN)
        if failure:
            answer.note(f"the machines have ended; {failure}")
        for fault in hosted.unmet:
            answer.note(f"never happened: {fault}")
        answer.give(seconds=round(time.monotonic() - self._began, 3))
        if options.keep:
            home = str(self._world)
            answer.give(world=home)
            answer.note(f"the world is kept; use it with: seemachine fleet up --home {home}")
        if code:
            return answer.found(f"the command ended with exit code {code}", code)
        return code


def _failure(hosted: "HostedMachines") -> str:
    """What has ended the machines, where they did not end in order."""
    if not hosted.failed:
        return ""
    if hosted.lack:
        return sentence(hosted.lack)
    return "that is a fault of the program; see it with --log"


def _on(world: World, environ: Mapping[str, str]) -> dict[str, str]:
    """An environment that leads to a world, and to none else."""
    home = str(world)
    others = elsewhere(environ, home)
    kept = {name: value for name, value in environ.items() if name not in others}
    return kept | {HOME_VARIABLE: home}


def _with_our_commands(path: str) -> str:
    """A path that finds our commands. Where it has none, those beside this Python come last: its
    other programs must not get in the way.
    """
    if all(shutil.which(name, path=path) for name in OURS):
        return path
    return os.pathsep.join([path, str(Path(sys.executable).parent)])


def _refuse_what_does_not_run(name: str, path: str) -> None:
    """Before anything is made for it. Raises Refused."""
    if shutil.which(name, path=path):
        return
    there = os.sep in name and Path(name).exists()
    why = "can't be executed" if there else "was not found"
    raise Refused(f"{name or repr(name)} {why}", NOT_EXECUTABLE if there else NOT_FOUND)
