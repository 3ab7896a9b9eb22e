"""The command lines that may meet a lying machine."""

from dataclasses import dataclass

from hostile.liar import ALIAS, STATELESS
from kit.signatures import MESSAGE

from seemachine.testing import ESN


@dataclass(frozen=True)
class Command:
    """A command line; `{outside}` in it stands for the folder beside the world."""

    program: str
    words: tuple[str, ...]

    @property
    def json(self) -> bool:
        """Whether standard output is for programs."""
        return "--json" in self.words

    def __str__(self) -> str:
        return " ".join((self.program, *self.words))


GENERATE = ("generate", "algorithm=lms", "lmscode=sha256_m32_h5", "lmotscode=sha256_n32_w4")
PIPSQUEAK = [
    ("banner",),
    ("list",),
    ("showinfo", f"alias={ALIAS}"),
    (f"alias={ALIAS}", f"message={MESSAGE.decode()}"),
    (f"alias={ALIAS}", "msgfile={outside}/large"),
    (*GENERATE, "alias=new"),
    (*GENERATE, "alias=cards", "expcards=0", "explease=1"),
    ("generate", "alias=half", "resume=yes"),
    (f"provesn={ESN}", "slot=2"),
]
FOLDERS = ("msgdir={outside}/files", "sigdir={outside}/signatures")
SEEMACHINE = [
    ("quarantine", "list"),
    ("quarantine", "list", "--json"),
    ("quarantine", "explain"),
    ("quarantine", "burn", ALIAS, "--esn", ESN),
    ("quarantine", "burn", "half-1.1", "--esn", ESN),
    ("quarantine", "skip", ALIAS, "--esn", ESN, "--to", "20"),
    ("quarantine", "accept", "--esn", ESN),
    ("ledger",),
    ("ledger", "--json"),
    ("audit", "--fleet"),
    ("audit", "--fleet", "--json"),
    ("fleet", "check"),
    ("fleet", "check", "--json"),
    ("fleet", "status"),
    ("backup", "{outside}/backup.tar"),
]
COMMANDS = [
    *(
        Command("pipsqueak", tuple(word for word in words if word != "banner"))
        for words in PIPSQUEAK
    ),
    *(
        Command("pipsqueak", (*(word for word in words if word != "banner"), "--json"))
        for words in PIPSQUEAK
    ),
    *(Command("seemachine", words) for words in SEEMACHINE),
    # At the end: the kept inputs of the fuzzer name commands by their place.
    *(Command("pipsqueak", (f"alias={ALIAS}", "warnat=3", *more)) for more in ((), ("--json",))),
    *(Command("seemachine", ("key", "list", *more)) for more in ((), ("--json",))),
    *(Command("seemachine", ("key", "show", ALIAS, *more)) for more in ((), ("--json",))),
    *(
        Command("seemachine", ("key", "destroy", ALIAS, "--yes", *more))
        for more in ((), ("--json",))
    ),
    *(
        Command("pipsqueak", (*words, *more))
        for words in (
            ("generate", "alias=new", "mldsacode=44"),
            ("showinfo", f"alias={STATELESS}"),
            (f"alias={STATELESS}", f"message={MESSAGE.decode()}"),
        )
        for more in ((), ("--json",))
    ),
    Command("seemachine", ("key", "destroy", STATELESS, "--yes")),
    *(
        Command("pipsqueak", (f"alias={alias}", *FOLDERS, *more))
        for alias in (ALIAS, STATELESS)
        for more in ((), ("--json",))
    ),
]
