"""--dry-run: all that could be called. Nothing is asked and nothing changed."""

import shlex
from collections.abc import Sequence

from nshield.site import Site
from nshield.step import Act, Call, Place, Step


def show_calls(site: Site, steps: Sequence[Step]) -> None:
    """Print them, step by step."""
    for step in steps:
        print(f"{step.name} ({step.guide}){_danger(step)}")
        for look in step.looks:
            print(f"    ? {look}")
        for each in step.calls:
            print(f"    $ {_said(site, each)}")
        if not step.calls:
            print("    (looked at, not brought about)")


def _danger(step: Step) -> str:
    if step.clears:
        return " CLEARS THE MODULE"
    return " DESTROYS THE CONTAINER" if step.destroys else ""


def _said(site: Site, call: Act | Call) -> str:
    if isinstance(call, Act):
        return call.says
    return " ".join(_shown(site, word) for word in call.words)


def _shown(site: Site, word: str) -> str:
    if not isinstance(word, Place):
        return shlex.quote(word)
    return shlex.join(site.known(word)) or f"<{word}>"
