"""What holds for every test: the runtime witness lies in a folder of this test run alone."""

import os
import tempfile

# Before any test module is imported: machines that tests start take it from the environment.
_folder = tempfile.TemporaryDirectory(prefix="seemachine-runtime-")
os.environ["XDG_RUNTIME_DIR"] = _folder.name
