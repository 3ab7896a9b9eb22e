"""What a fleet file says of all its machines together."""

from dataclasses import dataclass

from seemachine.config import OPERATORS
from seemachine.config.setting import check_all, choice

EACH, ONE = "each", "one"
PROCESSES = {
    EACH: "each machine has a process of its own",
    ONE: "all machines share one process, which takes less memory and starts faster",
}


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """`process` is a setting of the file itself, `blank_cards` is in [operator]."""

    process: str = choice(EACH, PROCESSES, "how machines are spread over processes")
    blank_cards: str = choice("manual", OPERATORS, "who inserts blank cards")

    def __post_init__(self) -> None:
        check_all(self)
