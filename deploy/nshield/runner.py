"""From steps to deeds: the plan, each step until its check agrees, and a clear end where one does
not.
"""

import itertools
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NoReturn

from nshield import failures
from nshield.settings import ONLY_GIVEN
from nshield.site import Site
from nshield.step import Act, Call, Place, Step
from nshield.tools import Unanswered, name_of

AGAIN = "then run it again: what is done is not repeated"
# A module that was cleared, or a SEE machine that was started, may need some time until it answers.
ANSWER_SECONDS, LOOK_SECONDS = 30.0, 2.0


class Stopped(Exception):
    """A step was not done.

    `code` is the exit code: 1, or 3 when a person has to do something that was to be expected.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Consent:
    """That the module may be cleared: with --yes, or asked for once."""

    def __init__(self, site: Site, *, given: bool, destroys: bool = False) -> None:
        self._given, self._first = given, True
        container = (
            ", and destroys the container; what it has in NVRAM may be lost with it on a real HSM"
            if destroys
            else ""
        )
        self._what = (
            f"clears module {site.number}: whatever any program has loaded on it is gone{container}"
        )

    def begin(self) -> None:
        """From now on something was done."""
        self._first = False

    def need(self) -> None:
        """Raises Stopped without it."""
        if not self._given and not sys.stdin.isatty():
            raise Stopped(
                failures.FAILED,
                f"the plan {self._what}\n  what to do: run the same command again, with --yes",
            )
        if not self._given and not self._asked():
            raise Stopped(
                failures.FAILED,
                (
                    "nothing was done: it was not answered with yes"
                    if self._first
                    else "stopped: not answered with yes"
                ),
            )
        self._given = True

    def _asked(self) -> bool:
        try:
            return input(f"This {self._what}. Go on? (yes/no) ").strip().lower() in ("yes", "y")
        except EOFError:
            print()
            return False


def run(site: Site, steps: Sequence[Step], *, yes: bool) -> int:
    """Show the plan, do what is to do. Returns how many steps were done. Raises Stopped."""
    todo = []
    for step in steps:
        done = _found_done(step)
        todo += [] if done else [step]
        print(f"{'done ' if done else 'to do'}  {step.name} ({step.guide})", flush=True)
    _foresee(site, todo)
    consent = Consent(site, given=yes, destroys=any(step.destroys for step in todo))
    # Asked before anything is done, unless the run ends at a condition that is not met.
    if todo and todo[0].calls and any(step.clears for step in todo):
        consent.need()
    # Looked at again one after the other: a step may undo what a later one had found to be done.
    return sum(_bring_about(site, step, consent) for step in steps) if todo else 0


def _foresee(site: Site, todo: Sequence[Step]) -> None:
    """Before the first card is read: what will have to be given on the way to the next condition
    that others bring about.
    """
    for step in itertools.takewhile(lambda step: step.calls, todo):
        for name in _missing(site, step):
            if name in ONLY_GIVEN:
                raise Stopped(
                    failures.FAILED,
                    _what_to_do(f"{step.name}: --{name} is needed for it", f"give --{name}"),
                )


def _found_done(step: Step) -> bool:
    """For the plan. What can't be asked yet, perhaps an earlier step makes it so that it can."""
    try:
        return step.done()
    except Unanswered:
        return False


def _bring_about(site: Site, step: Step, consent: Consent) -> bool:
    if step.done():
        return False
    _refuse_condition(site, step)
    print(f"\n{step.name} ({step.guide})", flush=True)
    # Nothing may be begun with a word missing, nor without consent.
    _refuse_missing(site, step)
    if step.clears:
        consent.need()
    consent.begin()
    site.begin()
    _do(site, step)
    step.ended()
    if not _done_soon(site, step):
        step.failed()
        raise Stopped(
            failures.FAILED,
            f"the calls went well, and still it is not so: {_what_to_do(step.name, step.advice)}",
        )
    return True


def _refuse_condition(site: Site, step: Step) -> None:
    """Raises Stopped for a step that others have to bring about."""
    if step.calls:
        return
    mute = site.tools.unanswered(step.looks)
    said = "".join(f"\n  {each}" for each in mute)
    raise Stopped(
        failures.WAITING if step.waits and not mute else failures.FAILED,
        f"not so: {_what_to_do(step.name + said, step.advice)}",
    )


def _do(site: Site, step: Step) -> None:
    step.begun()
    try:
        for each in step.calls:
            _act(site, step, each) if isinstance(each, Act) else _call(site, step, each)
    except (Stopped, Unanswered):
        site.tools.forget()
        step.failed()
        raise
    site.tools.forget()


def _done_soon(site: Site, step: Step) -> bool:
    """Whether it is done now. What tools are asked for may need a while."""
    deadline = time.monotonic() + (ANSWER_SECONDS if step.looks else 0)
    while True:
        last = time.monotonic() >= deadline
        if step.done() if last else _found_done(step):
            return True
        if last:
            return False
        time.sleep(LOOK_SECONDS)
        site.tools.forget()


def _act(site: Site, step: Step, each: Act) -> None:
    print(f"$ {each.says}", flush=True)
    site.tools.forget()
    try:
        each.do()
    except OSError as error:
        _fail(step, each.says, str(error))


def _call(site: Site, step: Step, each: Call) -> None:
    words = list(_resolved(site, each))
    ran = site.tools.do(each, words)
    if ran.code:
        # `fine` may look at what there is now.
        site.tools.forget()
        if not each.fine(ran.said):
            _fail(step, f"{name_of(words)} ended with exit code {ran.code}", ran.said)
    if each.keep:
        name, pattern = each.keep
        found = re.search(pattern, ran.said, re.MULTILINE)
        if not found:
            _fail(step, f"{name_of(words)} did not say what is needed of it ({name})", ran.said)
        site.answers[name] = found[1]


def _fail(step: Step, what: str, said: str) -> NoReturn:
    code, advice = failures.judge(said, step.advice)
    last = "".join(f"\n  it said: {line.strip()}" for line in said.strip().splitlines()[-1:])
    raise Stopped(code, _what_to_do(f"{step.name}: {what}{last}", advice))


def _what_to_do(what: str, advice: str) -> str:
    return f"{what}\n  what to do: {advice}\n  {AGAIN}"


def _refuse_missing(site: Site, step: Step) -> None:
    for name in _missing(site, step):
        raise Stopped(
            failures.FAILED,
            _what_to_do(f"{step.name}: the {name} is needed for it, and not known", step.advice),
        )


def _missing(site: Site, step: Step) -> list[str]:
    """Words of its calls that neither settings nor earlier answers have, nor its own calls will."""
    calls = [each for each in step.calls if isinstance(each, Call)]
    answered = {each.keep[0] for each in calls if each.keep}
    places = [word for each in calls for word in each.words if isinstance(word, Place)]
    return [name for name in places if name not in answered and not site.known(name)]


def _resolved(site: Site, each: Call) -> Iterator[str]:
    for word in each.words:
        yield from site.known(word) if isinstance(word, Place) else [word]
