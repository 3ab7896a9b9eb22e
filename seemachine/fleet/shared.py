"""What a fleet file says of all its machines together."""

from dataclasses import dataclass

from seemachine.config import OPERATORS
from seemachine.config.injection import fault_injection_setting, latency_setting
from seemachine.config.seed import seed_setting
from seemachine.config.setting import check_all, choice, number, text
from seemachine.wire.names import MOST_MACHINES

EACH, ONE = "each", "one"
PROCESSES = {
    EACH: "each machine has a process of its own",
    ONE: "all machines share one process, which takes a tenth of the memory",
}


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """`blank_cards` is in [operator]; the others are settings of the file itself."""

    process: str = choice(EACH, PROCESSES, "how machines are spread over processes")
    count: int = number(
        0,
        0,
        MOST_MACHINES,
        "how many machines there are: the first of [[machines]], and more that are like the first",
        unset="as many as there are [[machines]]",
        more="Their ESNs are given out in an order that is always the same; modules and ports count"
        " up. Without [[machines]] all have such ESNs; `fleet up --count` writes a new file with"
        " two [[machines]], which have those of the guide.",
    )
    sockets: str = text(
        "",
        "the path of a folder",
        "a folder in which each machine has a Unix socket, too, <module>-<ESN>.sock",
        unset="none",
        more="Relative to the world folder. A machine that has a `socket` of its own has that one.",
        example='"/run/hsm"',
    )
    seed: str = seed_setting()
    fault_injection: bool = fault_injection_setting()
    latency: str = latency_setting()
    blank_cards: str = choice("manual", OPERATORS, "who inserts blank cards")

    def __post_init__(self) -> None:
        check_all(self)
