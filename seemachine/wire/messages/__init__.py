"""Every request beside its reply, a file for each family.

They are the contract; docs/reference/protocol.md says the same in prose, in the same order.

Names follow the guide's log lines (`continueLMS_cache_next`, `provisionLMS`, `nvmemfile`); what the
guide does not name is named in its manner.
"""

# The order is that of the page, and of `REQUESTS`.
# isort: off
from seemachine.wire.messages.hello import Greeting, Hello, Limits
from seemachine.wire.messages.generation import (
    CardWritten,
    ContinueLms,
    ContinueLmsCard,
    DestroyLms,
    DiscardLms,
    GenerateLms,
    LmsChunk,
    LmsDestroyed,
    LmsDiscarded,
    LmsResumed,
    LmsStarted,
    ResumeLms,
)
from seemachine.wire.messages.nvmem import (
    GetNvmemfileInfo,
    ListNvmemfiles,
    LmsProvisioned,
    NvmemfileInfo,
    NvmemfileListing,
    ProvisionLms,
    WarnNvmemfile,
)
from seemachine.wire.messages.signing import (
    LmsLoaded,
    LoadLms,
    NvmemfileReserve,
    NvmemfileReserved,
    NvmemfileSign,
    NvmemfileSignDigest,
    NvmemfileSigned,
    NvmemfileSignedMany,
    NvmemfileSignMany,
    SigningRefused,
    signed_many_bytes,
)
from seemachine.wire.messages.mldsa import (
    GenerateMldsa,
    ImportMldsa,
    InfoMldsa,
    MldsaInfo,
    MldsaMade,
    MldsaSigned,
    SignMldsa,
)
from seemachine.wire.messages.slots import ListSlots, Slot, SlotListing, WaitForCard
from seemachine.wire.messages.tokens import LoadToken, Passphrase, TokenLoaded
from seemachine.wire.messages.ledger import LedgerEntry, LedgerPage, ReadLedger
from seemachine.wire.messages.quarantine import (
    BurnQuarantined,
    ListQuarantine,
    QuarantineBurned,
    QuarantineListing,
    QuarantineSkipped,
    SkipQuarantined,
    Suspect,
)
from seemachine.wire.messages.faults import (
    AddFault,
    ClearFaults,
    FaultListing,
    FaultsCleared,
    InjectedFault,
    ListFaults,
)
from seemachine.wire.messages.sizes import (
    CACHE_BYTES,
    CACHE_PART_BYTES,
    ENVELOPE_BYTES,
    KEY_BLOB,
    MAX_ACKNOWLEDGEMENT,
    MAX_CARD,
    MAX_CLIENT,
    MAX_FAULT,
    MAX_FAULTS,
    MAX_FILES,
    MAX_HEIGHT,
    MAX_LABEL,
    MAX_LATENCY,
    MAX_LEDGER_PAGE,
    MAX_NODE,
    MAX_PASSPHRASE,
    MAX_REASON,
    MAX_SIGNER,
    MAX_SIGNINGS,
    MAX_SUSPECTS,
    MAX_TOKENS,
    MAX_WARNAT,
    MLDSA_PRIVATE_KEY,
    MLDSA_PUBLIC_KEY,
    MLDSA_SIGNATURE,
    PUBLIC_KEY,
    SIGNED_BYTES,
    U32,
    U64,
)
from seemachine.wire.requests import REQUESTS
