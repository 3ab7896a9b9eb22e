"""The C libraries: compiled, they lie here, with the headers that they are used by in `include`.

`client/native` has their sources; `setup.py` compiles them where there is a C compiler.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
FILES = {"acorn": "libacorn.so", "pkcs11": "seemachine-pkcs11.so"}
INCLUDE = FOLDER / "include"


def path_of(name: str) -> Path:
    """Where the library of a name is. Raises FileNotFoundError, which says why it is not there."""
    path = FOLDER / FILES[name]
    if path.exists():
        return path
    raise FileNotFoundError(f"{path.name} is not built: {_why_not(path)}")


def _why_not(path: Path) -> str:
    try:
        return path.with_name(f"{path.name}.not_built.txt").read_text().strip()
    except OSError:
        return "seemachine was installed without it"
