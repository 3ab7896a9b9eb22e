"""`seemachine completion`: what a shell reads to complete the words of seemachine and pipsqueak."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seeclient import completion
from seeclient.keys import PREFIX

from seemachine.cli.argtypes import esn

# The NAME of these is that of a key.
KEYS = ("seemachine quarantine", "seemachine key")
# Read by sh, between single quotes.
LISTED = {
    "esns": f'ls "{completion.WORLD}/hsm" 2>/dev/null',
    "cards": f'ls "{completion.WORLD}/cards" 2>/dev/null | sed -n "s/[.]card\\$//p"',
    "aliases": (
        f'ls "${{NFAST_KMLOCAL:-{completion.WORLD}/kmdata/local}}" 2>/dev/null'
        f' | sed -n "s/^{PREFIX}//p"'
    ),
}


def run(options: argparse.Namespace) -> int:
    """Print both scripts. Returns the exit code."""
    import shtab

    from seemachine.cli import parser

    top = parser.whole()
    _mark(top)
    _mark_words(top)
    ours = shtab.complete(top, options.shell)
    if options.shell == "bash":
        # shtab's function would write over the variable of that name of its user's shell.
        ours = ours.replace("while IFS= read -r line;", "local line; while IFS= read -r line;")
    script = f"{ours}\n{completion.script(options.shell)}"
    options.answer.give(shell=options.shell, script=script)
    if not options.answer.as_json:
        sys.stdout.write(script)
    return 0


def _mark(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which words are files and folders, and which are names in the world."""
    for action in parser._actions:  # noqa: SLF001 argparse has no other way to see them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                _mark(each)
        elif (how := _completed(action, parser.prog)) is not None:
            action.complete = how  # type: ignore[attr-defined]


def _mark_words(top: argparse.ArgumentParser) -> None:
    """The same of words for which argparse has no choices: commands after `help`, and those of
    faults.
    """
    from seemachine.faults.forms import WORDS
    from seemachine.faults.kinds import KINDS

    words: dict[tuple[str, ...], tuple[str, Iterable[str]]] = {
        ("help", "words"): ("commands", _verbs(top)),
        ("fault", "add", "kind"): ("kinds", KINDS),
        ("fault", "add", "words"): ("fault_words", [f"{name}=" for name in WORDS]),
    }
    for (*path, dest), (kind, listed) in words.items():
        parser = top
        for verb in path:
            parser = _verbs(parser)[verb]
        [action] = [each for each in parser._actions if each.dest == dest]  # noqa: SLF001
        listing = f'printf "%s\\n" {" ".join(listed)}'
        action.complete = _listed(kind, listing)  # type: ignore[attr-defined]


def _verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    [verbs] = [
        each.choices
        for each in parser._actions  # noqa: SLF001
        if isinstance(each, argparse._SubParsersAction)  # noqa: SLF001
    ]
    return verbs


def _completed(action: argparse.Action, prog: str) -> Any:
    import shtab

    if action.type is Path:
        return shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
    if action.type is esn:
        return _names("esns")
    if action.metavar == "CARD":
        return _names("cards")
    named = action.metavar == "NAME" and prog.startswith(KEYS)
    return _names("aliases") if named or action.metavar == "ALIAS" else None


def _names(kind: str) -> dict[str, Any]:
    """How each shell calls what lists them, and the function that does; the world may change
    between two completions.
    """
    return _listed(kind, f"sh -c '{LISTED[kind]}'")


def _listed(kind: str, listing: str) -> dict[str, Any]:
    name = f"_seemachine_{kind}"
    functions = {
        "bash": f'{name}() {{ compgen -W "$({listing})" -- "$1"; }}',
        "zsh": f'{name}() {{ compadd -- ${{(f)"$({listing})"}}; }}',
        "fish": f"function {name}\n    {listing}\nend",
    }
    return {"bash": name, "zsh": name, "fish": f"({name})", "preamble": functions}
