"""`seemachine cose ...`: messages with one signature of CBOR Object Signing and Encryption."""

import argparse
from functools import partial

from seemachine.cli import message_verbs, signed_files
from seemachine.cli.answer import Answer
from seemachine.cli.in_files import read_file, title
from seemachine.cli.message_verbs import Verbs
from seemachine.cli.message_verifying import check_content, read_key
from seemachine.cli.signed_files import PublicValue, Work

MOST_EXTERNAL = 1 << 20


def run(verb: str, options: argparse.Namespace) -> int:
    """Run one verb. Returns the exit code."""
    from seemachine.cose.errors import CoseError

    return message_verbs.run(verb, options, Verbs(_sign, _verify, (CoseError,), ("content_type",)))


def _sign(options: argparse.Namespace) -> int:
    from seemachine.cose import sign1

    external = _external(options)
    terms = sign1.Terms(
        detached=options.detached,
        external=external,
        key_id=options.key_id,
        content_type=options.content_type,
        tagged=not options.untagged,
    )
    payload = read_file(options.file, sign1.MOST_PAYLOAD)
    work = Work(
        "the message",
        lambda _key: "the Sig_structure of RFC 9052 4.4, which has the payload itself",
        tuple(filter(None, (options.file, options.external))),
        f"{options.file}.cose",
        lambda key: sign1.prepare(key, payload, terms),
        partial(_check, payload if options.detached else None, external),
    )
    return signed_files.sign(work, options)


def _external(options: argparse.Namespace) -> bytes:
    if options.external is None:
        return b""
    return read_file(options.external, MOST_EXTERNAL)


def _check(payload: bytes | None, external: bytes, key: PublicValue, made: bytes) -> None:
    from seemachine.cose import sign1, verifying

    verifying.verify(sign1.read(made), key, payload, external)


def _verify(options: argparse.Namespace) -> bytes | None:
    from seemachine.cose import sign1, verifying

    answer: Answer = options.answer
    key = read_key(options)
    message = sign1.read(read_file(options.message, sign1.MOST_BYTES))
    answer.give(file=str(options.message), payload=options.file and str(options.file))
    answer.give(detached=message.payload is None)
    check_content(options, message.payload, "payload")
    payload = options.file and read_file(options.file, sign1.MOST_PAYLOAD)
    verifying.verify(message, key, payload, _external(options))
    kind = message.content_type
    answer.give(content_type=kind)
    told = "" if kind is None else f", content type {kind}"
    answer.say(f"{title(options.message)}: verified{told}")
    return message.payload
