"""Archives of ours, laid out with any Python that seemachine runs on."""

import tarfile
from pathlib import Path


def unpack(archive: Path, folder: Path, rule: str) -> None:
    """Unpack an archive of ours. `rule` is a filter of tarfile, which Python 3.11.4 brought."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, **({"filter": rule} if hasattr(tarfile, f"{rule}_filter") else {}))
