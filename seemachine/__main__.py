"""`seemachine`, also as `python -m seemachine`."""

import sys

from seemachine.process.parent import Parent
from seemachine.terminal import Loading


def main() -> int:
    """Run one command line."""
    parent = Parent()
    try:
        with Loading():
            from seemachine.cli.command import main
        return main(parent=parent)
    # Between the end of loading and the beginning of the command.
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
