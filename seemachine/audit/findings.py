"""What is said of evidence: findings of a kind, each with the files that prove it."""

from dataclasses import dataclass

from seemachine.audit.evidence import LeafUse
from seemachine.lms.keys import PublicKey

REUSE, BAD, UNREAD, GAP, NOTE = "reuse", "bad", "unread", "gap", "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: its kind, a sentence, and the files that prove it."""

    kind: str
    what: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What one leaf signed, and the key that proves it, if one does."""

    use: LeafUse
    key: PublicKey | None
