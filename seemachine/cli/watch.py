"""`seemachine watch`: a fleet as it changes."""

import argparse
import select
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from io import UnsupportedOperation

import trio
from seeclient import environment

from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.refusals import refused
from seemachine.watch.document import document
from seemachine.watch.key_lines import burned_lines
from seemachine.watch.keyboard import Keyboard
from seemachine.watch.layout import sections
from seemachine.watch.looks import FleetLook
from seemachine.watch.paper import Paper
from seemachine.watch.screen import Screen, console_of
from seemachine.watch.units import clock
from seemachine.watch.watched import NOTHING, Change, Watched
from seemachine.watch.watching import Watching
from seemachine.wire.status import StatusError

KEPT_CHANGES = 50
NOBODY = "no machine is there to be watched; start some with: seemachine fleet up"


def run(options: argparse.Namespace) -> int:
    """Look once, or until somebody leaves. Returns the exit code."""
    if options.answer.as_json and not options.once:
        raise Misused("--json prints one document when the command is over; add --once")
    with _alone():
        try:
            told = environment.from_process(options.environ, options.world)
            watching = Watching(told, options.every)
            return trio.run(_once if options.once else _live, watching, options)
        except StatusError as error:
            raise refused(error) from None


@contextmanager
def _alone() -> Iterator[None]:
    """An error or an interrupt, without the groups that trio's nurseries put it in."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _once(watching: Watching, options: argparse.Namespace) -> int:
    answer, watched = options.answer, Watched()
    await watching.once()
    watched.take(watching.look(trio.current_time(), time.time()))
    if not watched.machines:
        raise Refused(NOBODY)
    answer.give(**document(watched))
    _print(watched, answer)
    return 0


async def _live(watching: Watching, options: argparse.Namespace) -> int:
    on_screen = sys.stdout.isatty() and options.environ.get("TERM", "dumb") != "dumb"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watching.run)
        nursery.start_soon(_end_in_order)
        await (_draw if on_screen else _tell)(watching, options)
        nursery.cancel_scope.cancel()
    return 0


async def _end_in_order() -> None:
    """A terminal is left as it was, also by a signal."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as received:
        async for number in received:
            raise SystemExit(128 + number)


async def _looks(watching: Watching, every: float) -> AsyncGenerator[FleetLook, None]:
    """One after the other, the first when all machines had their time."""
    await watching.settled()
    while True:
        yield watching.look(trio.current_time(), time.time())
        await trio.sleep(every)


async def _draw(watching: Watching, options: argparse.Namespace) -> None:
    keyboard = Keyboard(sys.stdin.fileno())
    title = f"seemachine watch {options.world}"
    screen = Screen(console_of(options.environ), keyboard, title)
    with screen.opened():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_draw_on, screen, watching, options.every)
            await keyboard.quit()
            nursery.cancel_scope.cancel()


async def _draw_on(screen: Screen, watching: Watching, every: float) -> None:
    watched, changes = Watched(), deque[Change](maxlen=KEPT_CHANGES)
    async with aclosing(_looks(watching, every)) as looks:
        async for look in looks:
            changes += watched.take(look)
            screen.draw(watched, list(changes))


async def _tell(watching: Watching, options: argparse.Namespace) -> None:
    """Everything once, then what changes."""
    watched, answer = Watched(), options.answer
    async with aclosing(_looks(watching, options.every)) as looks:
        async for look in looks:
            _notice_the_reader()
            if watched.look is NOTHING:
                watched.take(look)
                _print(watched, answer)
                continue
            for change in watched.take(look):
                answer.say(f"{clock(change.time)}  {change.sentence}")
            for line in burned_lines(watched):
                answer.say(f"{clock(look.time)}  {line}")


def _notice_the_reader() -> None:
    """Raise BrokenPipeError where nobody reads any more: for hours there may be nothing to say."""
    with suppress(UnsupportedOperation):
        poll = select.poll()
        poll.register(sys.stdout, 0)
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            raise BrokenPipeError


def _print(watched: Watched, answer: Answer) -> None:
    paper = Paper(blocks=(sys.stdout.encoding or "").lower().startswith("utf"))
    for section in sections(watched, (), paper):
        for line in section:
            answer.say(line.text)
