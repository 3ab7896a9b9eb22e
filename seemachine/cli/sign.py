"""`seemachine sign`: files, folders, lists of digests, standard input.

All that can be refused is refused before the first leaf, and each signature is verified before it
is written.
"""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from seeclient import blocking, environment, operations
from seeclient.algorithms import registry
from seeclient.environment import Environment
from seeclient.folders.asking import sign_asking
from seeclient.keyfile import KeyFile
from seeclient.message import Message
from seeclient.results import Signed
from seeclient.signing_options import SigningOptions
from seeclient.wanted import UNWATCHED, Wanted, Watch

from seemachine.cli import leaves
from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.cli.in_files import refuse_two_of_input
from seemachine.cli.out_files import STANDARD_OUTPUT, OutFile, lost
from seemachine.cli.refusals import refused
from seemachine.cli.sign_output import Told, whence
from seemachine.encodings.forms import write_signature
from seemachine.signing_files import manifests, outputs, sources
from seemachine.signing_files.manners import Manner
from seemachine.signing_files.places import decoded
from seemachine.signing_files.signing import FilesSigning
from seemachine.signing_files.sources import STANDARD_INPUT, Found, Source
from seemachine.signing_files.wishes import Wish
from seemachine.wire.status import StatusError


def run(options: argparse.Namespace) -> int:
    """Sign. Returns the exit code."""
    _check_words(options)
    answer: Answer = options.answer
    try:
        given = environment.from_process(options.environ, options.world)
        key = given.roster().load(options.alias)
        registry.of(key).check_options(_options(options))
        wish = Wish.of(key, options.preset, options.format, options.digest)
        found = _found(options).without_signatures()
        for source in found.sources:
            wish.check(source)
        if options.out == STANDARD_OUTPUT:
            return _to_standard_output(given, key, wish, found.sources, options)
        return _into_files(given, key, wish, found, options)
    except StatusError as error:
        raise refused(leaves.advised(error)) from None
    finally:
        answer.give(alias=options.alias)


def _check_words(options: argparse.Namespace) -> None:
    """What is wrong whatever the world looks like. Raises Misused."""
    words: Sequence[str] = options.files
    if not words and options.manifest is None:
        raise Misused("name files, folders, - for standard input, or a list with --manifest")
    refuse_two_of_input([*words, options.manifest])
    if options.preset and (options.format or options.digest):
        raise Misused("--preset says form and digest; leave out --format and --digest")


def _found(options: argparse.Namespace) -> Found:
    """Raises StatusError."""
    piped = None
    if STANDARD_INPUT in (*options.files, str(options.manifest)):
        piped = sources.piped(sys.stdin.buffer, sources.ITS_TITLE)
    out = None if options.out in (None, STANDARD_OUTPUT) else Path(options.out)
    found = sources.found(options.files, out, piped)
    if out is not None:
        outputs.refuse_around([Path(each) for each in options.files if Path(each).is_dir()], out)
    if options.manifest is None:
        return found
    listed = manifests.by_key(manifests.sources(options.manifest, piped))
    every = {each.key: each for each in found.sources} | listed
    return Found(list(every.values()), found.skipped, found.unsigned)


def _into_files(
    given: Environment, key: KeyFile, wish: Wish, found: Found, options: argparse.Namespace
) -> int:
    suffix, into_folder = wish.manner.written.suffix, _names_several(options)
    groups = outputs.tasks(found.sources, options.out, suffix, into_folder=into_folder)
    told = Told(options.answer, key, wish)
    told.skip(found)
    with contextlib.ExitStack() as stack:
        # Nobody is connected to where all signatures are there.
        signer = _Signer(given, key, options, stack)
        signing = stack.enter_context(
            FilesSigning(
                key,
                groups,
                wish.manner,
                signer.sign,
                told.take,
                force=options.force,
                umask=options.umask,
                allow_empty=options.allow_empty,
            )
        )
        _ask(signing.anew, signer, found, told, options)
        with told.interrupted(signing):
            signing.run()
    return told.end()


def _ask(
    anew: Sequence[str],
    signer: "_Signer",
    found: Found,
    told: Told,
    options: argparse.Namespace,
) -> None:
    """Of one file nobody is asked; but who signs a signature may have meant its file.

    Raises Refused, Misused, StatusError.
    """
    named, count = frozenset(anew), len(anew)
    of_others = [name for name in sources.signatures(found.sources) if name in named]
    told.tell_of_signatures(of_others)
    if count < 2 and not of_others:
        return
    if options.acknowledge is None:
        leaves.refuse_below_threshold(signer.fleet, signer.file, count)
    leaves.ask(signer.key, count, "signing", yes=options.yes)


def _names_several(options: argparse.Namespace) -> bool:
    """Whether there may be several files, however few there are now: then --out is a folder."""
    return options.manifest is not None or any(Path(each).is_dir() for each in options.files)


class _Signer:
    """Connects when it is first needed."""

    def __init__(
        self,
        given: Environment,
        key: KeyFile,
        options: argparse.Namespace,
        stack: contextlib.ExitStack,
    ) -> None:
        self._given, self.file, self._options, self._stack = given, key, options, stack
        self._fleet: blocking.Fleet | None = None

    @property
    def fleet(self) -> blocking.Fleet:
        """Raises StatusError."""
        if self._fleet is None:
            self._fleet = self._stack.enter_context(blocking.connected(self._given))
            leaves.tell_of_seeds(self._fleet, self._options.answer)
            self._fleet.roster.fitting(self.file)
        return self._fleet

    @property
    def key(self) -> blocking.Key:
        """Raises StatusError."""
        return self.fleet.key(self._options.alias)

    def sign(self, wanted: Sequence[Wanted], watch: Watch) -> None:
        """See seeclient.folders.signing.Sign."""
        sign_asking(self.fleet, self.file, wanted, _options(self._options), watch)


def _to_standard_output(
    given: Environment,
    key: KeyFile,
    wish: Wish,
    found: Sequence[Source],
    options: argparse.Namespace,
) -> int:
    """Raises StatusError."""
    if len(found) > 1:
        raise Misused("standard output takes one signature; name a folder with --out")
    out = OutFile(STANDARD_OUTPUT)
    out.check(text=wish.manner.written.is_text, as_json=options.answer.as_json)
    [source] = found
    manifests.check(source)
    if not options.allow_empty:
        sources.refuse_empty(source)
    signed = _one(given, key, wish.manner, source, options)
    manifests.check(source)
    data = write_signature(decoded(signed.signature, wish.manner), wish.manner.form)
    if trouble := out.put_signed(data):
        raise Refused(lost(trouble, signed.leaf))
    options.answer.note(f"{source.name}: signed{whence(signed)}, {wish.over}")
    return 0


def _one(
    given: Environment, key: KeyFile, manner: Manner, source: Source, options: argparse.Namespace
) -> Signed:
    """Signed and verified. Raises StatusError."""
    with contextlib.ExitStack() as stack:
        wanted = Wanted(0, Message(manner.message(source.content)))
        _Signer(given, key, options, stack).sign([wanted], UNWATCHED)
    if not isinstance(wanted.outcome, Signed):
        raise wanted.outcome or AssertionError("it has no outcome")
    operations.verify(key, Message(manner.message(source.content)), wanted.outcome.signature)
    return wanted.outcome


def _options(options: argparse.Namespace) -> SigningOptions:
    return SigningOptions(acknowledge=options.acknowledge)
