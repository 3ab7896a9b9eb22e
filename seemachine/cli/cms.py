"""`seemachine cms ...`: signed messages of the Cryptographic Message Syntax."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seemachine.cli import message_verbs, signed_files
from seemachine.cli.answer import Answer, Refused
from seemachine.cli.in_files import is_standard_input, read_file, title
from seemachine.cli.message_verbs import Verbs
from seemachine.cli.message_verifying import check_content, read_key, tell_path, trusted
from seemachine.cli.signed_files import PublicValue, Work

if TYPE_CHECKING:
    from seemachine.cms.certificates import Certificate

MOST_CERTIFICATES = 1 << 20
# Of a message that verifies, what JSON has.
TOLD = ("signer", "hash", "signing_time", "path")
ENDINGS = {False: ".p7s", True: ".p7m"}


def run(verb: str, options: argparse.Namespace) -> int:
    """Run one verb. Returns the exit code."""
    from seemachine.cms.errors import CmsError

    return message_verbs.run(verb, options, Verbs(_sign, _verify, (CmsError,), TOLD))


def _sign(options: argparse.Namespace) -> int:
    from seemachine.cms import signing

    own, others = certificates(options.certificate)
    terms = signing.Terms(
        attached=options.attached,
        signed_attributes=not options.bare,
        moment=None if options.bare else signed_files.now(options),
        content_type=options.content_type or signing.DATA,
        by_key=options.by_key or own is None,
        others=() if options.no_certificates else others,
        with_certificate=not options.no_certificates,
    )
    content = _content(options.file)
    work = Work(
        "the message",
        partial(_over, options.bare),
        (options.file, *options.certificate),
        f"{options.file}{ENDINGS[options.attached]}",
        lambda key: signing.prepare(key, content, terms, own),
        partial(_check, None if options.attached else content),
        _in_pem if options.format == "pem" else None,
    )
    return signed_files.sign(work, options)


def _content(path: Path) -> bytes | Path:
    """A file, which can be read again, or what a pipe gave. Raises Refused."""
    from seemachine.cms.content import MOST_KEPT

    if not is_standard_input(path) and path.is_file():
        return path
    return read_file(path, MOST_KEPT)


def _over(bare: bool, key: PublicValue) -> str:
    from seemachine.cms.algorithms import TITLES, hash_of

    if bare:
        return "the content itself"
    name = TITLES[hash_of(key)]
    return f"the DER of its signed attributes, which have the {name} of the content"


def _in_pem(made: bytes) -> bytes:
    from seemachine.encodings.readings import armored

    return armored(made, "CMS").encode()


def certificates(paths: list[Path]) -> "tuple[Certificate | None, tuple[bytes, ...]]":
    """The signer's certificate, which is the first, and the others. Raises Refused."""
    from seemachine.cms.certificates import certificates_in, read
    from seemachine.cms.errors import CmsError

    found = []
    for path in paths:
        try:
            found += certificates_in(read_file(path, MOST_CERTIFICATES))
        except CmsError as error:
            raise Refused(f"{path}: {error}") from None
    try:
        return (read(found[0]) if found else None), tuple(found[1:])
    except CmsError as error:
        raise Refused(f"{paths[0]}: {error}") from None


def _check(content: bytes | Path | None, key: PublicValue, made: bytes) -> None:
    from seemachine.cms import reading, verifying

    verifying.verify(reading.read(made), key, content)


def _verify(options: argparse.Namespace) -> bytes | None:
    from seemachine.cms import reading, verifying

    answer: Answer = options.answer
    named = read_key(options) if options.key else None
    message = reading.read(read_file(options.message, reading.MOST_BYTES))
    answer.give(file=str(options.message), content=options.file and str(options.file))
    answer.give(attached=message.content is not None, certificates=len(message.certificates))
    check_content(options, message.content, "content")
    key, path = (named, ()) if named is not None else trusted([message], options)
    verified = verifying.verify(message, key, options.file and _content(options.file))
    moment = verified.signing_time
    answer.give(signer=verified.named, hash=verified.hash_name)
    answer.give(signing_time=moment and moment.isoformat(timespec="seconds"))
    when = f", signing time {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
    name = title(options.message)
    answer.say(f"{name}: verified; it names its signer by {verified.named}{when}")
    tell_path(path, options)
    if message.certificates and not path:
        answer.say("the certificates in it were not judged; the key is the one that you named")
    return message.content
