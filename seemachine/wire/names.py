"""Names that both sides write the same way: ESN, NVRAM file, ports, limits of a key."""

import re

PROTOCOL = 7
SEE_PORT = 8888
SDK_VERSION = "1.4.1"
MODELS = ("5c", "xc")
# Module numbers of one host, from 1.
MOST_MODULES = 65535
# Of one fleet file.
MOST_MACHINES = 10_000

FILE_NAME_BYTES = 11
HANDLE_BYTES = 16
IDENTIFIER_BYTES = 16
TOKEN_BYTES = 16
NVRAM_BYTES = 16
OPENING_BYTES = 8
CARDSET_BYTES = 20
# Of ML-DSA: the shortest form of a private key, and what is signed of a message.
SEED_BYTES = 32
REPRESENTATIVE_BYTES = 64

# Bounds on what one machine will hold for a key, ours: a cache of 2^15 nodes is 1 MiB in a key file
# and all leaves of an h15 tree, and 256 cards of 4,096 leases are more than any rack holds.
MAX_EXPCACHE = 15
# Cache nodes in one message, so that it fits a frame twice over.
MAX_CACHE_PART_EXPONENT = 14
MAX_EXPCARDS = 8
MAX_EXPLEASE = 12
MAX_CHUNKS_EXPONENT = 16
# Leaves hashed at most on the way to a signature: 13 s in plain Python at w=8, a third of a second
# in C.
MAX_PAGE_EXPONENT = 12

SLOTS = range(6)
FIRST_DYNAMIC_SLOT = 2
# What a slot listing says of a card of the ACS or of an OCS: a SEE machine has no use for it.
CARDSET = "cardset"
# What a machine says that faults can be injected into, of which it has none now.
TAKES_FAULTS = "fault injection"

_NVRAM = re.compile(rf"[0-9a-f]{{{2 * NVRAM_BYTES}}}", re.ASCII)
_ESN = re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}", re.ASCII)


# What is said of a text that `is_esn` refuses.
NO_ESN = "is not an ESN, such as 7852-268D-3BF9"


def is_esn(text: str) -> bool:
    """Whether `text` is an electronic serial number such as 7852-268D-3BF9."""
    return _ESN.fullmatch(text) is not None


def is_nvram(text: str) -> bool:
    """Whether `text` is what an NVRAM is called for life: 16 bytes in lower-case hexadecimal."""
    return _NVRAM.fullmatch(text) is not None


def nvram_name(public_key: bytes) -> bytes:
    """The 11-byte NVRAM file name of a key: `lms` and the first 8 bytes of the root (guide 2.7.2.1,
    2.9.5).

    For those who know no mathematics: `public_key` is a plain LMS public key, u32 lms type, u32
    lmots type, I (16 bytes), root (24 or 32 bytes). Who has its value asks `PublicKey.file_name`.
    """
    return b"lms" + public_key[24:32]


def other_protocol(them: str, theirs: int, us: str, ours: int) -> str:
    """Why two sides can't talk, which of them is older, and what to do."""
    older, newer = (them, us) if theirs < ours else (us, them)
    return (
        f"{them} speaks protocol {theirs}, {us} {ours}; {older} is older: bring it to the version"
        f" of seemachine that {newer} has"
    )


def printed_name(name: bytes) -> str:
    """An NVRAM file name in the guide's form: `6c6d737d:62e3b195:7663b4`."""
    return name.hex(":", -4)
