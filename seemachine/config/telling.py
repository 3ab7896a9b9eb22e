"""What people are told of a setting, in one sentence or as a comment of a file."""

import re
from dataclasses import Field
from typing import Any

from seemachine.config.setting import Setting
from seemachine.config.writing import literal


def in_help(field: Field[Any], setting: Setting) -> str:
    """For `--help`: what, the meaning of each choice, and the default."""
    if isinstance(field.default, bool):
        return f"do not {setting.what}" if field.default else setting.what
    return "; ".join(filter(None, [setting.what, *_choices(setting), *_default(field, setting)]))


def sentences(field: Field[Any], setting: Setting) -> str:
    """For a comment: what, the choices, and what an empty value stands for."""
    parts = [setting.what, "; ".join(_choices(setting)), *_empty(field, setting)]
    return " ".join(f"{capital(part)}." for part in parts if part)


def default_of(field: Field[Any], setting: Setting) -> str:
    """As TOML, or in words where there is no value."""
    return literal(field.default) if _is_value(field.default) else setting.unset


def _is_value(default: object) -> bool:
    return isinstance(default, bool | int | str | tuple)


def _choices(setting: Setting) -> list[str]:
    return [f"{word}: {meaning}" for word, meaning in setting.choices.items()]


def _default(field: Field[Any], setting: Setting) -> list[str]:
    if not _is_value(field.default) or field.default in ("", 0, ()):
        return [f"default: {setting.unset}"] if setting.unset else []
    unit = f" {setting.unit}" if setting.unit else ""
    return [f"default {field.default}{unit}", *_empty(field, setting, nothing='""')]


def _empty(field: Field[Any], setting: Setting, nothing: str = "Empty") -> list[str]:
    """What 0 or an empty text stands for."""
    if not setting.unset or not _is_value(field.default):
        return []
    return [f"{0 if isinstance(field.default, int) else nothing}: {setting.unset}"]


def capital(phrase: str) -> str:
    """A phrase as a sentence begins; words that are values stay as they are."""
    if re.match(r"\w+: ", phrase):
        return phrase
    return phrase[:1].upper() + phrase[1:]
