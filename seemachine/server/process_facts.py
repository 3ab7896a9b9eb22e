"""What a process that hosts machines brings with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from seemachine.process import identity
from seemachine.process.hardening import CannotHarden
from seemachine.server.promises import Shortfall


@dataclass(frozen=True)
class ProcessFacts:
    """What the process has: protections in force, why machines that need more must not start,
    sockets for each machine, what does not fit its settings, what is called when all machines that
    can be up are (with one line that says so) and when it begins to stop, and its environment;
    which command it is, and whether it goes on without machines.
    """

    in_force: dict[str, str] = field(default_factory=dict)
    refused: CannotHarden | None = None
    most: int = 1 << 30
    short: Sequence[Shortfall] = ()
    on_up: Callable[[str], None] = lambda _status: None
    on_stopping: Callable[[], None] = lambda: None
    environ: Mapping[str, str] = field(default_factory=dict)
    who: identity.Process = field(default_factory=identity.current)
    command: str = "serve"
    goes_on: bool = False
