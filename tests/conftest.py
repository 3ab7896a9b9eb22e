"""What holds for every test: the runtime witness lies in a folder of this test run alone."""

import os
import tempfile

# Runs of pytest within this one, for the plugin.
pytest_plugins = ("pytester",)

# Before any test module is imported: machines that tests start take it from the environment.
_folder = tempfile.TemporaryDirectory(prefix="seemachine-runtime-")
os.environ["XDG_RUNTIME_DIR"] = _folder.name
