"""One part, of the tree that is on the path: `python part.py NAME EXTENT` prints each figure as a
line of JSON, or why there is none.
"""

import json
import sys
from dataclasses import asdict

import parts
from extents import EXTENTS
from measure import NotHere


def main() -> None:
    """See the module."""
    name, extent = sys.argv[1:]
    try:
        for figure in parts.figures_of(name)(EXTENTS[extent]):
            print(json.dumps({"figure": asdict(figure)}), flush=True)
    except NotHere as reason:
        print(json.dumps({"missing": str(reason)}))


if __name__ == "__main__":
    main()
