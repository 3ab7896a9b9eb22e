"""What `cms verify`, `jar verify` and `cose verify` do alike: a verdict, its exit code, and with
`--out` what is in the message, which nobody gets before it is verified.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.in_files import read_file, title
from seemachine.cli.key_alias import refuse_alias
from seemachine.cli.out_files import OutFile
from seemachine.cli.refusals import failure_of
from seemachine.cli.signed_files import PublicValue, files_read
from seemachine.cli.verify_output import tell_of_mark
from seemachine.encodings.kinds import FormError
from seemachine.encodings.readings import MAX_TEXT
from seemachine.encodings.recognition import recognized_key
from seemachine.wire.status import Status, StatusError

if TYPE_CHECKING:
    from seemachine.cms.reading import SignedMessage
    from seemachine.x509.paths import CertificationPath

# Judges a message, and returns what is in it; None where that is elsewhere.
Look = Callable[[argparse.Namespace], bytes | None]


def verify(
    look: Look, options: argparse.Namespace, damaged: tuple[type[Exception], ...], *told: str
) -> int:
    """Judge a message; `damaged` is raised for what no key could make good, `told` are fields of
    one that is good. Returns the exit code: 1 is that of one that is not, so where nothing could be
    judged, it is 2.
    """
    answer: Answer = options.answer
    answer.code_unwritten = 2
    try:
        return _judged(look, options)
    except damaged as error:
        return _not_verified(f"{title(_message(options))}: {error}", answer, told)
    except BrokenPipeError:
        raise
    except (Refused, StatusError, OSError, ModuleNotFoundError) as error:
        if isinstance(error, StatusError) and error.status is Status.VerifyFailed:
            return _not_verified(error.detail, answer, told)
        raise _unjudged(error, answer) from None


def _judged(look: Look, options: argparse.Namespace) -> int:
    answer: Answer = options.answer
    out = _out(options)
    # Lines for people are not part of what goes to standard output.
    aside = contextlib.redirect_stdout(sys.stderr)
    with aside if out and out.is_stream else contextlib.nullcontext():
        content = look(options)
    answer.give(verified=True)
    if out:
        _put(content, out)
        answer.give(out=out.name)
    return 0


def _not_verified(why: str, answer: Answer, told: tuple[str, ...]) -> int:
    answer.give(verified=False, **dict.fromkeys(told))
    answer.say(f"NOT VERIFIED: {why}")
    return answer.found(why)


def _message(options: argparse.Namespace) -> Path:
    """A JAR has its content in it, and no other word for it."""
    found: Path = vars(options).get("message") or options.file
    return found


def _unjudged(error: Exception, answer: Answer) -> Refused:
    failure = failure_of(error, answer.command)
    refusal = Refused(failure.message)
    refusal.failure = failure._replace(exit_code=2)
    return refusal


def check_content(options: argparse.Namespace, inside: bytes | None, what: str) -> None:
    """Whether the words name what is signed, `what` it is called, once: a file, or what is
    `inside` the message. Raises Misused.
    """
    message = title(options.message)
    if inside is not None and options.file:
        raise Misused(f"{message} has its {what} in it; leave out {title(options.file)}")
    if inside is None and options.out:
        raise Misused(f"{message} is detached, so there is no {what} for --out to write")
    if inside is None and not options.file:
        raise Misused(f"{message} is detached; name the file with its {what}, too")


def _out(options: argparse.Namespace) -> OutFile | None:
    name = vars(options).get("out")
    if name is None:
        return None
    out = OutFile(name, options.force, options.umask)
    out.check(files_read(options), text=False, as_json=options.answer.as_json)
    return out


def _put(content: bytes | None, out: OutFile) -> None:
    assert content is not None
    if trouble := out.put(content):
        raise Refused(f"it is verified, but could not be written: {trouble}")


def trusted(
    messages: "Iterable[SignedMessage]", options: argparse.Namespace
) -> "tuple[PublicValue, CertificationPath]":
    """The key of a signer of one of them, by `--root`, and his certificate with those above it.
    Raises Refused, CmsError; StatusError (VerifyFailed).
    """
    # It needs a package that others do without.
    from seemachine.cli import cms_trust

    return cms_trust.signer(messages, options)


def tell_path(path: "CertificationPath", options: argparse.Namespace) -> None:
    """Which certificates were believed, if any."""
    if not path:
        options.answer.give(path=None)
        return
    from seemachine.cli import cms_trust

    cms_trust.tell(path, options)


def read_key(options: argparse.Namespace) -> PublicValue:
    """The public key of `--key`, in whatever form it was given out, or the certificate of one; `-`
    is standard input. Raises Refused.
    """
    path: Path = options.key
    refuse_alias(str(path), options.world)
    try:
        key = recognized_key(read_file(path, MAX_TEXT)).key
    except FormError as error:
        raise Refused(error.about(title(path))) from None
    tell_of_mark([key], options.answer)
    return key
