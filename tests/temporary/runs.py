"""`seemachine run` in processes of its own, and one that stays."""

import subprocess
import sys
from pathlib import Path

from kit import processes
from kit.waiting import eventually

RUN = [sys.executable, "-m", "seemachine", "run"]
# Says where it is, then stays until it is told to end.
STAYS = 'echo "$SEEMACHINE_HOME $$"; exec sleep 60'


def ran(env: dict[str, str], script: str, *options: str, **more: object) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a shell with machines."""
    done = subprocess.run(
        [*RUN, *options, "--", "sh", "-c", script],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )
    return done.returncode, done.stdout, done.stderr


class Running:
    """One that stays, the world of its machines, and the processes that it has."""

    def __init__(self, env: dict[str, str], before: list[str], script: str = STAYS) -> None:
        words = [*before, *RUN, "--", "sh", "-c", script]
        self.process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        home, pid = self.process.stdout.readline().split()
        self.folder, self.command = Path(home).parent, int(pid)

    @property
    def keeper(self) -> int:
        """The process that keeps the command."""
        status = Path(f"/proc/{self.command}/stat").read_text()
        return int(status.rpartition(")")[2].split()[1])

    def close(self) -> None:
        """Whatever a test did with it."""
        self.process.kill()
        self.process.communicate()

    def ended(self) -> int:
        """Its exit code, when nothing is left of it."""
        self.process.communicate(timeout=30)
        code = self.process.returncode
        assert eventually(lambda: processes.gone(self.command) and not self.folder.exists())
        return code
