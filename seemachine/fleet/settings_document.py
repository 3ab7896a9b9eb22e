"""docs/reference/settings.md, made of the settings themselves: make docs/reference/settings.md.

`python -m seemachine.fleet.settings_document` prints it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import Field
from typing import Any

from seemachine.config import Config, LimitSettings, TlsSettings
from seemachine.config.setting import Setting, settings_of
from seemachine.config.telling import default_of, sentences
from seemachine.fleet.shared import FleetSettings
from seemachine.fleet.template import NOT_OF_A_MACHINE
from seemachine.printing import say

HEAD = """\
# Settings

A machine takes its settings from their defaults, then from a TOML file (`seemachine serve --config
FILE`), then from the command line (`seemachine serve --help`); an option is a setting's name with
hyphens. A setting that is unknown, or has a value that it does not take, is refused by name, and
nothing starts: exit code 2.

A fleet takes them from `fleet.toml`. `seemachine fleet up` makes that file if it is missing, with
every setting explained. At each start it writes all settings of a machine to
`hsm/<ESN>/settings.toml`, for its user alone, and runs `seemachine serve --config` with that file:
make changes in `fleet.toml`.
"""
OF_A_MACHINE = """\
## Of a machine

At the top of a machine's file; in `fleet.toml` under its `[[machines]]`.
"""
NOT_IN_A_FLEET = """\
In `fleet.toml` leave out {names}: a fleet reserves the ports of its machines, publishes them, and
takes who inserts cards from `[operator]`, the signers from the SEE machine loaded on the HSM.
"""
LIMITS = """\
## [limits]

What one peer can make a machine hold, and for how long; in `fleet.toml` once, and each machine
has them. A peer is an address, one IPv6 network of 64 bits, or a user who comes by the socket.
"""
TLS = """\
## [tls]

With it the port takes TLS 1.3 and nothing else; see [Use TLS](../how-to/tls.md). In
`fleet.toml` it holds for every machine that has no `tls = {...}` of its own. Give all three files,
in PEM, or `pki`: `"auto"` for `pki/` of the world folder, or another folder in which they are
called `<ESN>.crt`, `<ESN>.key` and `ca.crt`.
"""
FLEET = """\
## Of a fleet

In `fleet.toml` alone: `process`, `count`, `sockets` and `seed` at the top, `blank_cards` under
`[operator]`. `fault_injection` and `latency` at the top are of every machine that has none of its
own under its `[[machines]]`. `[[faults]]`, at the end, are tables with the words of a fault; `esn`
names the machine that it is for, or several in a list.
"""
COLUMNS = "| setting | takes | default | |\n| --- | --- | --- | --- |\n"


def document() -> str:
    """The whole text."""
    names = ", ".join(f"`{name}`" for name in NOT_OF_A_MACHINE)
    parts = [
        HEAD,
        OF_A_MACHINE,
        _table(settings_of(Config)),
        NOT_IN_A_FLEET.format(names=names),
        LIMITS,
        _table(settings_of(LimitSettings)),
        TLS,
        _table(settings_of(TlsSettings)),
        FLEET,
        _table(settings_of(FleetSettings)),
    ]
    return "\n".join(parts)


def _table(rows: Iterable[tuple[Field[Any], Setting]]) -> str:
    return COLUMNS + "".join(_rows(rows))


def _rows(rows: Iterable[tuple[Field[Any], Setting]]) -> Iterator[str]:
    for field, setting in rows:
        cells = (
            f"`{field.name}`",
            _takes(setting),
            _default(field, setting),
            _what(field, setting),
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _takes(setting: Setting) -> str:
    words = ", ".join(f'`"{word}"`' for word in setting.choices)
    unit = f", in {setting.unit}" if setting.unit else ""
    return words or f"{setting.takes}{unit}"


def _default(field: Field[Any], setting: Setting) -> str:
    """A value in code; what stands for one in words."""
    shown = default_of(field, setting)
    if shown == setting.unset:
        return shown or "none; needed"
    return f"`{shown}`" if setting.fits(field.default) else "none; needed"


def _what(field: Field[Any], setting: Setting) -> str:
    return f"{sentences(field, setting)} {setting.more}".strip()


if __name__ == "__main__":
    for line in document().splitlines():
        say(line)
