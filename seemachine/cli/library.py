"""`seemachine library`: where the C libraries are, and what other tools read to find them."""

import argparse
from pathlib import Path

from seeclient import library

from seemachine.cli.answer import Answer, Refused

FOLDERS = {"include": library.INCLUDE, "pkgconfig": library.PKGCONFIG}
P11_KIT = "p11-kit"


def run(options: argparse.Namespace) -> int:
    """Print one. Returns the exit code."""
    answer: Answer = options.answer
    path = _path_of(options.what)
    text = f"module: {path}" if options.what == P11_KIT else str(path)
    answer.give(what=options.what, path=str(path), text=text)
    answer.say(text)
    return 0


def _path_of(what: str) -> Path:
    if what in FOLDERS:
        return FOLDERS[what]
    try:
        return library.path_of("pkcs11" if what == P11_KIT else what)
    except library.NotBuiltError as error:
        raise Refused(str(error)) from None
