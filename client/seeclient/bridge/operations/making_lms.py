"""A new LMS key, which an earlier helper may have begun for the same question."""

from seeclient import dispatch
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.bridge.algorithm_names import LmsName
from seeclient.bridge.errand import Errand
from seeclient.events import Event, Started
from seeclient.keyfile import KeyFile
from seemachine.wire.messages import ResumeLms
from seemachine.wire.status import Status, StatusError


def make(errand: Errand, alias: str, wanted: LmsName) -> KeyFile:
    """The note is the machine that began it: from then on the alias is this question's there, and
    a half-made key of it is this one. Raises StatusError.
    """
    return _go_on(errand, alias, wanted) if errand.noted else _begin(errand, alias, wanted)


def _begin(errand: Errand, alias: str, wanted: LmsName) -> KeyFile:
    fleet = errand.fleet
    choice = dispatch.for_generation(fleet.roster, "", cards=sum(wanted[2:]) > 0, slot=None)
    peer, _ = fleet.run(choice)

    def note(event: Event) -> None:
        if isinstance(event, Started):
            errand.note(peer.esn)

    return fleet.generate_lms(
        alias,
        wanted.lms,
        wanted.lmots,
        expcards=wanted.expcards,
        explease=wanted.explease,
        esn=peer.esn,
        progress=note,
    ).file


def _go_on(errand: Errand, alias: str, wanted: LmsName) -> KeyFile:
    try:
        return _checked(errand.fleet.resume_lms(alias, esn=errand.noted).file, wanted)
    except StatusError as refused:
        # Of a machine that is not there it is not known how far it came.
        if refused.status is not Status.UnknownID or refused.where != ResumeLms.NAME:
            raise
    if errand.keys.has(alias):
        key = errand.keys.load(alias)
        # Finished: only the reply is missing.
        if key.made is not None and key.made.esn == errand.noted and _is_like(key, wanted):
            return key
    return _begin(errand, alias, wanted)


def _checked(key: KeyFile, wanted: LmsName) -> KeyFile:
    """Who replaced the half-made key by another has its alias. Raises StatusError."""
    if _is_like(key, wanted):
        return key
    detail = f"another client replaced the half-made key {key.alias} by one of other parameters"
    raise StatusError(Status.ObjectInUse, detail, ResumeLms.NAME)


def _is_like(key: KeyFile, wanted: LmsName) -> bool:
    if not isinstance(key, LmsKeyFile):
        return False
    made = (key.key.tree.name, key.key.ots.name, key.expcards, key.explease)
    return made == tuple(wanted)
