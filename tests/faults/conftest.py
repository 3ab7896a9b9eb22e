"""Fixtures of the tests of faults."""

from collections.abc import Iterator

import pytest
from kit.waiting import watched


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """No test hangs for good."""
    with watched():
        yield
