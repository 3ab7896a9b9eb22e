"""Where else a witness can be than in a folder: services that many hosts share. Each does what `seemachine.state.witness.Witness` says."""

from pathlib import Path

from seemachine.state.errors import StateUnsafe
from seemachine.state.folder_witness import FolderWitness
from seemachine.state.witness import Witness


def open_witness(where: str, default: Path, esn: str) -> Witness:
    """The witness of a machine: a folder, or the URL of a service. Raises StateError."""
    scheme = where.partition("://")[0] if "://" in where else ""
    if scheme in ("postgresql", "postgres"):
        from seemachine.witnesses.postgresql import PostgresWitness

        return PostgresWitness(where, esn)
    if scheme:
        raise StateUnsafe(f"witness {where} is of no known kind; take a folder, or postgresql://user:password@host:port/database")
    return FolderWitness(Path(where).expanduser() if where else default, esn)
