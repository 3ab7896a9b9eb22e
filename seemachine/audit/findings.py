"""What is said of evidence: findings of a kind, each with the files that prove it."""

from dataclasses import dataclass

REUSE, BAD, UNREAD, GAP, NOTE = "reuse", "bad", "unread", "gap", "note"
# Of a key of a seeded world.
INSECURE = "insecure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: its kind, a sentence, and the files that prove it."""

    kind: str
    what: str
    sources: tuple[str, ...] = ()
