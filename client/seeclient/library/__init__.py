"""The C libraries: compiled, they lie here, with their headers and what names them to build tools.

`client/native` has their sources; `setup.py` compiles them where there is a C compiler.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
FILES = {"acorn": "libacorn.so", "pkcs11": "seemachine-pkcs11.so"}
INCLUDE = FOLDER / "include"
PKGCONFIG = FOLDER / "pkgconfig"
ADVICE = "install a C compiler (Debian: apt install gcc), then seemachine again"


class NotBuiltError(FileNotFoundError):
    """A library is not there: why, and what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason, self.advice = reason, advice


def path_of(name: str) -> Path:
    """Where the library of a name is. Raises NotBuiltError."""
    path = FOLDER / FILES[name]
    if path.exists():
        return path
    raise NotBuiltError(f"{path.name} is not built: {_why_not(path)}", ADVICE)


def _why_not(path: Path) -> str:
    try:
        return path.with_name(f"{path.name}.not_built.txt").read_text().strip()
    except OSError:
        return "seemachine was installed without it"
