"""`pipsqueak`, also as `python -m seeclient`."""

import sys

from seemachine.terminal import Loading


def main() -> int:
    """Run one command line."""
    with Loading():
        from seeclient import pipsqueak
    return pipsqueak.main()


if __name__ == "__main__":
    sys.exit(main())
