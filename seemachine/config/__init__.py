"""Settings of one machine: defaults, then a TOML file, then the command line.

`settings` and `tables` declare them, `reading` takes them from files and words, `writing` makes a
file of them.
"""

from seemachine.config.reading import (
    build,
    build_limits,
    build_tls,
    load,
    read_toml,
    refuse_password,
    refuse_unknown,
)
from seemachine.config.setting import MOST, ConfigError
from seemachine.config.settings import OPERATORS, Config
from seemachine.config.tables import MIN_FRAME, LimitSettings, TlsSettings
from seemachine.config.writing import to_toml

__all__ = [
    "MIN_FRAME",
    "MOST",
    "OPERATORS",
    "Config",
    "ConfigError",
    "LimitSettings",
    "TlsSettings",
    "build",
    "build_limits",
    "build_tls",
    "load",
    "read_toml",
    "refuse_password",
    "refuse_unknown",
    "to_toml",
]
