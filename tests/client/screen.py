"""What pipsqueak prints, run in this process."""

import contextlib
import io
import sys

from seeclient import pipsqueak

# A key of 32 leaves, quickly made, and the length of its signatures.
LMS = ("algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w4")
SIGNATURE_BYTES = 4 + 4 + 32 * 68 + 4 + 5 * 32


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
