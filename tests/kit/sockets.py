"""Folders for Unix sockets."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path: pytest's own are nearly as long as that of a socket may be."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)
