"""Where the environment of this process leads: while a test has a fleet, to the world of that.

Code under test that opens a fleet by itself never reaches the keys of whoever runs the test.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Leading:
    """Environments that hold at this moment, the latest last; that is the one that is seen.

    One of a wider scope may end later than one that began after it.
    """

    def __init__(self) -> None:
        self._up: list[Mapping[str, str]] = []
        self._before: dict[str, str | None] = {}

    @contextmanager
    def to(self, env: Mapping[str, str]) -> Iterator[None]:
        """For as long as the block lasts. What `env` does not name stays as it is."""
        said = {
            name: value
            for name, value in env.items()
            if name in self._before or os.environ.get(name) != value
        }
        self._up.append(said)
        for name in said:
            self._before.setdefault(name, os.environ.get(name))
        os.environ.update(said)
        try:
            yield
        finally:
            # This very one: two may be equal.
            self._up = [each for each in self._up if each is not said]
            for name in said:
                self._show(name)

    def _show(self, name: str) -> None:
        values = [each[name] for each in self._up if name in each]
        value = values[-1] if values else self._before.pop(name)
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


LEADING = Leading()
