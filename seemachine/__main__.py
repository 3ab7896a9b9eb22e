"""`seemachine`, also as `python -m seemachine`."""

import sys

from seemachine.terminal import Loading


def main() -> int:
    """Run one command line."""
    try:
        with Loading():
            from seemachine.cli.command import main
        return main()
    # Between the end of loading and the beginning of the command.
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
