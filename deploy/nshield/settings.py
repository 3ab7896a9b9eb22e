"""What a deployment is given: options, above a TOML file of the same names, above the guide's
values.
"""

import argparse
import ipaddress
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

MODELS = {"5c": "nShield 5c", "xc": "nShield Connect XC"}
# Where the guide presents the OCS card: 2.5.2.3 step 14, 2.5.1 step 3.
SLOTS = {"5c": 2, "xc": 3}
PUBLISHED = "pqsdk"
# Of modules and slots: more than there are, and less than what is mistyped.
LAST = 99
ESN = r"[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# generatekey folds and refuses other characters; the file of the key would not be where it is
# looked for.
IDENT = r"[0-9a-z][0-9a-z-]*"


class WrongSettings(Exception):
    """The text says which, and what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment. Empty texts mean: not given. Paths are absolute."""

    model: str
    module: int = 1
    esn: str = ""
    version: str = "1.4.1"
    release: str = ""
    work: str = ""
    nfast: str = ""
    cardset: str = "testOCS"
    slot: int = 0
    signer: str = "pqsdk-signer"
    licence: str = ""
    rfs: str = ""
    address: str = ""
    devkey: str = "devkeyident"
    devcert: str = ""
    cname: str = ""
    org: str = ""
    retarget: str = ""
    rootdir: str = ""
    network_conf: str = ""
    packages_conf: str = ""
    uuid: str = ""
    sudo: bool = False

    @property
    def name(self) -> str:
        """Of the command."""
        return f"nshield{self.model}"


HELP = {
    "module": "module number; default 1",
    "esn": "refuse to act on a module with another serial number than this",
    "version": "of the release; default 1.4.1",
    "release": "the unzipped release, or its zip file (guide 2.4)",
    "work": (
        "folder for what is made: images, certificates, journal; default pqcop-5c or pqcop-xc,"
        " beside FILE.toml or here"
    ),
    "nfast": "default: found by generatekey in PATH",
    "cardset": "OCS that protects the keys; default testOCS",
    "slot": "where its card is read; default as in the guide",
    "signer": "identifier of the signing key; default pqsdk-signer",
    "licence": "licence file from Entrust Support, for a module that has none (guide 2.5)",
    "rfs": "address of the RFS, for the licence",
    "address": "IPv4 address of the HSM, to enroll its launcher (guide 2.5.2.3 step 7)",
    "devkey": "identifier of the developer key; default devkeyident",
    "devcert": (
        "developer certificate from Entrust Support; default <devkey>.pem in the work folder"
    ),
    "cname": "common name of the developer certificate",
    "org": "organization of the developer certificate",
    "retarget": (
        "take this seeinteg key of an XC as application signing key (mixed fleet, guide 2.9.2)"
    ),
    "rootdir": (
        "root tree of the container, such as build/container/tree of `make image`; default: of the"
        " release (guide step 16)"
    ),
    "network_conf": "default network.json of the release",
    "packages_conf": "default packages.json of the release",
    "uuid": (
        "the installed SEE machine to take over, or to uninstall, when the work folder does not"
        " know it"
    ),
    "sudo": "copy to custom-seemachines with sudo (guide 2.5.1 step 7)",
}
ONLY = {
    "5c": (
        "address",
        "devkey",
        "devcert",
        "cname",
        "org",
        "retarget",
        "rootdir",
        "network_conf",
        "packages_conf",
        "uuid",
    ),
    "xc": ("sudo",),
}


def _is_ipv4(value: str) -> bool:
    try:
        return bool(ipaddress.IPv4Address(value))
    except ValueError:
        return False


