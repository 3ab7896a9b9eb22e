"""Files that tools are given and make: text, JSON with the version of its format."""

import json
import os
from pathlib import Path
from typing import Any

from seeclient import files

from seemachine.formats import Format, OtherVersion
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import replace_file

# That of the caller, before a tool takes a stricter one: files without a secret are for whoever it
# lets read.
_umask = os.umask(0o077)
os.umask(_umask)


def keep_private() -> None:
    """From now on files are for their owner alone, but for what `keep` writes."""
    os.umask(0o077)


def keep(path: Path, data: bytes) -> None:
    """Write a file that holds no secret, readable as the caller's umask says: `sudo cp` makes root
    its owner (guide 2.5.1 step 7).
    """
    replace_file(path, data, before=lambda scratch: scratch.chmod(0o666 & ~_umask))


def refuse_unwritable(path: Path) -> None:
    """Before a dialogue that would be in vain. Raises Refusal when no file can be written there."""
    if not path.absolute().parent.is_dir():
        raise Refusal(f"there is no folder {path.parent}")
    if path.is_dir():
        raise Refusal(f"{path} is a folder")
    if denied := files.unwritable(path.absolute().parent):
        raise Refusal(files.sentence(denied))


def text_of(path: Path) -> str:
    """A file that a tool was given. Raises Refusal for one that is not text, OSError."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not a text file") from None


def parsed(text: str | bytes) -> Any:
    """JSON. Raises ValueError, also for what is too deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def versioned(form: Format, values: dict[str, Any]) -> bytes:
    """A table as JSON, with the version of its format."""
    return json.dumps({"version": form.version, **values}, indent=1).encode()


def version_checked(form: Format, values: Any, path: Path) -> Any:
    """A table without its version. Raises Refusal for another one."""
    try:
        form.check_at(values, str(path))
    except OtherVersion as other:
        raise Refusal(str(other)) from None
    return values


def check_format(form: Format, found: object, what: str) -> None:
    """The version that a file names. Raises Refusal for another one, ValueError for none."""
    try:
        form.check(found, what)
    except OtherVersion as other:
        raise Refusal(str(other)) from None
