"""Certificates, requests and lists in files: read for a command, and `seemachine cert show`."""

import argparse
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from seemachine.cli.answer import Answer
from seemachine.x509 import documents, telling
from seemachine.x509.documents import Document
from seemachine.x509.errors import X509Error

Kind = TypeVar("Kind", bound=Document)


def only(path: Path, kind: type[Kind]) -> Kind:
    """The one of its kind in a file. Raises X509Error, OSError."""
    return documents.only(contents(path), kind, str(path))


def contents(path: Path) -> bytes:
    """As much of a file as could be one. Raises OSError."""
    with path.open("rb") as file:
        return file.read(documents.MOST + 1)


def run(options: argparse.Namespace, answer: Answer) -> int:
    """Show each; 1 where a signature is wrong, or there is nothing of the kind in a file."""
    issuer = only(options.issuer, x509.Certificate) if options.issuer else None
    shown, wrong = [], ""
    for path in options.files:
        found = documents.documents(contents(path))
        if not found:
            raise X509Error(f"{path} has no certificate, request or revocation list")
        for document in found:
            verdict = telling.signature(document, issuer)
            fields = {**telling.fields(document), "signature": verdict}
            shown.append({"file": str(path), **fields})
            answer.say(path, *telling.lines(fields), sep="\n")
            if verdict == telling.WRONG:
                wrong = f"the signature in {path} is wrong, or of another issuer"
    answer.give(documents=shown)
    return answer.found(wrong) if wrong else 0
