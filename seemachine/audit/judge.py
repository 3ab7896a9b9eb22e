"""What the evidence proves.

A leaf is named by its key and number; two signatures of one leaf that differ give the key away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seemachine.audit.doubles import doubles
from seemachine.audit.evidence import Evidence
from seemachine.audit.findings import BAD, GAP, INSECURE, NOTE, REUSE, UNREAD, Finding
from seemachine.audit.ledgers import against_ledgers, gaps, ledger_doubles
from seemachine.audit.proving import Keys
from seemachine.audit.unproven import unproven
from seemachine.chance.mark import is_marked
from seemachine.lms import engines

ORDER = (REUSE, BAD, INSECURE, UNREAD, GAP, NOTE)
WRONG = (REUSE, BAD)


@dataclass
class Verdict:
    """All findings, and how much was looked at."""

    findings: list[Finding]
    verified: int
    signatures: int
    keys: int
    rows: int

    @property
    def wrong(self) -> bool:
        """A leaf was used twice, or a signature is bad."""
        return any(finding.kind in WRONG for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Everything could be read and verified."""
        return not any(finding.kind == UNREAD for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Everything was looked at, and nothing is wrong."""
        return self.complete and not self.wrong


def _summed(findings: Sequence[Finding]) -> list[Finding]:
    """With one note for all that needs no more."""
    notes = [finding for finding in findings if finding.kind == NOTE]
    if len(notes) < 2:
        return list(findings)
    sources = tuple(source for note in notes for source in note.sources)
    what = f"{len(notes)} signatures are not verified: their messages or keys are not here"
    return [*(each for each in findings if each.kind != NOTE), Finding(NOTE, what, sources)]


def _seeded(keys: Keys) -> Iterator[Finding]:
    """Of keys that prove nothing: leaves are told apart all the same."""
    for known in (known for each in keys.by_kind.values() for known in each):
        if is_marked(known.key.key.identifier):
            what = f"{known.source}: a key of a seeded world, whose signatures anybody can make"
            yield Finding(INSECURE, what, (known.source,))


def judge(evidence: Evidence, *, reuse_only: bool = False) -> Verdict:
    """Look at everything. Asked for reuse alone, a signature needs no key and no message."""
    keys, signatures = Keys(), evidence.signatures
    keys.add(sorted(evidence.keys, key=lambda known: known.source))
    missing = NOTE if reuse_only else UNREAD
    findings = [Finding(UNREAD, what) for what in evidence.unread]
    without = list(unproven(engines.select(), keys, evidence, missing))
    findings += _summed(without) if reuse_only else without
    findings += doubles(signatures)
    findings += ledger_doubles(evidence.handed)
    findings += against_ledgers(signatures, evidence.handed)
    findings += gaps(evidence)
    findings += _seeded(keys)
    public = {known.key.key for each in keys.by_kind.values() for known in each}
    public |= {key for signature in signatures for key in signature.keys}
    return Verdict(
        findings=sorted(findings, key=lambda finding: ORDER.index(finding.kind)),
        verified=sum(each.levels for each in signatures if each.owner is not None),
        signatures=sum(each.levels for each in signatures),
        keys=len(public),
        rows=len(evidence.handed),
    )
