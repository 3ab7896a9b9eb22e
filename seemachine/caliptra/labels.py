"""Which key a label of a request stands for."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence

from seemachine.caliptra.errors import CaliptraError
from seemachine.caliptra.requests import SigningRequest, Target, meant

_ALIAS = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


def pair(text: str) -> tuple[str, str]:
    """LABEL=KEY of a command line. Raises CaliptraError."""
    name, _, key = text.partition("=")
    if not name or not key:
        raise CaliptraError(f"--key takes LABEL=ALIAS, not {text!r}")
    return name, key


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """All of them. Raises CaliptraError, also for a label that is given two keys."""
    found: dict[str, str] = {}
    for name, key in map(pair, texts):
        if found.setdefault(name, key) != key:
            raise CaliptraError(f"--key names two keys for {name}: {found[name]} and {key}")
    return found


def table(data: bytes) -> dict[str, str]:
    """A file of labels: TOML, with a line `LABEL = "ALIAS"` for each. Raises CaliptraError."""
    try:
        found = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CaliptraError(f"it is not TOML: {error}") from None
    for name, key in found.items():
        if not isinstance(key, str) or not key:
            raise CaliptraError(f'{name} is not a text; a line is: {name} = "ALIAS"')
    return found


def is_file(key: str) -> bool:
    """Whether a key is named by a file of its public part: no alias has a dot or a slash."""
    return not _ALIAS.fullmatch(key)


def refuse_strangers(request: SigningRequest, names: Iterable[str]) -> None:
    """Raises CaliptraError for a label that the request has not: it may be mistyped."""
    known = list(dict.fromkeys(target.pqc_key for target in request.targets))
    for name in names:
        if name not in known:
            raise CaliptraError(f"no target wants the key {name}{meant(name, known)}")


def of_targets(targets: Sequence[Target], keys: Mapping[str, str]) -> dict[str, str]:
    """The key of each target. Raises CaliptraError for a label that nobody said the key of."""
    for target in targets:
        if target.pqc_key not in keys:
            raise CaliptraError(
                f"{target.name} wants the key {target.pqc_key}; say which one that is with --key"
                f" {target.pqc_key}=ALIAS, or choose other targets with --target"
            )
    return {target.name: keys[target.pqc_key] for target in targets}
