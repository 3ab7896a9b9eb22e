"""What tests assert of leaves, with words that say what was found.

    testing.no_leaf_twice(fleet, signatures=made)
    assert testing.leaves_used(key) == 3
    assert testing.exhausted(key)
    assert not testing.quarantined(fleet)

A subject is a fleet or Rig of seemachine.testing, a fleet of seeclient.blocking, a world or its
folder. Machines of this process are looked at without a request: no fault or latency is met.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from seeclient.keyfile import KeyFile
from seeclient.keys import KeyStore

from seemachine.audit.evidence import Evidence, Known
from seemachine.audit.findings import BAD, REUSE, UNREAD, Finding
from seemachine.audit.judge import judge
from seemachine.lms.hss import HssPublicKey
from seemachine.state.errors import counted
from seemachine.testing.assertions.answers import Answer, LeavesUsed, few, ranges
from seemachine.testing.assertions.collected import Collected, contradictions, evidence_of
from seemachine.testing.assertions.holdings import Held, Names, held_by, overlaps, used_and_held
from seemachine.testing.assertions.looking import Looked, look, world_of
from seemachine.wire.messages import Suspect
from seemachine.wire.status import StatusError
from seemachine.world import World


def no_leaf_twice(subject: object = None, *, signatures: Iterable[Collected] = ()) -> str:
    """Hold the ledgers, NVRAMs and cards of a subject, and signatures, against each other.

    `signatures` are bytes, pairs of a message and its signature, what `sign_with` gave, or files
    and folders of signatures. With messages they are also held against the ledgers.

    Returns a sentence that says how much was looked at, how many signatures were not verified
    because their message or key is not here, and which machines are down. Raises AssertionError
    when a leaf signed two messages, or could: it is held in two places, or was handed out and is
    held still. Also for a signature that does not verify, when there was nothing to look at, and
    when something did not tell.
    """
    __tracebackhide__ = True
    evidence = evidence_of(signatures)
    looked, held, down = _gathered(subject, evidence)
    wrong = [each.what for each in judge(evidence, reuse_only=True).findings if _is_wrong(each)]
    wrong += contradictions(evidence.signatures)
    names = _names(subject)
    wrong += overlaps(held, names)
    wrong += used_and_held(held, evidence.handed, names)
    if wrong:
        raise AssertionError("\n".join(few(wrong)))
    if not (looked or held or evidence.signatures):
        raise AssertionError(
            "nothing to look at: no machine is up, no card has leases and no signature was given"
        )
    return f"no leaf twice in {'; '.join([_amounts(evidence, looked, held), *down])}"


def _gathered(subject: object, evidence: Evidence) -> tuple[list[Looked], list[Held], list[str]]:
    """What a subject says, put into the evidence; and which machines are down."""
    __tracebackhide__ = True
    looked, down, held = list[Looked](), list[str](), list[Held]()
    if subject is not None:
        looked, down = _looked(subject)
        held = held_by(looked, world_of(subject))
        evidence.handed += [row for machine in looked for row in machine.rows]
        evidence.keys += _keys(world_of(subject))
    return looked, held, down


def _amounts(evidence: Evidence, looked: list[Looked], held: list[Held]) -> str:
    """How much was looked at, in words."""
    unverified = sum(each.owner is None for each in evidence.signatures)
    cards = {each.place for each in held} - {machine.esn for machine in looked}
    signatures = counted(len(evidence.signatures), "signature")
    return ", ".join(
        (
            f"{signatures} ({unverified} not verified)" if unverified else signatures,
            counted(len(evidence.handed), "row"),
            counted(len(looked), "machine"),
            counted(len(cards), "card"),
        )
    )


def _looked(subject: object) -> tuple[list[Looked], list[str]]:
    """See look. Raises AssertionError where one does not tell."""
    __tracebackhide__ = True
    try:
        return look(subject)
    except StatusError as error:
        raise AssertionError(f"a machine did not tell: {error.detail}") from error


def _all_of(subject: object) -> list[Looked]:
    """The same of all machines: whoever counts, misses those that are down. Raises
    AssertionError.
    """
    __tracebackhide__ = True
    looked, down = _looked(subject)
    if not looked or down:
        why = "; ".join(down) or f"no machine of {world_of(subject)} is up"
        raise AssertionError(f"not all machines tell: {why}")
    return looked


def _keys(world: World) -> Iterator[Known]:
    store = KeyStore(world.keys)
    for alias in store.known().values():
        file: Any = store.load(alias)
        yield Known(alias, HssPublicKey(1, file.key), file.sectors.signatures_per_lease)


def _names(subject: object) -> Names:
    return Names({} if subject is None else KeyStore(world_of(subject).keys).known())


def _is_wrong(finding: Finding) -> bool:
    return finding.kind in (REUSE, BAD, UNREAD)


def leaves_used(key: Any, subject: object = None) -> LeavesUsed:
    """How many leaves of a key were handed out, as the ledgers of the machines say: also those
    whose signature never arrived.

    `subject` is where to look; without it at the fleet of the key. Raises AssertionError where a
    machine does not tell, or is down.
    """
    __tracebackhide__ = True
    file = _file_of(key)
    where: dict[str, set[int]] = {}
    for machine in _all_of(_subject_of(key, subject)):
        leaves = {row.leaf for row in machine.rows if row.file == file.name}
        if leaves:
            where[machine.esn] = leaves
    used = LeavesUsed(len(set().union(*where.values())))
    places = "; ".join(f"{ranges(leaves)} on {esn}" for esn, leaves in where.items())
    used.sentence = f"{int(used)} of {file.alias} ({places or 'no leaf in any ledger'})"
    return used


def exhausted(key: Any, subject: object = None) -> Answer:
    """Whether no leaf of a key is left: in NVRAMs, in quarantine or not, and on cards. Raises
    AssertionError where a machine does not tell, or is down.
    """
    __tracebackhide__ = True
    file, where = _file_of(key), _subject_of(key, subject)
    held = [each for each in held_by(_all_of(where), world_of(where)) if each.file == file.name]
    if not held:
        return Answer(True, f"no leaf of {file.alias} is left", "exhausted")
    places = [f"{each.place} holds {each.leaves}{_withheld(each)}" for each in held]
    left = f"{file.alias} is not exhausted: {'; '.join(few(places))}"
    return Answer(False, left, "exhausted")


def quarantined(subject: object) -> Answer:
    """Whether anything is in quarantine; what, by iterating: pairs of an ESN and a Suspect. Raises
    AssertionError where a machine does not tell, or is down.
    """
    __tracebackhide__ = True
    names = _names(subject)
    found = [(each.esn, suspect) for each in _all_of(subject) for suspect in each.suspects]
    sentences = [f"{_what(suspect, names)} on {esn}: {suspect.reason}" for esn, suspect in found]
    told = f"in quarantine: {'; '.join(few(sentences))}" if found else "nothing is in quarantine"
    return Answer(bool(found), told, "quarantined", found)


def _file_of(key: Any) -> KeyFile:
    file = getattr(key, "file", None)
    if not isinstance(file, KeyFile) or not file.name:
        raise TypeError(f"give an LMS key of a fleet, such as fleet.key('release'), not {key!r}")
    return file


def _subject_of(key: Any, subject: object) -> object:
    return key.fleet if subject is None else subject


def _withheld(held: Held) -> str:
    return " in quarantine" if held.withheld else ""


def _what(suspect: Suspect, names: Names) -> str:
    if not suspect.file:
        return f"half-made key {suspect.label}"
    return f"leaves {suspect.next} to {suspect.end - 1} of {names[suspect.file]}"
