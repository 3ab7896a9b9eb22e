"""What the names of a file say of it: what it is a signature of, and whether it should be one."""

from dataclasses import dataclass
from pathlib import Path

from seemachine.audit.files import is_file

MESSAGE_ENDINGS = ("", ".msg", ".message", ".bin", ".txt")
KEY_ENDINGS = (".lms", ".hss")
SIGNATURE_ENDINGS = (".sig", ".signature", *KEY_ENDINGS)
WRAPPED_ENDINGS = (".gz", ".hex", ".b64", ".base64", ".pem", ".asc")


@dataclass(frozen=True, slots=True)
class Origin:
    """A file: what it is called, what it may be over, and whether it should be a signature.

    `or_key`: it has an ending that public keys have as well.
    """

    source: str
    messages: tuple[Path, ...] = ()
    named: bool = False
    or_key: bool = False


def origin_of(names: list[Path], over: Path | None) -> Origin:
    """Of a file with several names, each may say what it is over."""
    source = str(names[0])
    if over is not None:
        return Origin(source, (over,), named=True)
    signed = [name for name in map(_unwrapped, names) if name.suffix.lower() in SIGNATURE_ENDINGS]
    beside = [_message_of(name.with_suffix("")) for name in signed]
    messages = {path.resolve(): path for path in beside if path is not None}
    or_key = any(name.suffix.lower() in KEY_ENDINGS for name in signed)
    return Origin(source, tuple(messages.values()), bool(signed), or_key)


def _unwrapped(name: Path) -> Path:
    """firmware.bin.sig for firmware.bin.sig.gz."""
    while name.suffix.lower() in WRAPPED_ENDINGS:
        name = name.with_suffix("")
    return name


def _message_of(base: Path) -> Path | None:
    """firmware.bin for firmware.bin.sig, or firmware.msg for firmware.sig."""
    candidates = (base.with_name(base.name + ending) for ending in MESSAGE_ENDINGS)
    return next((candidate for candidate in candidates if is_file(candidate)), None)
