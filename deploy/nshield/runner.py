"""From steps to deeds: the plan, each step until its check agrees, and a clear end where one does not."""

import re
import shlex
import sys
from collections.abc import Sequence

from nshield import failures
from nshield.site import Site
from nshield.step import Act, Call, Step

AGAIN = "then run the same command again: what is done is not repeated"
_PLACE = re.compile(r"\{([a-z]+)\}")


class Stopped(Exception):
    """A step was not done. `code` is the exit code: 1, or 3 when a person has to do something that was to be expected."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def show_calls(site: Site, steps: Sequence[Step]) -> None:
    """All that could be called, for --dry-run. Nothing is asked and nothing changed."""
    for step in steps:
        print(f"{step.name} ({step.guide}){' CLEARS THE MODULE' if step.clears else ''}")
        for each in step.calls:
            words = each.says if isinstance(each, Act) else " ".join(_shown(site, word) for word in each.words)
            print(f"    $ {words}")
        if not step.calls:
            print("    (looked at, not brought about)")


def run(site: Site, steps: Sequence[Step], *, yes: bool) -> int:
    """Show the plan, do what is to do. Returns how many steps were done. Raises Stopped."""
    plan = [(step, step.done()) for step in steps]
    for step, done in plan:
        print(f"{'done ' if done else 'to do'}  {step.name} ({step.guide})")
    todo = [step for step, done in plan if not done]
    # A condition that is not met ends the run before anything is cleared.
    if todo and todo[0].calls and any(step.clears for step in todo):
        _confirm(site, yes=yes)
    # Looked at again one after the other: a step may undo what a later one had found to be done.
    return sum(_bring_about(site, step) for step in steps) if todo else 0


def _confirm(site: Site, *, yes: bool) -> None:
    question = f"This clears module {site.number}: whatever any program has loaded on it is gone. Go on? (yes/no) "
    if yes or (sys.stdin.isatty() and input(question).strip() == "yes"):
        return
    raise Stopped(failures.FAILED, f"the plan clears module {site.number}, and whatever any program has loaded on it; say --yes")


def _bring_about(site: Site, step: Step) -> bool:
    if step.done():
        return False
    if not step.calls:
        raise Stopped(failures.WAITING if step.waits else failures.FAILED, f"not so: {step.name}\n  what to do: {step.advice}\n  {AGAIN}")
    print(f"\n{step.name} ({step.guide})", flush=True)
    # Nothing may be begun with a word missing.
    _refuse_missing(site, step)
    step.begun()
    for each in step.calls:
        _do(site, step, each)
    site.tools.forget()
    step.ended()
    if not step.done():
        said = "the calls went well, and still it is not so"
        raise Stopped(failures.FAILED, f"{said}: {step.name}\n  what to do: {step.advice}\n  {AGAIN}")
    return True


def _do(site: Site, step: Step, each: Call | Act) -> None:
    if isinstance(each, Act):
        print(f"$ {each.says}", flush=True)
        site.tools.forget()
        try:
            each.do()
        except OSError as error:
            _fail(step, each.says, str(error))
        return
    words = _resolved(site, each)
    ran = site.tools.do(each, words)
    if ran.code and not (each.fine_if and re.search(each.fine_if, ran.said)):
        _fail(step, f"{words[0]} ended with exit code {ran.code}", ran.said)
    if each.keep:
        name, pattern = each.keep
        found = re.search(pattern, ran.said, re.MULTILINE)
        if not found:
            _fail(step, f"{words[0]} did not say what is needed of it ({name})", ran.said)
        else:
            site.answers[name] = found[1]


def _fail(step: Step, what: str, said: str) -> None:
    code, advice = failures.judge(said, step.advice)
    last = "".join(f"\n  it said: {line.strip()}" for line in said.strip().splitlines()[-1:])
    raise Stopped(code, f"{step.name}: {what}{last}\n  what to do: {advice}\n  {AGAIN}")


def _refuse_missing(site: Site, step: Step) -> None:
    answered = {each.keep[0] for each in step.calls if isinstance(each, Call) and each.keep}
    for each in step.calls:
        for name in _PLACE.findall(" ".join(each.words)) if isinstance(each, Call) else ():
            if name not in answered and not _value(site, name):
                raise Stopped(failures.FAILED, f"{step.name}: --{name} is needed for it\n  what to do: {step.advice}\n  {AGAIN}")


def _resolved(site: Site, each: Call) -> list[str]:
    words: list[str] = []
    for word in each.words:
        place = _PLACE.fullmatch(word)
        # What a tool answered in several words is several words of the next call.
        words += ([_value(site, place[1])] if place[1] not in site.answers else _value(site, place[1]).split()) if place else [word]
    return words


def _value(site: Site, name: str) -> str:
    if name in ("esn", "uuid"):
        return site.answers.get(name) or (site.esn if name == "esn" else site.uuid())
    return site.answers.get(name) or str(getattr(site.settings, name, ""))


def _shown(site: Site, word: str) -> str:
    place = _PLACE.fullmatch(word)
    return (_value(site, place[1]) or f"<{place[1]}>") if place else shlex.quote(word)
