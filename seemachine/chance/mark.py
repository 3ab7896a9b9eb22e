"""The mark of keys that anybody can make again.

The identifier I of an LMS key (RFC 8554 5.3) is in its public key, and each hash of the key begins
with it. So the mark goes wherever the key goes, and nobody can take it off.
"""

MARK = b"INSECURE"
# Of a plain LMS public key: after u32 LMS type and u32 LM-OTS type.
_IDENTIFIER_AT = 8


def is_marked(identifier: bytes) -> bool:
    """Whether an identifier is of a key that anybody can make again."""
    return identifier.startswith(MARK)


def is_marked_key(public_key: bytes) -> bool:
    """Whether a plain LMS public key is."""
    return is_marked(public_key[_IDENTIFIER_AT:])


def insecure(seed: str) -> str:
    """What is said wherever a seeded world is met."""
    return f"INSECURE: a world for tests, with the seed {seed}: anybody can make its keys"


def other_kind(what: str, where: str, *, marked: bool) -> str:
    """Why a key is not used in a world; `marked` says which of the two the key is."""
    if marked:
        return (
            f"{what} is of a seeded world, where anybody can make it again, and {where} is a real"
            " one; use it in a world with its seed"
        )
    return (
        f"{what} is of a real world, and {where} is a seeded one, which takes none; use another"
        " world folder for tests"
    )
