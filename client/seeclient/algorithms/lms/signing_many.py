"""Signing many messages, each with a leaf of its own, on all machines that hold leaves at once."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from seeclient import connecting, dispatch
from seeclient.algorithms.lms import notes
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.lane import Job, Lane
from seeclient.algorithms.lms.missing import no_signature
from seeclient.algorithms.lms.options import check_options
from seeclient.effects import Peer, Roster, Story
from seeclient.signing_options import SigningOptions
from seeclient.thresholds import reason
from seeclient.together import together
from seeclient.wanted import Wanted, Watch, left
from seemachine.wire.messages import NvmemfileInfo
from seemachine.wire.status import StatusError


def sign_many(
    roster: Roster,
    key: LmsKeyFile,
    wanted: Sequence[Wanted],
    options: SigningOptions,
    watch: Watch,
) -> Story[None]:
    """Give each an outcome. Machines share them by the leaves that each of them has.

    Who was asked before is asked again first. Raises StatusError for options that LMS does not
    have.
    """
    check_options(options)
    job = Job(roster, key, reason(options.acknowledge), watch)
    yield from _ask_again(job, [each for each in wanted if each.asked])
    job.out.clear()
    while rest := left(wanted):
        lanes = yield from _lanes(job, rest)
        if not lanes:
            break
        yield from together(lanes)
    if rest:
        refused = no_signature(roster, key, job.reasons)
        for each in rest:
            each.outcome = refused


def _ask_again(job: Job, wanted: Sequence[Wanted]) -> Story[None]:
    """Whoever was asked for these before, all such machines at once."""
    asked: dict[str, dict[str, list[Wanted]]] = {}
    for each in wanted:
        noted = notes.read(each.asked)
        assert noted is not None
        asked.setdefault(noted.esn, {}).setdefault(each.asked, []).append(each)
    yield from together([_ask_one_again(job, esn, noted) for esn, noted in asked.items()])


def _ask_one_again(job: Job, esn: str, asked: dict[str, list[Wanted]]) -> Story[None]:
    """By note. Once the machine does not answer, it is not waited for again."""
    gone: StatusError | None = None
    for note, wanted in asked.items():
        if gone is None:
            gone = yield from _ask_for_noted(job, esn, note, wanted)
        for each in left(wanted) if gone else ():
            each.outcome = gone


def _ask_for_noted(
    job: Job, esn: str, note: str, wanted: list[Wanted]
) -> Story[StatusError | None]:
    """Why the machine does not answer, if it does not."""
    try:
        peer = dispatch.machine(job.roster, esn)
    except StatusError as gone:
        return gone
    job.out.discard(peer)
    yield from Lane(job, peer, wanted, notes.read(note)).run()
    refusals = [each.outcome for each in wanted if isinstance(each.outcome, StatusError)]
    return next((each for each in refusals if each.where == connecting.CONNECT), None)


def _lanes(job: Job, wanted: Sequence[Wanted]) -> Story[list[Story[None]]]:
    """A lane for each machine that has leaves for us; none where no machine has."""
    try:
        held = yield from dispatch.holders(job.roster, job.key.name)
    except StatusError as refused:
        job.reasons.append(refused)
        return []
    able = [each for each in held if each[0] not in job.out and not _in_quarantine(job, *each)]
    # The others may have been signed by the key's signer too, as an extra: that is asked last.
    own = [each for each in able if dispatch.is_of(each[0], job.key.signer)] or able
    parts = shares(wanted, [info.remaining for _, info in own])
    return [
        Lane(job, peer, part).run(load=not info.loaded)
        for (peer, info), part in zip(own, parts, strict=True)
        if part
    ]


def _in_quarantine(job: Job, peer: Peer, info: NvmemfileInfo) -> bool:
    if info.quarantined:
        job.reasons.append(dispatch.in_quarantine(peer, info))
        job.out.add(peer)
    return info.quarantined


def shares(wanted: Sequence[Wanted], leaves: Sequence[int]) -> list[Sequence[Wanted]]:
    """What goes to each machine: in proportion to the leaves that it has."""
    sums = [0, *accumulate(max(1, each) for each in leaves)]
    cuts = [round(len(wanted) * each / sums[-1]) for each in sums] if leaves else []
    return [wanted[start:end] for start, end in pairwise(cuts)]
