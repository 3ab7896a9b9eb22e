"""The document that both commands print with --json: docs/reference/json.md describes it, and
docs/reference/json.schema.json is its schema.

Its first fields are the same for every command. The others are the command's own, beside them:
`jq .machines` finds machines whatever was asked.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from seemachine.wire.status import StatusError

SCHEMA_VERSION = 1
# What may stand in `error.code`.
USAGE, REFUSED, FOUND, INTERRUPTED, INTERNAL = (
    "usage",
    "refused",
    "found",
    "interrupted",
    "internal",
)
CODES = (USAGE, REFUSED, FOUND, INTERRUPTED, INTERNAL)
EXIT_CODES = {USAGE: 2, REFUSED: 1, FOUND: 1, INTERRUPTED: 130, INTERNAL: 1}
NOTHING: Mapping[str, Any] = MappingProxyType({})
# In our sentences a command to type comes after a colon, and ends the sentence or a part of it.
_ADVISED = re.compile(r": ((?:SEEMACHINE_HOME=(?:'[^']*'|\S+) )?(?:seemachine|pipsqueak) [^;,]+)")


class Failure(NamedTuple):
    """Why a command did not do, or did not find, what it was asked for. `code` is one of CODES;
    `more` are further fields of `error`.
    """

    code: str
    message: str
    exit_code: int
    more: Mapping[str, Any] = NOTHING

    @classmethod
    def of(cls, code: str, message: str, **more: Any) -> "Failure":
        """With the usual exit code of its kind."""
        return cls(code, message, EXIT_CODES[code], more)

    def as_json(self) -> dict[str, Any]:
        """`error` of a document."""
        told = {"code": self.code, "message": self.message, "advice": advised(self.message)}
        return told | dict(self.more)


def in_world(sentence: str, home: Path) -> str:
    """The sentence with commands that lead to the same world as one that got `--home`."""
    folder = shlex.quote(str(home))

    def led(found: re.Match[str]) -> str:
        command = found[1].rstrip(" .)")
        rest = found[1][len(command) :]
        if command.startswith("pipsqueak"):
            return f": SEEMACHINE_HOME={folder} {command}{rest}"
        return found[0] if "--home" in command else f": {command} --home {folder}{rest}"

    return _ADVISED.sub(led, sentence)


def advised(sentence: str) -> list[str]:
    """The commands that a sentence says to type."""
    return [found.rstrip(" .)") for found in _ADVISED.findall(sentence)]


def status_of(error: "StatusError") -> dict[str, Any]:
    """Fields of `error` about a refusal by a machine, or on the way to one."""
    from seemachine.wire.status import Status

    number = None if error.status is Status.Failed else int(error.status)
    return {"status": error.name, "number": number}


def fault(error: BaseException | None) -> str:
    """What is said of an exception that nobody foresaw: where it is, so that a report needs no
    traceback.
    """
    if error is None or error.__traceback__ is None:
        return "this is a fault of the program, please report it"
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return f"this is a fault of the program, please report it: {what} ({place})"


def document(
    program: str,
    command: str | None,
    fields: Mapping[str, Any],
    failure: Failure | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """What is printed. `fields` are the command's own, `notes` what was said on the way."""
    return {
        "schema_version": SCHEMA_VERSION,
        "program": program,
        "command": command,
        "ok": failure is None,
        "exit_code": 0 if failure is None else failure.exit_code,
        **({} if failure is None else {"error": failure.as_json()}),
        "notes": list(notes),
        **fields,
    }
