"""Documents of --json for tests: a command run in this process, and its document held against the
published schema.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fastjsonschema
from kit import processes
from seeclient import pipsqueak

from seemachine.cli.command import main

SCHEMA = Path(__file__).parents[2] / "docs/reference/json.schema.json"
Document = dict[str, Any]


@cache
def schema() -> Document:
    """The published schema."""
    found: Document = json.loads(SCHEMA.read_text())
    return found


def commands() -> list[str]:
    """The commands that it describes."""
    return [case["if"]["properties"]["command"]["const"] for case in schema()["allOf"]]


def check(document: Document) -> None:
    """Hold a document against the schema; of ours it has no field that the schema does not name."""
    _validator()(document)
    own = _fields(document)
    assert document.keys() <= schema()["properties"].keys() | own.keys()


def answer(
    words: list[str], home: Path, run: Callable[[list[str]], int] = main, **environ: str
) -> Document:
    """The document of a command, which has its exit code; nothing else is on standard output."""
    with patch.dict(os.environ, processes.environment(home, **environ), clear=True):
        code, printed = _printed(run, [*words, "--json"])
    document: Document = json.loads(printed)
    check(document)
    assert document["exit_code"] == code
    return document


def process_answer(words: list[str], home: Path) -> Document:
    """The same of a process of its own, for commands that leave others running."""
    done = subprocess.run(
        [sys.executable, "-m", "seemachine", *words, "--json"],
        env=processes.environment(home),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    document: Document = json.loads(done.stdout)
    check(document)
    assert document["exit_code"] == done.returncode
    return document


def pipsqueak_answer(words: list[str], home: Path, **environ: str) -> Document:
    """The same of pipsqueak."""
    return answer(words, home, pipsqueak.main, **environ)


def _printed(run: Callable[[list[str]], int], words: list[str]) -> tuple[int, str]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            code = run(words)
        except SystemExit as left:
            code = int(str(left.code))
    return code, out.getvalue()


@cache
def _validator() -> Callable[[Document], None]:
    compiled: Callable[[Document], None] = fastjsonschema.compile(_closed(schema()))
    return compiled


def _closed(form: Any) -> Any:
    """A schema whose objects have no other fields than it names; those of whole documents are
    looked at by `check`.
    """
    if isinstance(form, list):
        return [_closed(each) for each in form]
    if not isinstance(form, Mapping):
        return form
    closed = {name: _closed(value) for name, value in form.items()}
    if form.get("type") == "object" and "properties" in form and "allOf" not in form:
        closed.setdefault("additionalProperties", False)
    return closed


def _fields(document: Document) -> Document:
    """Those of its command, which may be one of each program."""
    for case in schema()["allOf"]:
        told = case["if"]["properties"]
        if all(document[name] == value["const"] for name, value in told.items()):
            found: Document = _definition(case)["properties"]
            return found
    return {}


def _definition(case: Document) -> Document:
    found: Document = schema()["definitions"][case["then"]["$ref"].rpartition("/")[2]]
    return found


def described() -> Iterator[tuple[str, Document]]:
    """Each command with the schema of its own fields."""
    for case in schema()["allOf"]:
        yield case["if"]["properties"]["command"]["const"], _definition(case)
