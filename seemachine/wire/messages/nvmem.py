"""The NVRAM files of a machine: how leaves get there, and what is in them (guide 2.7.2.1)."""

from seemachine.wire.fields import flag, number, octets, records, wire_class
from seemachine.wire.messages.sizes import MAX_FILES, MAX_WARNAT, PUBLIC_KEY, U32
from seemachine.wire.names import FILE_NAME_BYTES, MAX_EXPLEASE, SLOTS
from seemachine.wire.record import Record
from seemachine.wire.requests import Again, Effect, Request
from seemachine.wire.roles import ClientRole


@wire_class
class LmsProvisioned(Record):
    """A lease moved from a card into NVRAM: leaves `first` to `end`, the latter not included."""

    file: bytes = octets(FILE_NAME_BYTES)
    public_key: bytes = octets(*PUBLIC_KEY)
    first: int = number(0, U32)
    end: int = number(1, U32)
    leases: int = number(0, 1 << MAX_EXPLEASE)
    warnat: int = number(0, MAX_WARNAT, default=0)


@wire_class
class ProvisionLms(
    Request[LmsProvisioned],
    name="provisionLMS",
    least=ClientRole.PROVISION,
    effect=Effect.LEAVES,
    again=Again.NEVER,
    where="command_see_provisionLMS",
):
    """Move the next lease of the card in `slot` into this machine's NVRAM."""

    slot: int = number(SLOTS.start, SLOTS.stop - 1)


@wire_class
class NvmemfileInfo(Record):
    """One NVRAM file: its key, its leaf range, the next leaf.

    `loaded` is false when a loadLMS would spare the machine much hashing, `quarantined` true when
    no leaf is handed out. With `warnat` or fewer signatures left each needs an acknowledgement; 0:
    none does. `foreign` is true when this SEE machine gives no leaf, because another key signed it
    than the one under which the key was made.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    public_key: bytes = octets(*PUBLIC_KEY)
    first: int = number(0, U32)
    next: int = number(0, U32)
    end: int = number(1, U32)
    loaded: bool = flag()
    quarantined: bool = flag()
    warnat: int = number(0, MAX_WARNAT, default=0)
    foreign: bool = flag(default=False)

    @property
    def remaining(self) -> int:
        """Signatures left in this file."""
        return self.end - self.next


@wire_class
class GetNvmemfileInfo(
    Request[NvmemfileInfo],
    name="nvmemfile_info",
    least=ClientRole.USE,
    effect=Effect.LOOKS,
    again=Again.FREELY,
    at_once=True,
):
    """Ask about one NVRAM file. Refused NotAvailable when this machine has none of that name."""

    file: bytes = octets(FILE_NAME_BYTES)


@wire_class
class NvmemfileListing(Record):
    """All NVRAM files of this machine."""

    files: list[NvmemfileInfo] = records(NvmemfileInfo, MAX_FILES)


@wire_class
class ListNvmemfiles(
    Request[NvmemfileListing],
    name="nvmemfile_list",
    least=ClientRole.USE,
    effect=Effect.LOOKS,
    again=Again.FREELY,
):
    """Ask for all NVRAM files."""


@wire_class
class WarnNvmemfile(
    Request[NvmemfileInfo],
    name="nvmemfile_warn",
    least=ClientRole.PROVISION,
    effect=Effect.CHANGES,
    again=Again.FREELY,
):
    """Set the threshold of one NVRAM file; not lower while no more signatures are left
    than that.
    """

    file: bytes = octets(FILE_NAME_BYTES)
    warnat: int = number(0, MAX_WARNAT)
