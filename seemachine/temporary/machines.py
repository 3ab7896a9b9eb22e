"""The machines of this process, in a thread of their own: the process itself has other things to
do, such as to hear signals.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from seemachine.config import Config
from seemachine.process.hardening import harden
from seemachine.process.log_writer import DRAIN_SECONDS, LogWriter
from seemachine.process.shortage import lacking
from seemachine.server.hosting import Host
from seemachine.server.json_log import JsonLog
from seemachine.server.launch import SWITCH_SECONDS, fitted
from seemachine.server.process_facts import ProcessFacts
from seemachine.server.promises import keep_together
from seemachine.state.disk.durable import PRIVATE_FILE, private_folder

LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class HostedMachines:
    """Machines from `start` to `stop`, with their log in a file. `on_tried` is called when all are
    up, or one can't be; in the thread of the machines. Raises OSError.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        environ: Mapping[str, str],
        log: Path,
        on_tried: Callable[[], None],
    ) -> None:
        self._configs = configs
        self._environ = environ
        descriptor = os.open(private_folder(log.parent) / log.name, LOG_FLAGS, PRIVATE_FILE)
        self._writer = LogWriter(partial(os.write, descriptor))
        self._log = JsonLog(self._writer.write)
        self._on_tried = on_tried
        self._stop = trio.Event()
        self._token: trio.lowlevel.TrioToken | None = None
        self._thread = threading.Thread(target=self._run, name="machines", daemon=True)
        self._tried = self._ending = False
        # Whether an error has ended them, and what the system lacked if that was it.
        self.failed, self.lack = False, ""
        # Whether all are up, or were.
        self.came_up = False
        # What was to go wrong on some machine, and never did on any; known when they have stopped.
        self.unmet: list[str] = []

    def start(self) -> None:
        """Raises RuntimeError where the system gives no thread."""
        keep_together()
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """In order, as far as that takes no longer."""
        self._ending = True
        if self._token is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._stop.set)
        self._thread.join(seconds)

    def finish_log(self) -> None:
        """What was said is in the file then."""
        self._writer.drain(DRAIN_SECONDS)

    def _run(self) -> None:
        try:
            in_force = harden("no")
            fitting, most, short = fitted(self._configs)
            sys.setswitchinterval(SWITCH_SECONDS)
            of_process = ProcessFacts(
                in_force,
                None,
                most,
                short,
                on_up=lambda _status: self._see(host),
                environ=self._environ,
                command="run",
                goes_on=True,
            )
            host = Host(fitting, self._log, of_process)
            trio.run(self._host, host)
            self.unmet = host.unmet
        except BaseException as error:  # noqa: BLE001 - nobody else would tell of it
            self.failed, self.lack = True, lacking(error)
            self._log.exception("bug: the machines have ended")
        finally:
            self._are_tried()

    async def _host(self, host: Host) -> None:
        self._token = trio.lowlevel.current_trio_token()
        # It may have been told before it could be.
        if self._ending:
            self._stop.set()
        await host.run(self._stop)

    def _see(self, host: Host) -> None:
        self.came_up = host.started == len(self._configs)
        self._are_tried()

    def _are_tried(self) -> None:
        if not self._tried:
            self._tried = True
            self._on_tried()
