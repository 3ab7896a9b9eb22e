"""Files that tests of `seemachine sign` sign."""

import os
from pathlib import Path


def put(*names: str) -> None:
    """Files with their names in them."""
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
