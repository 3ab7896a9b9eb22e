"""The data folder of the container: which one it is, and whether it can be written to."""

import contextlib
import os
from collections.abc import Mapping

# One block of any file system: a full one has room for the name of an empty file.
TRIAL_BYTES = 4096


def data_folder(file_of_settings: str, environ: Mapping[str, str]) -> str:
    """The one folder that is written to. Raises OSError, ValueError."""
    import tomllib

    with open(file_of_settings, "rb") as file:  # noqa: PTH123
        settings = tomllib.load(file)
    data = environ.get("SEEMACHINE_HOME") or settings.get("world")
    if type(data) is not str or not os.path.isabs(data):  # noqa: PTH117
        raise ValueError(
            "`world`, or $SEEMACHINE_HOME instead of it, takes the absolute path of the data"
            f" folder, not {data!r}"
        )
    return data


def check_writable(folder: str) -> None:
    """Make the data folder if it is not there, and write to it. Raises OSError."""
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    trial = os.path.join(folder, ".writable")  # noqa: PTH118
    try:
        with open(trial, "wb") as file:  # noqa: PTH123
            file.write(bytes(TRIAL_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        with contextlib.suppress(OSError):
            os.unlink(trial)  # noqa: PTH108
