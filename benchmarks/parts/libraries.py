"""Libraries side by side; see comparison.py."""

from collections.abc import Iterator

import libraries
import outside
from comparison import compare
from extents import Extent
from measure import Figure, NotHere


def figures(extent: Extent) -> Iterator[Figure]:
    """Ours first, then whatever is here."""
    found, missing = outside.present()
    every = [*libraries.ours(), *found, *libraries.plain_python()]
    try:
        yield from compare(every, extent).figures()
    finally:
        for library in every:
            library.close()
    if missing:
        raise NotHere("\n".join(missing))
