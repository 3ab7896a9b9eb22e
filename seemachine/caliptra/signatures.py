"""`signatures.json`: the signatures of a bundle, to which ours are added.

    {TARGET: {"ecc_sig": HEX, "pqc_sig": HEX}}

Of what others wrote into it, everything stays: fields, unknown ones too, and their order.
"""

from typing import Any

from seemachine.caliptra.documents import octets, parsed, written
from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.requests import TARGETS, meant

ECC, PQC = "ecc_sig", "pqc_sig"


class Signatures:
    """What is in the file. It does not change; `with_pqc` gives another one."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    @classmethod
    def read(cls, data: bytes) -> "Signatures":
        """Raises CaliptraError, also for what could not be written again."""
        found = cls(parsed(data))
        for name, entry in found._document.items():
            _check(name, entry)
        found.encode()
        return found

    def pqc(self, target: str) -> bytes:
        """The signature of a target, and nothing where none is there. Raises CaliptraError."""
        value = self._entry(target).get(PQC)
        return octets(value, f"{PQC} of {target}") if value else b""

    def has_ecc(self, target: str) -> bool:
        """Whether somebody signed a target with ECC already."""
        return bool(self._entry(target).get(ECC))

    def with_pqc(self, target: str, signature: bytes) -> "Signatures":
        """The same with the signature of a target."""
        entry = self._entry(target) | {PQC: signature.hex()}
        return Signatures(self._document | {target: entry})

    def encode(self) -> bytes:
        """The file."""
        return written(self._document)

    def _entry(self, target: str) -> dict[str, Any]:
        # What has no value there may be written as null.
        found: dict[str, Any] = self._document.get(target) or {}
        return found


def _check(name: str, entry: object) -> None:
    """Raises CaliptraError for a target that is not one. Other names may be anybody's."""
    if name in TARGETS:
        if entry is not None and not isinstance(entry, dict):
            raise CaliptraError(f"{name} is not an object")
        return
    if name.endswith("_signatures"):
        raise CaliptraError(f"{name!r} is not a target of Caliptra{meant(name, TARGETS)}")
