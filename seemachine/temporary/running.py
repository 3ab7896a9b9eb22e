"""A command with machines of its own: they come up, it runs, they go."""

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from seemachine.process.fork_server import adopt_orphans
from seemachine.process.parent import Parent
from seemachine.temporary import descendants
from seemachine.temporary.folder import TemporaryFolder
from seemachine.temporary.keeper import BEGIN, GIVE_UP, Command, Keeper
from seemachine.temporary.received import Received

if TYPE_CHECKING:
    from seemachine.temporary.machines import HostedMachines

# Gives the machines, which call what they are given when all are up, or one can't be.
Hosting = Callable[[Callable[[], None]], "HostedMachines"]

# Between two looks for the parent.
LOOK_SECONDS = 0.25
STOP_SECONDS = 5.0


def run(
    command: Command,
    folder: TemporaryFolder,
    hosting: Hosting,
    tell: Callable[[int], None],
    parent: Parent,
) -> int:
    """Run a command for as long as `parent` lives. Returns its exit code as a shell has it, or
    NOT_BEGUN where machines did not come up.

    `tell` is given that code while the folder is there. `hosting` may load what it needs: the
    command's process is forked before. Nothing is left after that, but a folder that is kept.
    Raises OSError, RuntimeError.
    """
    try:
        keeper = Keeper(command, folder)
    except OSError:
        folder.remove()
        raise
    # For what the keeper kept, should it be killed.
    adopt_orphans()
    # To the end: nothing may break off what tidies up.
    with Received() as received:
        try:
            machines = hosting(lambda: keeper.tell(BEGIN if machines.came_up else GIVE_UP))
            machines.start()
            code = _awaited(keeper, received, parent)
            machines.stop(STOP_SECONDS)
            tell(code)
        finally:
            keeper.dismiss()
            descendants.end_all(0)
            if not command.kept:
                folder.remove()
    return code


def _awaited(keeper: Keeper, received: Received, parent: Parent) -> int:
    """The exit code of the command, which hears what this process hears, and dies with our
    parent.
    """
    while (code := keeper.poll()) is None:
        for number in received.wait(LOOK_SECONDS):
            if number != signal.SIGCHLD:
                keeper.tell(number)
        # As the first process of a container we have children that we did not start.
        descendants.reap(but=keeper.pid)
        if parent.is_gone:
            keeper.dismiss()
    return code
