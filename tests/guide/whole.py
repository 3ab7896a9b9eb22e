"""A host, its world and one shell that goes on from command to command, for the guide's chapters
2.3 to 2.9 in one run.
"""

import os
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from guide.replay import Context, Step
from kit import processes
from kit.processes import Ran

from seemachine.state.cards.rack import Rack
from seemachine.state.cards.slots import Slots
from seemachine.world import World

SECONDS = 60.0
CARD_SECONDS = "20"
# Where the examples of 2.7.2 write their cards.
FED = "5F08-02E0-D947"


class Host:
    """Folders below `folder`: home and world.

    Acts return their exit code and the lines they printed.
    """

    def __init__(self, folder: Path) -> None:
        self.world, self.home = folder / "world", folder / "home"
        self._state, commands = folder / "shell", folder / "commands"
        for made in (self.world, self.home, self._state, commands):
            made.mkdir(mode=0o700)
        _script(
            commands / "seemachine", f'exec {shlex.quote(sys.executable)} -P -m seemachine "$@"'
        )
        _script(commands / "sudo", 'exec "$@"')
        if not shutil.which("unzip"):
            _script(
                commands / "unzip",
                f'{shlex.quote(sys.executable)} -m zipfile -e "$1" . && chmod -R u+x .',
            )
        self.env = processes.environment(
            self.world, HOME=str(self.home), SEEMACHINE_CARD_SECONDS=CARD_SECONDS
        )
        self.env["PATH"] = f"{commands}{os.pathsep}{self.env['PATH']}"
        (self._state / "variables").touch()
        (self._state / "folder").write_text(str(self.home))
        self.places = {
            "/opt/nfast": str(self.world / "opt" / "nfast"),
            "/home/user": str(self.home),
            "/tmp/": f"{folder}/",
        }

    def rack(self) -> Rack:
        """The cards of the world."""
        return Rack(World.at(self.world))

    def perform(self, step: Step, context: Context) -> Ran:
        """Do what a step says."""
        if step.kind in ("tool", "shell"):
            return self.run(context.filled_in(str(step.command)), step.input, step)
        if step.kind == "pipsqueak":
            return self._fed(tuple(step.command), step.blank_cards)
        if step.kind == "card-format":
            return self.run(shlex.join(step.command))
        self._move(step)
        return 0, []

    def _fed(self, command: tuple[str, ...], blank_cards: int) -> Ran:
        """Run `pipsqueak`; with `blank_cards` one is in slot 2 of the XC, which puts in others."""
        if blank_cards:
            rack = self.rack()
            rack.new(blank_cards)
            self._swap(FED, 2, rack.blanks()[0])
        return self.run(shlex.join(["./pipsqueak", *command]))

    def run(self, command: str, typed: tuple[str, ...] = (), step: Step | None = None) -> Ran:
        """A command in the shell; what it exports and where it goes is there for the next one."""
        state = shlex.quote(str(self._state))
        kept = f"code=$?; export -p > {state}/variables; pwd > {state}/folder; exit $code"
        before = f". {state}/variables; cd \"$(cat {state}/folder)\"; trap '{kept}' EXIT; set -e"
        process = subprocess.Popen(
            ["sh", "-c", f"{before}\n{command}"],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write("".join(f"{line}\n" for line in typed))
        process.stdin.close()
        return self._read(process, step)

    def _read(self, process: "subprocess.Popen[str]", step: Step | None) -> Ran:
        assert process.stdout is not None
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if step is not None and step.after and line.strip() == step.after:
                self.rack().insert(step.card, step.esn, step.slot)
        process.stdout.close()
        code = process.wait()
        watchdog.cancel()
        return code, lines

    def _move(self, step: Step) -> None:
        rack = self.rack()
        if step.kind == "card-put":
            rack.insert(step.card, step.esn, step.slot)
        elif step.kind == "card-take":
            rack.remove(step.esn, step.slot)
        elif step.kind == "card-insert":
            self._swap(step.esn, step.slot, rack.new()[0])
        elif step.kind == "card-move":
            rack.insert(rack.remove(step.esn, step.slot), step.to_esn, step.to_slot)
        else:
            raise AssertionError(f"{step.section}: nothing is done for {step.kind}")

    def _swap(self, esn: str, slot: int, card: str) -> None:
        """Put a card into a slot, in place of the one that may be there."""
        if Slots(World.at(self.world), esn).occupant(slot) is not None:
            self.rack().remove(esn, slot)
        self.rack().insert(card, esn, slot)

    def tear_down(self) -> None:
        """End whatever SEE machine still runs in this world."""
        processes.seemachine(["fleet", "down"], self.env)


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
