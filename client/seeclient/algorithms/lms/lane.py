"""What one machine is asked for, of many messages that are to be signed."""

from collections import deque
from collections.abc import Iterable
from functools import partial

from seeclient import connecting, sightings
from seeclient.algorithms.lms import notes, persisting, replies
from seeclient.algorithms.lms.frames import Frame, next_frame, room
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.algorithms.lms.notes import Noted
from seeclient.algorithms.lms.passing_over import pass_over
from seeclient.algorithms.lms.signing import Wish, checked, new_token
from seeclient.effects import Peer, Roster, Story, work
from seeclient.results import Signed
from seeclient.sightings import Leases
from seeclient.wanted import Wanted, Watch
from seemachine.frozen import field, frozen
from seemachine.wire.messages import NvmemfileSigned, NvmemfileSignMany
from seemachine.wire.status import Status, StatusError

# What says nothing of other messages, such as that a token stands for another one.
OF_MESSAGES = (Status.InvalidParameter, Status.ObjectInUse)


@frozen
class Job:
    """What all lanes have in common. `why` acknowledges that few leaves are left.

    `reasons`: why machines have none for us; `out`: those machines. `leaves`: those that signed.
    """

    roster: Roster
    key: LmsKeyFile
    why: str
    watch: Watch
    reasons: list[StatusError] = field(default_factory=list)
    out: set[Peer] = field(default_factory=set)
    leaves: set[int] = field(default_factory=set)


