"""`seemachine jar ...`: JAR files that Java verifies."""

import argparse
from pathlib import Path

from seemachine.cli import message_verbs, signed_files
from seemachine.cli.answer import Answer
from seemachine.cli.cms import certificates
from seemachine.cli.in_files import read_file, title
from seemachine.cli.message_verbs import Verbs
from seemachine.cli.message_verifying import read_key, tell_path, trusted
from seemachine.cli.signed_files import PublicValue, Work


def run(verb: str, options: argparse.Namespace) -> int:
    """Run one verb. Returns the exit code."""
    from seemachine.cms.errors import CmsError
    from seemachine.jar.errors import JarError

    return message_verbs.run(
        verb, options, Verbs(_sign, _verify, (CmsError, JarError), ("entries", "path"))
    )


def _sign(options: argparse.Namespace) -> int:
    from seemachine.jar import checking, signing

    own, others = certificates(options.certificate)
    assert own is not None
    jar = read_file(options.file, signing.MOST_BYTES)
    name = options.name or signing.signer_name(options.alias)
    moment = signed_files.now(options)

    def prepare(key: PublicValue) -> signing.Prepared:
        prepared = signing.prepare(jar, key, own, name, moment=moment, others=others)
        options.answer.give(entries=prepared.signed_entries, signer=name)
        return prepared

    work = Work(
        "the signed JAR",
        lambda _key: f"the signed attributes of META-INF/{name}.SF, which has all digests",
        (options.file, *options.certificate),
        str(_beside(options.file)),
        prepare,
        checking.check,
    )
    return signed_files.sign(work, options)


def _verify(options: argparse.Namespace) -> None:
    from seemachine.jar import checking, signing

    answer: Answer = options.answer
    named = read_key(options) if options.key else None
    jar = read_file(options.file, signing.MOST_BYTES)
    answer.give(file=str(options.file))
    key, path = (named, ()) if named is not None else trusted(checking.blocks(jar), options)
    entries = checking.check(key, jar)
    answer.give(entries=entries)
    covered = "1 entry" if entries == 1 else f"{entries} entries"
    answer.say(f"{title(options.file)}: verified, {covered}")
    tell_path(path, options)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-signed{path.suffix or '.jar'}")
