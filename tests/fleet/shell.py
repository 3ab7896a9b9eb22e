"""A fleet of two machines, and the commands on it."""

import json
from pathlib import Path
from typing import Any

from kit import processes
from kit.in_process import Shell
from kit.processes import Ran

from seemachine.hsms import published
from seemachine.world import World

FIRST, SECOND = "0000-0000-0001", "0000-0000-0002"
FLEET = (
    f'[[machines]]\nesn = "{FIRST}"\nport = 0\n[[machines]]\nesn = "{SECOND}"\nmodel = "xc"\nport'
    " = 0\n"
)
KEY = ["algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w2"]


class FleetShell(Shell):
    """Commands on a world with a fleet file. Those that start processes are one themselves."""

    def __init__(self, home: Path, **more: str) -> None:
        super().__init__(home, **more)
        home.mkdir(exist_ok=True)
        self.write_fleet()

    def seemachine(self, *words: str) -> Ran:
        """Run `seemachine`."""
        if words[:2] == ("fleet", "up"):
            return processes.seemachine(list(words), self.env)
        return super().seemachine(*words)

    def write_fleet(self, more: str = "") -> None:
        """Write the fleet file, with more at its end."""
        (self.home / "fleet.toml").write_text(FLEET + more)

    def status(self) -> dict[str, Any]:
        """What `fleet status` says."""
        document: dict[str, Any] = json.loads(
            "\n".join(self.seemachine("fleet", "status", "--json")[1])
        )
        return document

    def machine(self, esn: str) -> dict[str, Any]:
        """What it says of a machine."""
        return next(machine for machine in self.status()["machines"] if machine["esn"] == esn)

    def supervisor(self) -> int:
        """The process of the supervisor."""
        supervisor: int = self.status()["supervisor"]
        return supervisor

    def process(self, esn: str) -> int:
        """The process of a machine."""
        entry = published.listening(World.at(self.home), esn)
        assert entry is not None
        return entry.pid
