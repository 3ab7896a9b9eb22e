"""What tests of commands on odd disks need."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture
def namespace() -> list[str]:
    """The words before a command that may mount for itself alone; skips where the system does not allow that."""
    words = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces here")
    return words
