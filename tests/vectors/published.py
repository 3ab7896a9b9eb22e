"""The published figures of this folder.

Each JSON file says in `about` and `source` what it holds and where it was printed.
"""

import json
from pathlib import Path
from typing import Any


def load(name: str) -> Any:
    """One file of figures, such as `rfc`."""
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    return load(name)["cases"]
