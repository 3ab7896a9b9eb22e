"""Certificates, requests and lists in files: read for a command, and `seemachine cert show`."""

import argparse
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from seemachine.cli import signed_files
from seemachine.cli.answer import Answer, Misused
from seemachine.cli.verify_output import tell_of_mark
from seemachine.x509 import documents, issuers, telling
from seemachine.x509.documents import Document
from seemachine.x509.errors import X509Error

Kind = TypeVar("Kind", bound=Document)


def only(path: Path, kind: type[Kind]) -> Kind:
    """The one of its kind in a file. Raises X509Error, Refused."""
    return documents.only(contents(path), kind, signed_files.title(path))


def contents(path: Path) -> bytes:
    """Of a file, or of standard input, which is `-`. Raises Refused."""
    return signed_files.read_file(path, documents.MOST)


def refuse_two_of_input(options: argparse.Namespace) -> None:
    """Raises Misused."""
    words = vars(options)
    read = [*words.get("files", ()), *map(words.get, ("request", "issuer", "after"))]
    if read.count(signed_files.STANDARD_INPUT) > 1:
        raise Misused("standard input can be one thing")


def run(options: argparse.Namespace, answer: Answer) -> int:
    """Show each; 1 where a signature is wrong, or there is nothing of the kind in a file."""
    refuse_two_of_input(options)
    issuer = only(options.issuer, x509.Certificate) if options.issuer else None
    shown, wrong = [], ""
    keys = [issuers.key_of(issuer).own] if issuer else []
    for path in options.files:
        found = documents.documents(contents(path))
        if not found:
            name = signed_files.title(path)
            raise X509Error(f"{name} has no certificate, request or revocation list")
        for document in found:
            verdict = telling.signature(document, issuer)
            fields = {**telling.fields(document), "signature": verdict}
            keys.append(telling.key_of(document))
            shown.append({"file": str(path), **fields})
            answer.say(signed_files.title(path), *telling.lines(fields), sep="\n")
            if verdict == telling.WRONG:
                wrong = f"the signature in {path} is wrong, or of another issuer"
    answer.give(documents=shown)
    tell_of_mark(keys, answer)
    return answer.found(wrong) if wrong else 0
