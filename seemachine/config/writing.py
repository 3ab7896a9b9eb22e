"""A machine's settings as TOML, from which `load` makes the same settings."""

import os
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from seemachine.config.settings import Config

# What a basic string of TOML 1.0 can't hold as it is.
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')


def to_toml(config: Config) -> bytes:
    """All settings, those with defaults too: what is in the file does not depend on a version."""
    lines = [*_lines(config), "", "[limits]", *_lines(config.limits)]
    if config.tls is not None:
        lines += ["", "[tls]", *_lines(config.tls)]
    return os.fsencode("\n".join([*lines, ""]))


def _lines(settings: Any) -> Iterator[str]:
    for setting in fields(settings):
        value = getattr(settings, setting.name)
        if "setting" in setting.metadata:
            yield f"{setting.name} = {literal(value)}"


def literal(value: Any) -> str:
    """A truth value, number, text, path, or tuple of these as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", str(value)) + '"'
