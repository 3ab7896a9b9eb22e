"""Once a fault is over, the guide's commands print what they print on a machine that never had
one.
"""

import re
from pathlib import Path

import pytest
from kit.in_process import Shell, machines

from seemachine.faults import KINDS

ESN = "7852-268D-3BF9"
GENERATE = "generate algorithm=lms lmscode=sha256_m24_h5 lmotscode=sha256_n24_w2"
COMMANDS = ("alias=release message=test", "showinfo alias=release", "list", "")
# Numbers, times, names and bytes are those of a key and a moment.
OWN = re.compile(r"[0-9a-f]{8}|\d+(\.\d+)?")


def printed(shell: Shell, command: str) -> list[str]:
    """What a command prints, but for what is its own each time."""
    code, lines = shell.pipsqueak(*command.split())
    assert code == 0, lines
    return [OWN.sub("#", line) for line in lines]


def test_the_guides_commands_print_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each kind of fault was there for a request to sign and one for a lease, and was
    cleared. So a machine that takes faults is as faithful as any while it has none.
    """
    monkeypatch.setattr("seeclient.algorithms.lms.persisting.RETRY_PAUSES", (0.0, 0.0))
    calm, shell = Shell(tmp_path / "calm"), Shell(tmp_path / "world")
    with (
        machines(calm.home, (ESN, {"store": "memory"})),
        machines(shell.home, (ESN, {"store": "memory", "fault_injection": True})) as [machine],
    ):
        injector = machine._held.machine.faults
        assert injector is not None
        made = [printed(each, f"{GENERATE} alias=release") for each in (calm, shell)]
        assert made[0] == made[1]
        expected = {command: printed(calm, command) for command in COMMANDS}
        for kind in KINDS.values():
            injector.add({"kind": kind.name, **dict.fromkeys(kind.needs, 0.01)})
            shell.pipsqueak("alias=release", "message=test")
            shell.pipsqueak(f"provesn={ESN}", "slot=2")
            injector.clear()
            assert printed(shell, COMMANDS[0]) == expected[COMMANDS[0]], kind.name
        assert {command: printed(shell, command) for command in COMMANDS} == expected
