"""Where a witness is, as a setting says it: a folder, or the URL of a database.

Read whole, and never shown with its password.

    postgresql://[user[:password]@]host[:port][/database][?sslmode=MODE&sslrootcert=FILE&passfile=FILE]

The parts are those of libpq's connection URIs (PostgreSQL documentation 34.1.1.2); of its
parameters these three are taken.
"""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from seemachine.frozen import field, frozen, replace

SCHEMES = ("postgresql", "postgres")
FORM = "postgresql://user@host:port/database"
OPTIONS = ("sslmode", "sslrootcert", "passfile")
# What libpq knows beside them, `allow` and `prefer`, goes on without TLS when somebody in between
# asks for that.
MODES = ("disable", "require", "verify-ca", "verify-full")
LOCAL = ("localhost", "127.0.0.1", "::1")
PORT = 5432
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_DAMAGED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNPRINTED = re.compile(r"[\x00-\x20\x7f-\x9f]")


@frozen
class Location:
    """A database. An empty `sslmode` is `disable` on this host, else `verify-full`."""

    user: str
    password: str = field(repr=False)
    host: str
    port: int
    database: str
    sslmode: str = ""
    sslrootcert: str = ""
    passfile: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{self.user}@{host}:{self.port}/{self.database}"

    @property
    def mode(self) -> str:
        """The sslmode in force."""
        return self.sslmode or ("disable" if self.host in LOCAL else "verify-full")


def is_url(where: str) -> bool:
    """Whether it is meant as a URL: `scheme:` at its beginning.

    A folder of such a name is given as ./scheme:...
    """
    return _SCHEME.match(where) is not None


def parse(where: str) -> Location:
    """The database of a URL.

    Raises ValueError, with a sentence that holds no part that may be a password.
    """
    scheme, _, rest = where.partition(":")
    if scheme.lower() not in SCHEMES or not rest.startswith("//"):
        raise ValueError(f"a folder, or {FORM}; {scheme}: begins neither")
    if _UNPRINTED.search(where) or _DAMAGED.search(where):
        raise ValueError(
            f"a URL without blanks, as {FORM}, with % only before two hexadecimal digits"
        )
    # All before the last @ may be a password.
    if re.search("[/?#]", rest[2:].rpartition("@")[0]) or "#" in rest:
        raise ValueError(
            "a URL in which / ? # @ and : of names and passwords are written as %2F %3F %23 %40"
            " and %3A"
        )
    return _address(where)


def _address(where: str) -> Location:
    try:
        parts = urlsplit(where)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"a URL of one host, with a port up to 65535, as {FORM}") from None
    user, colon, password = parts.netloc.rpartition("@")[0].partition(":")
    if ":" in password or "@" in user + password:
        raise ValueError("a URL in which : and @ of names and passwords are written as %3A and %40")
    if colon and not password:
        raise ValueError("a URL without an empty password; leave the colon out")
    if not host or "," in host or port == 0 or parts.path.count("/") > 1:
        raise ValueError(f"a URL of one host and one database, as {FORM}")
    options = _options(parts.query)
    database = unquote(parts.path.lstrip("/")) or "seemachine"
    return Location(
        unquote(user) or "seemachine",
        unquote(password),
        unquote(host),
        port or PORT,
        database,
        **options,
    )


def _options(query: str) -> dict[str, str]:
    # Not parsed strictly: what has no value is then named as what it is.
    given = parse_qsl(query, keep_blank_values=True)
    for name, value in given:
        if name not in OPTIONS:
            hint = (
                "; a password belongs into PGPASSWORD or a passfile" if name == "password" else ""
            )
            raise ValueError(f"no option {name!r} in its URL; known are {', '.join(OPTIONS)}{hint}")
        if name == "sslmode" and value not in MODES:
            raise ValueError(f"sslmode as one of {', '.join(MODES)}, not {value!r}")
        if name != "sslmode" and not value.startswith("/"):
            raise ValueError(f"{name} as an absolute path, not {value!r}")
    if len(dict(given)) < len(given):
        raise ValueError("each option in its URL once")
    return dict(given)


def folder_of(where: str, world: Path) -> Path:
    """The folder of a witness that is not a URL. Relative ones are in the folder of the world."""
    return world / Path(where).expanduser()


def with_password(address: Location, environment: Mapping[str, str]) -> Location:
    """The address with its password: its own, else $PGPASSWORD, else that of a passfile.

    Raises ValueError, OSError.

    A passfile is that of the URL, else $PGPASSFILE, else ~/.pgpass where there is one.
    """
    if address.password:
        return address
    if environment.get("PGPASSWORD"):
        return replace(address, password=environment["PGPASSWORD"])
    chosen = address.passfile or environment.get("PGPASSFILE")
    home = environment.get("HOME")
    path = Path(chosen) if chosen else Path(home) / ".pgpass" if home else None
    if path is None or not (chosen or path.is_file()):
        return address
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ValueError(f"{path} is open to others; chmod 600 it")
    return replace(address, password=_found(path.read_text(), address))


def _found(lines: str, address: Location) -> str:
    """The password of the first line that fits: host:port:database:user:password, * for any, a
    backslash before : and itself.
    """
    wanted = (address.host, str(address.port), address.database, address.user)
    for line in lines.splitlines():
        *fields, password = [
            re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", line, maxsplit=4)
        ]
        if len(fields) == len(wanted) and all(
            part in ("*", want) for part, want in zip(fields, wanted, strict=True)
        ):
            return password
    return ""
