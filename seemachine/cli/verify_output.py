"""What `seemachine verify` says: a line for each file, or fields of a document."""

from collections.abc import Iterable
from typing import Any

from seemachine.chance.mark import is_marked
from seemachine.cli.answer import Answer
from seemachine.cli.in_files import title
from seemachine.cli.verify_judging import (
    NO_SIGNATURE,
    UNREADABLE,
    Check,
    Outcome,
    over_digest,
)
from seemachine.encodings.forms import Key, RecognizedKey, described
from seemachine.encodings.kinds import algorithm_of
from seemachine.lms.hss import HssPublicKey, HssSignature

INSECURE = "INSECURE: the key is of a world for tests: anybody can make it, and sign with it"
CERTIFIED = "the key is that of a certificate; its dates, and who signed it, were not looked at"
WORDS = {None: "verified", UNREADABLE: "UNREADABLE", NO_SIGNATURE: "NO SIGNATURE"}
# Of these files nothing is known that speaks against them.
UNJUDGED = (UNREADABLE, NO_SIGNATURE)


def tell_key(name: str, found: RecognizedKey, answer: Answer) -> None:
    """What signatures are held against."""
    answer.give(
        key={
            "file": name,
            "form": found.form,
            "algorithm": algorithm_of(found.key),
            "description": described(found),
            "insecure": _is_insecure(found.key),
        }
    )
    answer.say(f"{name}: {described(found)}")
    tell_of_mark([found.key], answer)
    if found.form == "certificate":
        answer.note(CERTIFIED)


def tell(check: Check, outcomes: Iterable[Outcome], answer: Answer) -> int:
    """Of each file as soon as it is known. Returns the exit code."""
    rows: list[dict[str, Any]] = []
    answer.give(verified=False, digest=check.digest or None, files=rows)
    for outcome in outcomes:
        rows.append(_row(outcome, _sentence(check, outcome)))
        word = WORDS.get(outcome.why, "NOT VERIFIED")
        answer.say(f"{rows[-1]['file']}: {word}: {rows[-1]['sentence']}")
    good = sum(row["verified"] for row in rows)
    answer.give(verified=good == len(rows))
    last = f"{good} of {len(rows)} verified"
    if len(rows) > 1:
        answer.say(last)
    if good == len(rows):
        return 0
    judged = any(row["why"] not in (None, *UNJUDGED) for row in rows)
    return answer.found(last if len(rows) > 1 else rows[0]["sentence"], 1 if judged else 2)


def _row(outcome: Outcome, sentence: str) -> dict[str, Any]:
    found = outcome.signature
    made = found.signature if found else None
    return {
        "file": title(outcome.pair.file),
        "signature": title(outcome.pair.signature),
        "verified": outcome.why is None,
        "why": outcome.why,
        "sentence": sentence,
        "form": found.form if found else None,
        "levels": made.levels if isinstance(made, HssSignature) else None,
        "leaf": made.signatures[-1].leaf if isinstance(made, HssSignature) else None,
    }


def _sentence(check: Check, outcome: Outcome) -> str:
    if outcome.trouble is None:
        assert outcome.signature is not None
        return f"{title(outcome.pair.signature)} is a {described(outcome.signature)}"
    if not outcome.is_of_other_bytes:
        return outcome.trouble.detail
    name = title(outcome.pair.signature)
    if digest := over_digest(check, outcome):
        return f"{name} is over the {digest} of the file, not its bytes; add --digest {digest}"
    return f"{name} is of another key, or over other bytes"


def tell_of_mark(keys: Iterable[Key | None], answer: Answer) -> None:
    """A signature with a key that anybody can make proves nothing, nor does a certificate of it."""
    if any(key is not None and _is_insecure(key) for key in keys):
        answer.note(INSECURE)


def _is_insecure(key: Key) -> bool:
    return isinstance(key, HssPublicKey) and is_marked(key.key.identifier)
