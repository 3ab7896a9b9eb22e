"""What pipsqueak prints, run in this process."""

import contextlib
import io
import sys

from seeclient import pipsqueak


def say(*words: str) -> tuple[int, list[str]]:
    """Run pipsqueak here. Returns its exit code and its lines, both streams in one."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        code = pipsqueak.main(list(words))
    assert sys.stdout is not written
    return code, written.getvalue().splitlines()


def field(lines: list[str], start: str) -> list[str]:
    """The words of the dump under the line that begins so."""
    at = next(index for index, line in enumerate(lines) if line.startswith(start)) + 1
    words: list[str] = []
    while at < len(lines) and lines[at].startswith("  "):
        words += lines[at].split()
        at += 1
    return words
