"""`signing_request.json`: what is to be signed, and by which keys.

{"version": 1, "requests": {TARGET: {"ecc_key": LABEL, "pqc_key": LABEL,
                                     "digest_sha384": HEX, "payload_hex": HEX}}}
"""

import hashlib
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from seemachine.caliptra.documents import entry, label, octets, parsed
from seemachine.caliptra.errors import CaliptraError
from seemachine.frozen import field, frozen

VERSION = 1
TARGETS = (
    "vendor_pub_keys_signatures",
    "owner_pub_keys_signatures",
    "vendor_imc_signatures",
    "owner_imc_signatures",
)
FIELDS = ("ecc_key", "pqc_key", "digest_sha384", "payload_hex")


@frozen
class Target:
    """One signature that is wanted: `digest` is the SHA-384 of `payload`, in the order of bytes
    that every tool prints. `ecc_key` and `pqc_key` are labels.
    """

    name: str
    ecc_key: str
    pqc_key: str
    digest: bytes
    payload: bytes = field(repr=False)


@frozen
class SigningRequest:
    """What one bundle wants, in the order of its file."""

    targets: tuple[Target, ...]

    def chosen(self, names: Collection[str]) -> tuple[Target, ...]:
        """The targets of these names; all of them for no name. Raises CaliptraError."""
        known = [target.name for target in self.targets]
        for name in names:
            if name not in known:
                raise CaliptraError(f"it has no target {name}{meant(name, known)}")
        return tuple(each for each in self.targets if not names or each.name in names)


def read(data: bytes) -> SigningRequest:
    """Raises CaliptraError, whose sentence says what is wrong with which target."""
    document = entry(parsed(data), "it", ("version", "requests"))
    version = document["version"]
    if type(version) is not int or version != VERSION:
        raise CaliptraError(f"it is of version {version!r}; this reads version {VERSION}")
    wanted = document["requests"]
    if not isinstance(wanted, dict) or not wanted:
        raise CaliptraError("requests is not an object with at least one target")
    return SigningRequest(tuple(_target(name, wanted) for name in wanted))


def meant(name: str, known: Collection[str]) -> str:
    """What may have been meant, or else what there is, after a semicolon."""
    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


def _target(name: str, wanted: Mapping[str, object]) -> Target:
    if name not in TARGETS:
        raise CaliptraError(f"{name!r} is not a target of Caliptra{meant(name, TARGETS)}")
    values = entry(wanted[name], name, FIELDS)
    target = Target(
        name,
        label(values["ecc_key"], f"ecc_key of {name}"),
        label(values["pqc_key"], f"pqc_key of {name}"),
        octets(values["digest_sha384"], f"digest_sha384 of {name}"),
        octets(values["payload_hex"], f"payload_hex of {name}"),
    )
    # LMS signs the digest and ML-DSA the payload: they must be of one thing.
    if target.digest != hashlib.sha384(target.payload).digest():
        raise CaliptraError(f"digest_sha384 of {name} is not the SHA-384 of its payload_hex")
    return target
