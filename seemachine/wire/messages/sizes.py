"""The limits of fields that several messages or rooms need to know."""

from seemachine.wire.names import (
    IDENTIFIER_BYTES,
    MAX_CACHE_PART_EXPONENT,
    MAX_EXPCACHE,
    SEED_BYTES,
)

U32 = 0xFFFFFFFF
U64 = 0xFFFFFFFFFFFFFFFF
MAX_HEIGHT = 25
# As many signatures as any key has: with such a threshold each of them needs an acknowledgement.
MAX_WARNAT = 1 << MAX_HEIGHT
MAX_NODE = 32
PUBLIC_KEY = (8 + IDENTIFIER_BYTES + 24, 8 + IDENTIFIER_BYTES + MAX_NODE)
CACHE_PART_BYTES = MAX_NODE << MAX_CACHE_PART_EXPONENT
CACHE_BYTES = MAX_NODE << MAX_EXPCACHE
MAX_FILES = 4096  # as many as an NVRAM holds
# Room for the frame's other fields beside a message of the largest size.
ENVELOPE_BYTES = 1280
# Messages of one request to sign many; and room for the other fields of each in the reply beside
# its signature.
MAX_SIGNINGS = 256
SIGNED_BYTES = 16
MAX_LABEL = 64
MAX_PASSPHRASE = 1024
# Card sets that one connection may have loaded.
MAX_TOKENS = 64
MAX_CLIENT = 64
MAX_CARD = 64
MAX_REASON = 300
MAX_ACKNOWLEDGEMENT = 200
# Entries of a ledger, and suspects, in one reply, well within the smallest frame.
MAX_LEDGER_PAGE = 512
MAX_SUSPECTS = 256
# A fault in one line, as many of them as one reply has, and how slow a machine is told to be.
MAX_FAULT = 2048
MAX_FAULTS = 64
MAX_LATENCY = 200
# Of the least and the greatest set of FIPS 204; a private key may be a seed.
MLDSA_PUBLIC_KEY = (1312, 2592)
MLDSA_PRIVATE_KEY = (SEED_BYTES, 4896)
MLDSA_SIGNATURE = (2420, 4627)
KEY_BLOB = (1, 1 << 14)
MAX_SIGNER = 64
