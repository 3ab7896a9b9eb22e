"""What tests of commands on odd disks need."""

import pytest
from kit import processes


@pytest.fixture
def namespace() -> list[str]:
    """The words before a command that may mount for itself alone; skips where the system does not
    allow that.
    """
    return processes.unshared("--mount")
