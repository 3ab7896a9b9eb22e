"""Certificates, requests and lists in files: read for a command, and `seemachine cert show`."""

import argparse
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from seemachine.cli.answer import Answer
from seemachine.cli.in_files import read_file, refuse_two_of_input, title
from seemachine.cli.verify_output import tell_of_mark
from seemachine.x509 import documents, issuers, telling
from seemachine.x509.documents import Document
from seemachine.x509.errors import X509Error

Kind = TypeVar("Kind", bound=Document)


def only(path: Path, kind: type[Kind]) -> Kind:
    """The one of its kind in a file. Raises X509Error, Refused."""
    return documents.only(contents(path), kind, title(path))


def contents(path: Path) -> bytes:
    """Of a file, or of standard input, which is `-`. Raises Refused."""
    return read_file(path, documents.MOST)


def check_words(options: argparse.Namespace) -> None:
    """What is wrong whatever the world looks like. Raises Misused."""
    words = vars(options)
    named = map(words.get, ("request", "issuer", "after"))
    refuse_two_of_input([*words.get("files", ()), *named])


def run(options: argparse.Namespace, answer: Answer) -> int:
    """Show each; 1 where a signature is wrong, or there is nothing of the kind in a file."""
    check_words(options)
    issuer = only(options.issuer, x509.Certificate) if options.issuer else None
    shown, wrong = [], ""
    keys = [issuers.key_of(issuer).own] if issuer else []
    for path in options.files:
        found = documents.documents(contents(path))
        if not found:
            name = title(path)
            raise X509Error(f"{name} has no certificate, request or revocation list")
        for document in found:
            verdict = telling.signature(document, issuer)
            fields = {**telling.fields(document), "signature": verdict}
            keys.append(telling.key_of(document))
            shown.append({"file": str(path), **fields})
            answer.say(title(path), *telling.lines(fields), sep="\n")
            if verdict == telling.WRONG:
                wrong = f"the signature in {path} is wrong, or of another issuer"
    answer.give(documents=shown)
    tell_of_mark(keys, answer)
    return answer.found(wrong) if wrong else 0
