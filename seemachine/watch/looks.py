"""What one look at a fleet found."""

from collections.abc import Mapping, Sequence

from seemachine.frozen import field, frozen
from seemachine.wire.messages import NvmemfileInfo, Slot, Suspect

# What a machine that is slow on purpose says of that.
SLOW = "latency "
UP, STARTING, DOWN, SILENT = "up", "starting", "down", "silent"


@frozen
class MachineLook:
    """One machine. `state` is what its process is, and `silent` where it runs and does not answer;
    then, and while it is down, the rest is what was seen last.

    `opening` is drawn anew each time that it starts. `doubt` is what this host's memory has against
    it. `seed` and `faults` are as in hello, `injected` are the faults one by one, where it tells
    who looks.
    """

    esn: str
    state: str
    model: str = ""
    module: int = 0
    address: str = ""
    why: str = ""
    opening: bytes = b""
    seed: str = ""
    faults: str = ""
    injected: Sequence[str] = ()
    doubt: str = ""
    files: Sequence[NvmemfileInfo] = ()
    slots: Sequence[Slot] = ()
    suspects: Sequence[Suspect] = ()

    @property
    def slow(self) -> str:
        """The latency that it is told to have, in words."""
        return "; ".join(each for each in self.faults.split("; ") if each.startswith(SLOW))

    @property
    def wrong(self) -> str:
        """What is to go wrong on it, in words."""
        counts = [each for each in self.faults.split("; ") if not each.startswith(SLOW)]
        return "; ".join(self.injected or counts)


@frozen
class Asked:
    """A request that a machine logged: what it was, how it ended, and how long it took."""

    esn: str
    command: str
    status: str
    seconds: float

    @property
    def done(self) -> bool:
        """Whether the machine did it."""
        return self.status == "OK"


@frozen
class FleetLook:
    """All of it. `at` is in seconds of any clock that goes on evenly, `time` since 1970.

    `aliases` are of this host, by NVRAM file; `leases` are on cards, by NVRAM file: how many, and
    on how many cards. `asked` were logged since the look before; None where no log can be read.
    `whole`: it is all of a world, so what is in none of it is nowhere.
    """

    at: float
    time: float
    machines: Sequence[MachineLook]
    aliases: Mapping[bytes, str] = field(default_factory=dict)
    leases: Mapping[bytes, tuple[int, int]] = field(default_factory=dict)
    asked: Sequence[Asked] | None = None
    supervised: bool = True
    whole: bool = True
