"""How one signature is asked for, beside its key and message."""

from collections.abc import Callable, Sequence

from seemachine.frozen import field, frozen


@frozen
class SigningOptions:
    """What an algorithm does not have, it refuses.

    `acknowledge` is the reason to go below a threshold. `context` (at most 255 bytes) and
    `deterministic` are those of FIPS 204 5.2. `passphrases` are those of the cards that protect the
    key.

    `token`, 16 bytes, is the caller's name for the signature, empty for a new one. `asking` is
    called with a note before each machine that is asked for a leaf. Asked again with the token and
    `asked`, the last note, the machine that was asked last gives the signature that it made, if it
    made one, before another is asked. Under a caller's token no second machine is asked while the
    first may have taken a leaf.
    """

    acknowledge: str | None = None
    context: bytes = b""
    deterministic: bool = False
    passphrases: tuple[str, ...] = field(default=(), repr=False)
    token: bytes = b""
    asked: str = ""
    asking: Callable[[str], None] | None = None


PLAIN = SigningOptions()


def as_given(
    acknowledge: str | None, context: bytes, deterministic: bool, passphrases: Sequence[str]
) -> SigningOptions:
    """Those of a caller: most give none, and sign often. Raises TypeError as `each_of`."""
    if acknowledge is None and not context and not deterministic and passphrases == ():
        return PLAIN
    return SigningOptions(acknowledge, context, deterministic, each_of(passphrases))


def each_of(passphrases: Sequence[str]) -> tuple[str, ...]:
    """Raises TypeError for one text, which is a sequence of its letters."""
    if isinstance(passphrases, str):
        raise TypeError("passphrases is a list with a text for each card, not one text")
    return tuple(passphrases)
