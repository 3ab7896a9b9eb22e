#!/usr/bin/python3 -ISB
"""The entry point of the container: look at what this Python has, say what it lacks, then serve one
machine on port 8888.

It needs its own tree, which may be read-only, and one folder to write to. It starts no other
process. Options are those of `seemachine serve` and go before etc/seemachine.toml; `card list` and
the like work on the data folder, `info` tells which engine runs. The ESN is $SEEMACHINE_ESN, else
what the file `esn` in the data folder says, else NO_ESN. Until `can_run` has looked, only modules
are imported that every Python has.
"""

import contextlib
import os
import signal
import stat
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
# Joined: where the tree is the root, that is a slash by itself.
LIBRARY = os.path.join(ROOT, "usr/lib/seemachine")  # noqa: PTH118
SETTINGS = os.path.join(ROOT, "etc/seemachine.toml")  # noqa: PTH118
# How a container learns the ESN of its HSM is not known.
NO_ESN = "C0DE-5AFE-0005"
# Of the words of `seemachine` those that are for where a machine is. The others are for hosts: they
# need a client, or start processes.
WORDS = ("card", "info")
# What is longer is no ESN, and is refused as none.
MOST_ESN = 256

# Found by blocking one after the other: without any of these the daemon can't be imported.
NEEDED = (
    *(
        "array",
        "binascii",
        "contextvars",
        "fcntl",
        "math",
        "random",
        "resource",
        "select",
        "socket",
        "struct",
        "subprocess",
        "threading",
        "unicodedata",
    ),
    "hashlib.sha256",
)
# Imported by trio at its start, be they used or not: a stand-in of that name is in the tree.
STOOD_IN = {
    "ssl": "no TLS; only what surrounds the container guards the port",
    "ctypes": "threads have no names in lists of processes",
}
WANTED = {
    "hashlib.shake_256": "no ML-DSA keys, and none of LMS with SHAKE256 parameter sets",
    "sqlite3": 'store = "sqlite" does not work; the default in the container is "file"',
    "zlib": "no effect on the machine",
    "mmap": "no effect on the machine",
}


def main(arguments: list[str]) -> int:
    """Run one machine until SIGTERM.

    Returns the exit code: 0 stopped, 1 can't start, 2 wrong settings or words.
    """
    os.umask(0o077)
    # Process 1 of a container gets no signal that it does not ask for. While the machine serves, it
    # has a better answer.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    keep_standard_files()
    say(f"Python {sys.version.split()[0]}, {os.uname().machine}, {sys.byteorder}-endian")
    sys.path.append(LIBRARY)
    if not can_run():
        return refuse("this Python can't run the machine")
    start_no_processes()
    from data_folder import check_writable, data_folder

    try:
        data = data_folder(SETTINGS, os.environ)
    except (OSError, ValueError) as error:
        return refuse(f"{SETTINGS}: {error}")
    try:
        check_writable(data)
    except OSError as error:
        return refuse(
            f"the data folder {data} can't be written by user {os.geteuid()} of group"
            f" {os.getegid()}: {error}. Name another as `world` in {SETTINGS} or in"
            " $SEEMACHINE_HOME"
        )
    return command(data, arguments)


def command(data: str, arguments: list[str]) -> int:
    """Serve, or do what another word of `seemachine` says with the data folder.

    Returns the exit code.
    """
    from seemachine.cli.command import main as seemachine

    os.environ["SEEMACHINE_HOME"] = data
    if arguments and not arguments[0].startswith("-"):
        if arguments[0] in WORDS:
            return seemachine(arguments)
        say(
            f"{arguments[0]} is not for the container, which knows the options of serve, and"
            f" {', '.join(WORDS)}; try it on a host"
        )
        return 2
    # What is given more than once is more than one machine.
    given = {word.partition("=")[0] for word in arguments}
    words = [] if "--config" in given else ["--config", SETTINGS]
    try:
        words += [] if "--esn" in given else ["--esn", esn(data)]
    except OSError as error:
        return refuse(f"the ESN can't be read: {error}")
    return seemachine(["serve", "--home", data, *words, *arguments])


def keep_standard_files() -> None:
    """Numbers 0 to 2 are taken, by nothing at worst: no file of NVRAM may get one, or what is
    printed would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is the one that is taken: this one.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115


def can_run() -> bool:
    """Say on standard error what is missing and what that means; put stand-ins in its place where
    there are any.
    """
    fatal = False
    # UP036: this Python is not the one that the project is installed in.
    if sys.version_info < (3, 11):  # noqa: UP036
        say("needed: Python 3.11 or later")
        fatal = True
    for name in NEEDED:
        if reason := why_missing(name):
            say(f"needed and missing: {name}: {reason}")
            fatal = True
    for name, meaning in {**STOOD_IN, **WANTED}.items():
        if reason := why_missing(name):
            say(f"missing: {name}: {meaning} ({reason})")
            if name in STOOD_IN:
                sys.path.insert(0, f"{LIBRARY}/stand-ins/{name}")
    return not fatal


def why_missing(name: str) -> str:
    """Why a module, or a function of one, can't be had; empty when it can."""
    module, _, function = name.partition(".")
    try:
        if function and not hasattr(__import__(module), function):
            return f"not in {module}"
        __import__(module)
    except ImportError as error:
        return str(error)
    return ""


def start_no_processes() -> None:
    """At its start trio asks for the thread library, and Python would run ldconfig, gcc and ld to
    answer.
    """
    import ctypes.util

    ctypes.util.find_library = lambda name: None  # noqa: ARG005


def esn(data: str) -> str:
    """The machine's ESN, checked by who takes it. Raises OSError."""
    if given := os.environ.get("SEEMACHINE_ESN"):
        return given
    path = os.path.join(data, "esn")  # noqa: PTH118
    try:
        # Not waiting for the other end of what is not a file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        say(f"neither $SEEMACHINE_ESN nor {path} tells the ESN; {NO_ESN} is taken")
        return NO_ESN
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a file")
        return os.read(descriptor, MOST_ESN).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)


def refuse(reason: str) -> int:
    """Say why there is no machine. Returns the exit code."""
    say(reason)
    return 1


def say(text: str) -> None:
    """One line on standard error, which may lead nowhere."""
    with contextlib.suppress(OSError):
        print(f"seemachine: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
