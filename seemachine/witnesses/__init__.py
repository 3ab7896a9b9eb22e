"""Where else a witness can be than in a folder: services that many hosts share.

Each does what `seemachine.state.witness.protocol.Witness` says.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seemachine.witnesses.address import folder_of, is_url

# Settings name addresses of witnesses; what only looks at settings pays for no witness.
if TYPE_CHECKING:
    from seemachine.state.witness.protocol import Witness


def open_witness(
    where: str, default: Path, esn: str, environment: Mapping[str, str], **options: Any
) -> "Witness":
    """The witness of a machine: a folder, the default one if `where` is empty, or the URL of a
    service with its `options`.

    A relative folder is in the folder that the default one is in, the world's. `environment` may
    have the password, or say where it is. Raises StateError.
    """
    if is_url(where):
        from seemachine.witnesses.postgresql import PostgresWitness

        return PostgresWitness(where, esn, environment, **options)
    from seemachine.state.witness.folder import FolderWitness

    return FolderWitness(folder_of(where, default.parent) if where else default, esn)
