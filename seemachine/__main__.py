"""`seemachine`, also as `python -m seemachine`."""

import sys

from seemachine.entry import loading


def main() -> int:
    """Run one command line."""
    with loading():
        from seemachine import cli
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