SHAPES: dict[str, tuple[Callable[[Any], object], str]] = {
    "module": (lambda value: 1 <= value <= LAST, f"a module number, 1 to {LAST}"),
    "slot": (lambda value: 0 <= value <= LAST, f"a slot number, 0 to {LAST}"),
    "esn": (re.compile(ESN).fullmatch, "a serial number, such as 7852-268D-3BF9"),
    "uuid": (re.compile(UUID).fullmatch, "a UUID as csadmin prints it, in small letters"),
    "version": (re.compile(r"[0-9A-Za-z][0-9A-Za-z.]*").fullmatch, "a release, such as 1.4.1"),
    "address": (_is_ipv4, "an IPv4 address"),
    "rfs": (re.compile(r"[0-9A-Za-z][0-9A-Za-z.:-]*").fullmatch, "an address, or a host name"),
    **dict.fromkeys(
        ("signer", "devkey", "retarget"),
        (re.compile(IDENT).fullmatch, "a key identifier: digits, small letters and dashes"),
    ),
}
# What no tool answers.
ONLY_GIVEN = ("cname", "org", "address", "rfs")
PATHS = (
    "release",
    "work",
    "nfast",
    "licence",
    "devcert",
    "rootdir",
    "network_conf",
    "packages_conf",
)


# How a file has them.
KINDS: dict[Any, str] = {int: "a whole number", str: "a text in quotes", bool: "true or false"}


def known(model: str) -> list[str]:
    """The settings of a model."""
    others = {name for other, names in ONLY.items() if other != model for name in names}
    return [name for name in HELP if name not in others]


def add_options(parser: argparse.ArgumentParser, model: str) -> None:
    """An option for each setting; None when it is not given."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE.toml",
        help="a file with any of the settings below, without the dashes",
    )
    kinds = {each.name: each.type for each in fields(Settings)}
    for name in known(model):
        option = f"--{name.replace('_', '-')}"
        if kinds[name] is bool:
            parser.add_argument(option, action="store_true", default=None, help=HELP[name])
        else:
            parser.add_argument(option, type=int if kinds[name] is int else str, help=HELP[name])


def chosen(model: str, options: argparse.Namespace) -> Settings:
    """Raises WrongSettings."""
    given = _file(model, options.settings) if options.settings else {}
    given |= {name: value for name in known(model) if (value := getattr(options, name)) is not None}
    beside = options.settings.parent if options.settings else Path()
    given["work"] = given.get("work") or str(beside / f"pqcop-{model}")
    given.setdefault("slot", SLOTS[model])
    for name, value in given.items():
        _refuse_shape(name, value)
    for name in PATHS:
        if given.get(name):
            given[name] = str(Path(given[name]).expanduser().absolute())
    return Settings(model, **given)


def _refuse_shape(name: str, value: Any) -> None:
    """Values become words of tool calls: none may be taken for an option there, or for another file
    or module than was meant.
    """
    shape = SHAPES.get(name)
    if shape and value != "" and not shape[0](value):
        raise WrongSettings(f"{name} is {shape[1]}, not {value!r}")
    if isinstance(value, str) and (value.startswith("-") or not value.isprintable()):
        raise WrongSettings(
            f"{name} can't be {value!r}: it begins with a dash, or has characters that can't be"
            " printed"
        )


def _file(model: str, path: Path) -> dict[str, Any]:
    """What is at the top of the file is for both models, the table `5c` or `xc` for one of them."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongSettings(f"{path}: {error}") from None
    tables = {each: table.pop(each, {}) for each in MODELS}
    _refuse_unknown(path, table, list(HELP))
    for each, own in tables.items():
        if not isinstance(own, dict):
            raise WrongSettings(f"{path}: {each} is the table of an {MODELS[each]}, not {own!r}")
        _refuse_unknown(path, own, known(each))
    given = {name: value for name, value in (table | tables[model]).items() if name in known(model)}
    # Paths in a file are relative to it, so that it means the same wherever the command is called.
    return {
        name: (
            str(path.absolute().parent / Path(value).expanduser())
            if name in PATHS and value
            else value
        )
        for name, value in given.items()
    }


def _refuse_unknown(path: Path, table: dict[str, Any], names: list[str]) -> None:
    kinds = {each.name: each.type for each in fields(Settings)}
    for name, value in table.items():
        if name not in names:
            raise WrongSettings(f"{path}: unknown setting {name}; known are {', '.join(names)}")
        if type(value) is not kinds[name]:
            raise WrongSettings(f"{path}: {name} takes {KINDS[kinds[name]]}, not {value!r}")
