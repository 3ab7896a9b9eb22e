"""`python -m seemachine`."""

import sys

from seemachine.cli import main

sys.exit(main())
