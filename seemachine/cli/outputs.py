"""Where the bytes that a command makes go: a file, which has all of them or is left as it was, or
standard output.
"""

import argparse
import os
import sys
from pathlib import Path

from seeclient import files

from seemachine.cli.answer import Misused, Refused

STANDARD_OUTPUT = "-"


def check(options: argparse.Namespace, form: str, *, is_text: bool) -> None:
    """Whether bytes can go where `--out` says. Raises Refused, Misused: before anything is done."""
    if options.out is None or options.out == STANDARD_OUTPUT:
        if options.out and options.answer.as_json:
            raise Misused(
                "--out - and --json both want standard output; the document has the bytes"
            )
        if not (is_text or options.answer.as_json) and sys.stdout.isatty():
            raise Refused(f"{form} is not text, and standard output is a terminal; give --out FILE")
        return
    _check_file(Path(options.out), force=options.force)


def write(options: argparse.Namespace, data: bytes) -> None:
    """Bytes go where `--out` says; with --json and without it they are in the document alone.

    Raises OSError.
    """
    if options.out is None and options.answer.as_json:
        return
    if options.out is None or options.out == STANDARD_OUTPUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(options.out))
    if path.exists() and not path.is_file():
        # A pipe or a device has nothing to keep.
        path.write_bytes(data)
        return
    with files.written_aside(path, data) as written:
        # What is public is for whom its user says.
        written.chmod(0o666 & ~options.umask)
        written.replace(path)


def _check_file(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise Refused(f"{path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise Refused(f"there is no folder {path.parent}")
    if path.is_file() and not force:
        raise Refused(f"{path} is there; name another file, or write over it with --force")
