"""The limits of fields that several messages or rooms need to know."""

from seemachine.wire.names import IDENTIFIER_BYTES, MAX_CACHE_PART_EXPONENT, MAX_EXPCACHE

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
MAX_LABEL = 64
MAX_CLIENT = 64
MAX_CARD = 64
MAX_REASON = 300
MAX_ACKNOWLEDGEMENT = 200
# Entries of a ledger, and suspects, in one reply, well within the smallest frame.
MAX_LEDGER_PAGE = 512
MAX_SUSPECTS = 256
