"""`seemachine caliptra ...`: bundles of Caliptra's offline signing."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seeclient import blocking, environment
from seeclient.algorithms import registry
from seeclient.environment import Environment
from seeclient.folders.asking import sign_asking
from seeclient.keyfile import KeyFile
from seeclient.signing_options import SigningOptions
from seeclient.wanted import Wanted, Watch

from seemachine.caliptra import labels, requests
from seemachine.caliptra.bundles import keys
from seemachine.caliptra.bundles.files import SIGNATURES, SignaturesFile, read
from seemachine.caliptra.bundles.signing import BundleSigning
from seemachine.caliptra.bundles.verifying import verify
from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.keys import CaliptraKey
from seemachine.caliptra.requests import SigningRequest
from seemachine.caliptra.signatures import Signatures
from seemachine.chance.mark import is_marked_key
from seemachine.cli import caliptra_output as output
from seemachine.cli import leaves
from seemachine.cli.answer import Answer, Refused, misused
from seemachine.cli.out_files import OutFile
from seemachine.cli.refusals import refused
from seemachine.wire.status import StatusError


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one thing. Returns the exit code."""
    # Of `verify`, 1 is that a signature is not good.
    code = options.answer.code_unwritten = 2 if verb == "verify" else 1
    try:
        return VERBS[verb](options, options.answer)
    except StatusError as error:
        raise refused(leaves.advised(error), code) from None
    except CaliptraError as error:
        raise Refused(str(error), code) from None


def _sign(options: argparse.Namespace, answer: Answer) -> int:
    request, named = _request(options)
    given = _environment(options)
    targets = request.chosen(options.targets)
    jobs = keys.jobs(targets, labels.of_targets(targets, named), given.roster().load)
    _tell_of_mark(answer, marked=any(job.file.marked for job in jobs))
    place = SignaturesFile(_signatures(options), options.umask)
    answer.give(request=str(options.request), signatures=str(place.name))
    with BundleSigning(place, jobs, force=options.force) as signing:
        if not signing.wanted:
            return output.told(place, signing.run(lambda *_: None), answer)
        with blocking.connected(given) as fleet:
            _agree(fleet, signing, options)
            outcomes = signing.run(_signer(fleet, options.acknowledge))
        return output.told(place, outcomes, answer)


def _agree(fleet: blocking.Fleet, signing: BundleSigning, options: argparse.Namespace) -> None:
    """Return if each key can sign all that it is to sign, and a person wants what takes leaves."""
    for key in {job.file.alias: job.file for job in signing.fresh}.values():
        fleet.roster.fitting(key)
        fleet.run(registry.of(key).look_for(fleet.roster, key))
    if options.acknowledge is None:
        for jobs in signing.anew.values():
            leaves.refuse_below_threshold(fleet, jobs[0].file, len(jobs))
    for alias, jobs in signing.anew.items():
        leaves.ask(fleet.key(alias), len(jobs), output.signing(jobs), yes=options.yes)


def _signer(
    fleet: blocking.Fleet, reason: str | None
) -> Callable[[KeyFile, Sequence[Wanted], Watch], None]:
    def sign(key: KeyFile, wanted: Sequence[Wanted], watch: Watch) -> None:
        # Only a key with leaves has a threshold.
        chosen = SigningOptions(acknowledge=reason if key.name else None)
        sign_asking(fleet, key, wanted, chosen, watch)

    return sign


def _verify(options: argparse.Namespace, answer: Answer) -> int:
    request, named = _request(options)
    load = _environment(options).roster().load
    targets = request.chosen(options.targets)
    wanted = labels.of_targets(targets, named)
    known = {target.pqc_key: keys.public_key(wanted[target.name], load) for target in targets}
    path = _signatures(options)
    _tell_of_mark(answer, marked=any(is_marked_key(key.data) for key in known.values()))
    found = SignaturesFile(path).read() if path.exists() else _missing(path)
    answer.give(request=str(options.request), signatures=str(path))
    return output.judged(path, verify(targets, known, found), answer)


def _missing(path: Path) -> Signatures:
    raise CaliptraError(f"there is no {path}; name it with --signatures")


def _show(options: argparse.Namespace, answer: Answer) -> int:
    key = keys.public_key(options.name, _environment(options).roster().load)
    _tell_of_mark(answer, marked=is_marked_key(key.data))
    answer.give(**output.key_json(options.name, key))
    out = None if options.out is None else _written(options, key)
    if out is None or not out.is_stream:
        answer.say(*output.key_lines(options.name, key), sep="\n")
    if out is not None:
        answer.give(file=out.name)
        if not out.is_stream:
            answer.say(f"written to {out.name}")
    return 0


def _written(options: argparse.Namespace, key: CaliptraKey) -> OutFile:
    """Where the key is. Raises Refused, Misused."""
    out = OutFile(options.out, options.force, options.umask)
    out.check(text=options.format == "pem", as_json=options.json)
    if refusal := out.put(key.data if options.format == "raw" else key.pem.encode()):
        raise Refused(refusal)
    return out


def _request(options: argparse.Namespace) -> tuple[SigningRequest, Mapping[str, str]]:
    """What is asked for, and the key of each label that one is given for."""
    with misused(CaliptraError):
        given = labels.pairs(options.keys)
    request = read(options.request, requests.read)
    labels.refuse_strangers(request, given)
    return request, (read(options.table, labels.table) if options.table else {}) | given


def _tell_of_mark(answer: Answer, *, marked: bool) -> None:
    if marked:
        answer.note("INSECURE: a key is of a seeded world, and anybody can make it again")


def _signatures(options: argparse.Namespace) -> Path:
    found: Path = options.signatures or options.request.parent / SIGNATURES
    for other in filter(None, (options.request, options.table)):
        if found.exists() and found.samefile(other):
            raise CaliptraError(f"{found} is what is read; name another file with --signatures")
    return found


def _environment(options: argparse.Namespace) -> Environment:
    return environment.from_process(options.environ, options.world)


VERBS: dict[str, Callable[[argparse.Namespace, Answer], int]] = {
    "sign": _sign,
    "verify": _verify,
    "key": _show,
}
