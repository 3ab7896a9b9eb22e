"""Card sets that machines hold loaded while a command runs."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from seeclient import blocking, environment, operations, preloaded, tokens
from seeclient.blocking import Fleet

from seemachine.hsms.records import Module
from seemachine.nfast import card_dialogue, select
from seemachine.nfast.card_slots import Search
from seemachine.nfast.refusals import Refusal
from seemachine.wire.status import Status, StatusError
from seemachine.world import World

FORWARDED = (signal.SIGTERM, signal.SIGHUP)
# A command that a signal ended, as shells say it.
BY_SIGNAL = 128
# How many times a machine is asked something in the time after which it hangs up.
BEATS = 3


@contextlib.contextmanager
def machines(world: World, modules: Sequence[Module]) -> Iterator[Fleet]:
    """Connections to the SEE machines of some modules. Raises Refusal where one does not run."""
    esns = {module.esn for module in modules}
    try:
        ambient = environment.from_process(os.environ, world)
        found = replace(ambient, fleet=None).addresses()
        known = [address for address in found if address.esn in esns]
        with blocking.connected(replace(ambient, fleet=known)) as fleet:
            for module in modules:
                _refuse_silent(fleet, module)
            with _pulse(fleet):
                yield fleet
    except StatusError as refused:
        raise Refusal(refused.detail) from None


def load(fleet: Fleet, search: Search) -> None:
    """Have the machine of a module load a set, card by card, as they are read in the dialogue.

    Raises Refusal.
    """
    loading = _Loading(fleet, search)
    # The output of the command is its own.
    with contextlib.redirect_stdout(sys.stderr):
        card_dialogue.load(search, each=loading.read)
    loading.finish()


def run(fleet: Fleet, command: Sequence[str]) -> int:
    """Run a command that finds what is loaded in its environment, and return its exit code.

    Raises Refusal when it can't be run.
    """
    handles = preloaded.written(fleet.roster.logical_tokens)
    environ = {**os.environ, preloaded.VARIABLE: handles}
    with _signals() as told:
        try:
            process = subprocess.Popen(command, env=environ)
        except OSError as error:
            raise Refusal(f"{command[0]}: {error.strerror}") from None
        told.append(process)
        code = process.wait()
    return code if code >= 0 else BY_SIGNAL - code


class _Loading:
    """A set on its way into a machine."""

    def __init__(self, fleet: Fleet, search: Search) -> None:
        self._fleet, self._search = fleet, search
        self._hash = bytes.fromhex(search.cardset.hash)
        self._refused: StatusError | None = None

    def read(self, passphrase: str) -> None:
        """A card was read: the machine keeps its share, until they are a quorum."""
        [peer] = [p for p in self._fleet.roster.peers if p.esn == self._search.module.esn]
        try:
            handle = self._fleet.run(tokens.load(peer, self._hash, [passphrase]))
        except StatusError as refused:
            if refused.status not in (Status.NotAvailable, Status.AccessDenied):
                raise
            self._refused = refused
        else:
            self._fleet.roster.logical_tokens[peer.esn, self._hash] = handle

    def finish(self) -> None:
        """Raises Refusal when the machine did not read what was read here."""
        if (self._search.module.esn, self._hash) not in self._fleet.roster.logical_tokens:
            raise Refusal(self._refused.detail if self._refused else "no card was read")


def _refuse_silent(fleet: Fleet, module: Module) -> None:
    if any(peer.esn == module.esn for peer in fleet.roster.peers):
        return
    select.refuse_mode(module)
    why = next((failure.detail for failure in fleet.failures), "it is not started")
    raise Refusal(
        f"the SEE machine of {module.esn} does not answer ({why}); start it as in the guide, or"
        " with: seemachine fleet up"
    )


@contextlib.contextmanager
def _pulse(fleet: Fleet) -> Iterator[None]:
    """Keep the connections from being idle: while a person looks for the next card, and while the
    command runs.
    """
    idle = min(peer.greeting.limits.idle_seconds for peer in fleet.roster.peers)
    over = threading.Event()

    def beat() -> None:
        while not over.wait(max(1, idle) / BEATS):
            # A machine that is gone has forgotten the set, which the command hears from its
            # successor.
            with contextlib.suppress(StatusError):
                fleet.run(operations.machines(fleet.roster))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _signals() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """What ends a command is for the command: Ctrl-C reaches it from the terminal, and the rest is
    passed on.
    """
    told: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: object) -> None:
        for process in told:
            process.send_signal(number)

    # A function in place of SIG_IGN, which the command would inherit.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None)}
    before |= {number: signal.signal(number, pass_on) for number in FORWARDED}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