class Lane:
    """One machine and what it is to sign.

    What it has no leaf for, and another may have, is left without an outcome; it is out then.
    `noted`: it was asked for these before.
    """

    def __init__(
        self, job: Job, peer: Peer, waiting: Iterable[Wanted], noted: Noted | None = None
    ) -> None:
        self._job, self._peer = job, peer
        self._waiting = deque(waiting)
        self._noted = noted
        self._may_load = bool(job.key.cache)
        # What was known before what waits first was asked for, if it was.
        self._known: Leases | None = None

    def run(self, *, load: bool = False) -> Story[None]:
        """One request after another. `load`: the machine wants the node cache first."""
        if load:
            yield from self._load()
        size = room(self._peer, self._job.key)
        while self._waiting and self._peer not in self._job.out:
            frame = yield from work(partial(next_frame, self._waiting, size))
            try:
                yield from self._ask(frame)
            except StatusError as refusal:
                if self._load_helps([refusal]):
                    yield from self._load_and_wait(frame.wanted)
                else:
                    self._end(frame, refusal)
                continue
            self._tell(frame)
            refused = [each for each in frame.wanted if isinstance(each.outcome, StatusError)]
            if self._load_helps([each.outcome for each in refused]):
                yield from self._load_and_wait(refused)
            else:
                self._pass_over(refused)
                self._known = None

    def _load_helps(self, refusals: Iterable[object]) -> bool:
        """Whether the machine may have been started anew, and want the nodes before it gives again
        what it signed.
        """
        return self._may_load and any(
            isinstance(each, StatusError) and each.status is Status.NotAvailable
            for each in refusals
        )

    def _load_and_wait(self, wanted: list[Wanted]) -> Story[None]:
        for each in reversed(wanted):
            each.outcome = None
            self._waiting.appendleft(each)
        yield from self._load()

    def _load(self) -> Story[None]:
        """Where that fails, so does what is asked next, and says why."""
        self._may_load = False
        try:
            yield from persisting.load(self._peer, self._job.key)
        except StatusError:
            return

    def _ask(self, frame: Frame) -> Story[None]:
        """Give each of a frame an outcome. Raises StatusError where none has one."""
        if self._known is None:
            self._known = self._job.roster.sightings.recall(self._peer.esn, self._job.key)
            if self._noted and self._noted.is_of(self._peer):
                self._known = self._noted.leases
        if frame.messages:
            yield from self._ask_whole(frame, self._known)
        else:
            for each in frame.wanted:
                yield from self._ask_hashed(each, self._known)

    def _ask_whole(self, frame: Frame, known: Leases) -> Story[None]:
        job, peer, wanted = self._job, self._peer, frame.wanted
        for each in wanted:
            each.token = each.token or new_token()
        if job.watch.asking is not None:
            job.watch.asking(wanted, notes.written(peer, known))
        request = NvmemfileSignMany(
            file=job.key.name,
            tokens=[each.token for each in wanted],
            messages=frame.messages,
            acknowledge=job.why,
        )
        reply = yield from persisting.persist(peer, job.key, request)
        outcomes = replies.outcomes(peer, reply, len(wanted))
        leaves = replies.leaves(outcomes)
        replies.refuse_doubles(peer, leaves, job.leaves)
        # Before anybody sees the signatures: a leaf that was seen already may have signed something
        # else.
        job.roster.sightings.check_all(peer.esn, job.key, known, leaves)
        for each, outcome in zip(wanted, outcomes, strict=True):
            each.outcome = outcome

    def _ask_hashed(self, wanted: Wanted, known: Leases) -> Story[None]:
        """A message that is too long to be sent."""
        job, peer = self._job, self._peer
        try:
            made = yield from self._made(wanted, known)
        except StatusError as refusal:
            if refusal.where == connecting.CONNECT:
                raise
            wanted.outcome = refusal
            return
        replies.refuse_doubles(peer, [made.leaf], job.leaves)
        wanted.outcome = Signed(made.signature, peer.esn, made.leaf, made.remaining)

    def _made(self, wanted: Wanted, known: Leases) -> Story[NvmemfileSigned]:
        """Acknowledged only if it has to be, as a machine does it for those that are sent."""
        asking, told = self._job.watch.asking, None
        if asking is not None:
            wanted.token, told = wanted.token or new_token(), partial(asking, [wanted])
        wish = Wish(self._job.key, wanted.message, "", wanted.token, told)
        try:
            return (yield from self._checked(wish, known))
        except StatusError as refusal:
            if refusal.status is Status.ObjectInUse and wanted.token:
                # The machine was started anew between the two halves, and has given the leaf up.
                wish.token = wanted.token = new_token()
            elif refusal.status is Status.UseLimitExceeded and self._job.why:
                wish.why = self._job.why
            else:
                raise
        return (yield from self._checked(wish, known))

    def _checked(self, wish: Wish, known: Leases) -> Story[NvmemfileSigned]:
        roster, peer = self._job.roster, self._peer
        return (yield from checked(roster, peer, wish, known, load=False, again=False))

    def _tell(self, frame: Frame) -> None:
        for each in frame.wanted:
            if isinstance(each.outcome, Signed):
                self._job.roster.signers[self._job.key.name] = self._peer
                self._job.watch.progress(each.place, each.outcome)

    def _pass_over(self, refused: list[Wanted]) -> None:
        for each in refused:
            assert isinstance(each.outcome, StatusError)
            if self._is_late(each.outcome):
                each.token, each.outcome = new_token(), None
                continue
            each.outcome = self._final(each.outcome)
            if each.outcome is None:
                self._job.out.add(self._peer)

    def _end(self, frame: Frame, refusal: StatusError) -> None:
        """Nothing of a frame is signed."""
        self._known = None
        if self._is_late(refusal):
            for each in frame.wanted:
                each.token = new_token()
            return
        final = self._final(refusal)
        for each in frame.wanted:
            each.outcome = final
        if final is not None and refusal.status in OF_MESSAGES:
            return
        self._job.roster.signers.pop(self._job.key.name, None)
        self._job.out.add(self._peer)
        # What was not asked for yet may be signed elsewhere where a machine is gone; what else this
        # one refuses, it would refuse of the rest too.
        if self._noted or refusal.where != connecting.CONNECT:
            for each in self._waiting:
                each.outcome = final

    def _is_late(self, refusal: StatusError) -> bool:
        """Whether these leaves were asked for in an earlier opening, and seen meanwhile, perhaps by
        whoever broke off: then nobody can tell them from those of an NVRAM that was put back. They
        are lost, and others taken.
        """
        late = self._noted is not None and not self._noted.is_of(self._peer)
        return late and refusal.where == sightings.WHERE

    def _final(self, refusal: StatusError) -> StatusError | None:
        """The refusal where no other machine is to be asked; None where one may be."""
        # While nobody knows whether this machine took a leaf, no other takes one.
        if self._noted and refusal.where == connecting.CONNECT:
            return refusal
        job = self._job
        try:
            pass_over(self._peer, job.key, refusal, job.reasons, unsettled_ends=True)
        except StatusError as final:
            return final
        return None
