"""The reference of the commands, from the parsers that read their words.

    ```{commands} seemachine
    ```

is a section for each command of `seemachine`, in the order of its help; `tools` in place of it is
one for each of the Security World tools, and `pipsqueak` its usage and a table of its arguments.
Whoever changes a parser changes these pages, and the man pages made of them.
"""

import argparse
from collections.abc import Iterator, Sequence
from importlib import import_module

from docutils import nodes
from seeclient import arguments, usage
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from seemachine.cli import parser
from seemachine.nfast import tools

WIDTH = 80
HIDDEN = (None, argparse.SUPPRESS, "show this help message and exit")


class Commands(SphinxDirective):
    """`{commands} seemachine`, `tools` or `pipsqueak`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The sections."""
        made = {"seemachine": _seemachine, "tools": _tools, "pipsqueak": _pipsqueak}
        return list(made[self.arguments[0]]())


def _seemachine() -> Iterator[nodes.Node]:
    top = parser.whole()
    yield from _body(top)
    for _, command in _verbs(top):
        yield _section(command)


def verbs_told() -> Iterator[tuple[str, str]]:
    """Each command of `seemachine`, with what it does."""
    for action in parser.whole()._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action._choices_actions:  # noqa: SLF001
                yield each.dest, str(each.help)


def _tools() -> Iterator[nodes.Node]:
    for name in tools.known().values():
        yield _section(import_module(name)._parser())  # noqa: SLF001


def _pipsqueak() -> Iterator[nodes.Node]:
    yield _literal(usage.USAGE)
    rows = [("command", "needs", "takes")] + [
        (verb, _names(needed), _names(taken)) for verb, (needed, taken) in arguments.FORMS.items()
    ]
    yield _table(rows)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"{name}=" for name in names)


def _section(command: argparse.ArgumentParser) -> nodes.section:
    """One command, and below it those that it has."""
    section = nodes.section(ids=[nodes.make_id(command.prog)], names=[command.prog])
    section += nodes.title("", command.prog)
    section.extend(_body(command))
    section.extend(_section(each) for _, each in _verbs(command))
    return section


def _body(command: argparse.ArgumentParser) -> Iterator[nodes.Node]:
    if command.description:
        yield nodes.paragraph("", command.description)
    yield _literal(_usage(command))
    options = [action for action in command._actions if action.help not in HIDDEN]  # noqa: SLF001
    options = [action for action in options if not isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    if options:
        operands_first = sorted(options, key=lambda action: bool(action.option_strings))
        yield nodes.definition_list("", *(_option(action) for action in operands_first))
    if command.epilog:
        yield _epilog(command.epilog)


def _epilog(text: str) -> nodes.Node:
    """Lines that help does not wrap are not wrapped here."""
    return _literal(text) if "\n" in text else nodes.paragraph("", text)


def _usage(command: argparse.ArgumentParser) -> str:
    command.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=WIDTH)  # type: ignore[assignment]
    return command.format_usage().removeprefix("usage: ").replace("\n       ", "\n").strip()


def _option(action: argparse.Action) -> nodes.definition_list_item:
    """Its spellings and its help."""
    shown = argparse.HelpFormatter("")._format_args(  # noqa: SLF001
        action, action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    )
    if action.choices and not action.metavar:
        shown = "|".join(map(str, action.choices))
    if action.nargs == argparse.REMAINDER:
        shown = f"{action.metavar} ..."
    names = [f"{name} {shown}".strip() for name in action.option_strings] or [shown]
    return nodes.definition_list_item(
        "",
        nodes.term("", "", nodes.literal("", ", ".join(names))),
        nodes.definition("", nodes.paragraph("", str(action.help).replace("%%", "%"))),
    )


def _verbs(command: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    """The commands below one."""
    return [
        (name, each)
        for action in command._actions  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for name, each in action.choices.items()
    ]


def _literal(text: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language="text")


def _table(rows: list[tuple[str, ...]]) -> nodes.table:
    head, *body = rows
    group = nodes.tgroup(cols=len(head))
    group.extend(nodes.colspec(colwidth=1) for _ in head)
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *(_row(cells) for cells in body))
    return nodes.table("", group)


def _row(cells: Sequence[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's way in."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
