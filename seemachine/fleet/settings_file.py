"""What a machine's process is told by whoever starts it: one file, hsm/<ESN>/settings.toml.

A file, not words: the URL of a witness may hold a password, and all users of a host can read the
words of a process.
"""

from pathlib import Path

from seemachine.config import Config, to_toml
from seemachine.state.disk.durable import private_folder, replace_file

FILE_NAME = "settings.toml"
HEAD = b"# Made anew at each start; settings are in fleet.toml.\n"
# Of earlier versions; nobody reads them.
EARLIER = ("limits.toml", "see.toml")


def write_settings(machine: Config) -> Path:
    """The file of a machine, for its user alone. Raises OSError."""
    folder = private_folder(machine.folder)
    replace_file(folder / FILE_NAME, HEAD + to_toml(machine))
    for name in EARLIER:
        (folder / name).unlink(missing_ok=True)
    return folder / FILE_NAME
