"""What a refusal of any room becomes on the command line: the one place where errors are
translated.
"""

from seemachine.cli.answer import Refused
from seemachine.document import INTERNAL, Failure, fault, status_of
from seemachine.state.errors import StateError, reason
from seemachine.wire.status import StatusError

# The extra that has all that these commands need.
FORMATS = "'seemachine[formats]'"
OF_FORMATS = ("cert", "cms", "jar")
# What is imported of packages that are optional, and what is to be installed for it.
OPTIONAL = {
    "cryptography": "cryptography",
    "pyasn1": FORMATS,
    "pyasn1_modules": FORMATS,
    "shtab": "shtab",
    "pg8000": "pg8000",
}


def failure_of(error: Exception, command: str | None = None) -> Failure:
    """Why a command, such as `cms verify`, was not carried out.

    What no room of ours means is a fault of the program.
    """
    if isinstance(error, Refused):
        return error.failure
    if isinstance(error, StatusError):
        return refused(error).failure
    if isinstance(error, StateError | OSError):
        return Refused(reason(error)).failure
    if isinstance(error, ModuleNotFoundError) and _package(error) in OPTIONAL:
        return Refused(_missing(_package(error), command or "")).failure
    return Failure.of(INTERNAL, fault(error))


def refused(error: StatusError, exit_code: int = 1) -> Refused:
    """By a machine, or on the way to one: with its status, which the document tells."""
    return Refused(error.detail, exit_code, status_of(error))


def _missing(package: str, command: str) -> str:
    # By its own name, where there are not several: this leaves the install of a clone as it is.
    wanted = FORMATS if command.partition(" ")[0] in OF_FORMATS else OPTIONAL[package]
    name = package.replace("_", "-")
    return f"the package {name} is missing; install it with: pip install {wanted}"


def _package(error: ModuleNotFoundError) -> str:
    return (error.name or "").partition(".")[0]
