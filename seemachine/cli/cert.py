"""`seemachine cert ...`: certificates, requests and lists, signed by a key of an HSM.

The order is that of every command that takes a leaf: all that can be refused is refused, a person
is asked, then it is signed.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable
from typing import Any

from seeclient import blocking, environment
from seeclient.blocking import Key
from seeclient.results import Signed

from seemachine.cli import cert_showing, leaves
from seemachine.cli.answer import Answer, Refused, Unwritten
from seemachine.cli.cert_wishes import WISHES, Wish
from seemachine.cli.out_files import OutFile, lost
from seemachine.printing import say
from seemachine.wire.status import StatusError
from seemachine.x509 import documents, telling
from seemachine.x509.errors import X509Error
from seemachine.x509.keys import SubjectKey
from seemachine.x509.signing import Signer

TITLES = {
    "cert root": "the certificate",
    "cert request": "the request",
    "cert issue": "the certificate",
    "cert crl": "the list",
}


def run(verb: str, options: argparse.Namespace) -> int:
    """Run one verb. Returns the exit code."""
    answer: Answer = options.answer
    try:
        if verb == "show":
            return cert_showing.run(options, answer)
        cert_showing.check_words(options)
        sources, wish = WISHES[verb](options)
        out = OutFile(options.out, options.force, options.umask)
        out.check(sources, text=options.form == "pem", as_json=answer.as_json)
        given = environment.from_process(options.environ, options.world)
        with blocking.connected(given) as fleet:
            return _made(fleet, wish, out, options)
    except X509Error as error:
        raise Refused(str(error)) from None
    except StatusError as error:
        raise leaves.refused(error) from None


def _made(fleet: blocking.Fleet, wish: Wish, out: OutFile, options: argparse.Namespace) -> int:
    """Draft, ask, sign, write."""
    answer: Answer = options.answer
    leaves.tell_of_seeds(fleet, answer)
    key = fleet.key(options.alias)
    draft = wish(SubjectKey.of(key.public_key))
    drafted = telling.lines(_fields(draft.unsigned))
    asks = not options.yes and key.file.algorithm == "LMS"
    if asks:
        say(*drafted, sep="\n", file=sys.stderr)
    leaves.ask(key, 1, TITLES[options.command], yes=options.yes)
    signed: list[Signed] = []
    with leaves.interrupted(key, answer):
        made = draft.signed(Signer(key.public_key, _signing(key, options.acknowledge, signed)))
        # The file first: should nobody read what is printed, it is not lost.
        trouble = out.put_signed(draft.written(made, options.form))
    if trouble and out.is_stream:
        raise Refused(lost(trouble, signed[-1].leaf))
    if trouble:
        _print_instead(trouble, draft.written(made, "pem"), answer)
    _tell(made, signed[-1], options, shown=asks)
    if trouble:
        return 1
    answer.give(file=out.name)
    if not out.is_stream:
        answer.report(out.name)
    return 0


def _print_instead(trouble: str, pem: bytes, answer: Answer) -> None:
    answer.note(f"{trouble}; it is printed here instead, for it is signed")
    answer.give(pem=pem.decode())
    answer.say(*pem.decode().splitlines(), sep="\n")


def _signing(key: Key, reason: str | None, signed: list[Signed]) -> Callable[[bytes], bytes]:
    def sign(content: bytes) -> bytes:
        signed.append(key.sign_with(content, acknowledge=reason))
        return signed[-1].signature

    return sign


def _tell(made: bytes, signed: Signed, options: argparse.Namespace, *, shown: bool) -> None:
    """`shown`: whoever was asked has seen what is in it."""
    answer: Answer = options.answer
    found = _fields(made)
    answer.give(document=found, alias=options.alias, esn=signed.esn)
    answer.give(leaf=signed.leaf, remaining=signed.remaining)
    if options.out == "-":
        return
    if not shown:
        # That it is signed is reported, with its leaf; what it says `cert show` tells.
        with contextlib.suppress(Unwritten):
            answer.say(*telling.lines(found), sep="\n")
    if signed.leaf is not None:
        left = f"{signed.remaining} are left there"
        answer.report(f"signed with leaf {signed.leaf} of {options.alias} on {signed.esn}; {left}")


def _fields(made: bytes) -> dict[str, Any]:
    """Raises X509Error for what others could not read."""
    found = documents.documents(made)
    if len(found) != 1:
        raise X509Error("what is wished does not make a document that can be read; wish less of it")
    return telling.fields(found[0])
