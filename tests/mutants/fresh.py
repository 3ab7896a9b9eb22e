"""`python -m mutants.fresh MODULE NUMBER TESTS`: import a mutant in place of its module, and run
tests up to the first that fails.
"""

import json
import sys
from pathlib import Path

import pytest
from mutants.choosing import file_of
from mutants.rooms import code_of, module_name, mutants_of
from mutants.trial import UNUSABLE, Replaced, Watchdog, collect, run


class Chosen:
    """A plugin that runs the named tests in their order."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self.ended = UNUSABLE

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of all of them."""
        found = {item.nodeid: item for item in session.items}
        items = [found[name] for name in self._seconds if name in found]
        # A module that can't be imported has no tests.
        self.ended = run(items, Watchdog(self._seconds)) if items else 1
        return True


def main(words: list[str]) -> int:
    """See above."""
    path, number, tests = words
    seconds = json.loads(Path(tests).read_text())
    code = code_of(mutants_of("", path)[int(number)])
    sys.meta_path.insert(0, Replaced(module_name(path), code))
    chosen = Chosen(seconds)
    files = dict.fromkeys(file_of(name) for name in seconds)
    ended = collect(chosen, list(files))
    return ended if chosen.ended == UNUSABLE else chosen.ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
