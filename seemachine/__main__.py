"""`seemachine`, also as `python -m seemachine`."""

import sys

from seemachine.terminal import loading


def main() -> int:
    """Run one command line."""
    with loading():
        from seemachine.cli.command import main
    return main()


if __name__ == "__main__":
    sys.exit(main())
