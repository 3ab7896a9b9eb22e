"""SEE archives (.sar) of the XC, signed and packed by tct2.

The format is ours: one line of JSON, then the payload.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from seemachine.formats import Format
from seemachine.nfast import signing
from seemachine.nfast.files import check_format, keep, parsed
from seemachine.nfast.refusals import Refusal

FORMAT = Format("seemachine sar")
MACHINE, USERDATA = "machine", "userdata"


@dataclass(frozen=True, slots=True)
class Archive:
    """A signed SEE machine, or the user data for one.

    `machine_key` is the hash of the key that signed the machine it is for.
    """

    kind: str
    machine_type: str
    machine_key: str
    public: str
    payload: bytes = field(repr=False)
    signature: str = ""

    @property
    def signer(self) -> str:
        """Hash of the key that signed it."""
        return signing.key_hash(signing.public_from(self.public))

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over: all else."""
        head = {**asdict(self), "payload": "", "signature": ""}
        return json.dumps(head, sort_keys=True).encode() + b"\n" + self.payload


def signed(
    kind: str, machine_type: str, machine_key: str, payload: bytes, key: signing.Private
) -> Archive:
    """An archive with its signature. `machine_key` is empty for the machine itself."""
    public = key.public_key()
    draft = Archive(
        kind,
        machine_type,
        machine_key or signing.key_hash(public),
        signing.public_pem(public),
        payload,
    )
    return replace(draft, signature=signing.sign(key, draft.signed_bytes).hex())


def packed(kind: str, machine_type: str, payload: bytes) -> Archive:
    """An archive that nobody signed: `read` refuses it."""
    return Archive(kind, machine_type, machine_key="", public="", payload=payload)


def write(path: Path, archive: Archive) -> None:
    """Keep an archive."""
    head = {name: value for name, value in asdict(archive).items() if name != "payload"}
    keep(path, json.dumps({"format": str(FORMAT), **head}).encode() + b"\n" + archive.payload)


def read(path: Path, kind: str) -> Archive:
    """The archive in a file.

    Raises Refusal: none there, not signed, another kind, or not as it was signed.
    """
    try:
        head, _, payload = path.read_bytes().partition(b"\n")
        values = parsed(head)
        check_format(FORMAT, values.pop("format"), str(path))
        archive = Archive(**values, payload=payload)
        genuine = signing.good(
            signing.public_from(archive.public),
            bytes.fromhex(archive.signature),
            archive.signed_bytes,
        )
    except FileNotFoundError:
        raise Refusal(f"there is no file {path}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refusal(
            f"{path} is not a signed SEE archive; make one with: tct2 --sign-and-pack"
        ) from None
    if not genuine:
        raise Refusal(
            f"{path}: the signature does not fit; sign it again with: tct2 --sign-and-pack"
        )
    if archive.kind != kind:
        raise Refusal(f"{path} is a {archive.kind} archive, not a {kind} archive")
    return archive
