"""How LMS keys are shown, in the guide's lines (2.7.1 step 7) and in JSON."""

from typing import Any

from seeclient.algorithms.lms.inspecting import Holding, LmsInfo
from seeclient.algorithms.lms.keyfile import LmsKeyFile
from seeclient.thresholds import in_words


def parameters(key: LmsKeyFile) -> dict[str, Any]:
    """Its parameter sets, for --json."""
    parts = key.key
    return {"lmscode": parts.tree.name, "lmotscode": parts.ots.name}


def plan(key: LmsKeyFile) -> dict[str, Any]:
    """How it was made, for --json."""
    return {
        "expcards": key.expcards,
        "explease": key.explease,
        "expcache": key.expcache,
        "warnat": key.warnat,
    }


def lines(info: LmsInfo) -> list[str]:
    """What `showinfo` prints of it."""
    key = info.key.key
    return [
        f"  {key.tree.name} {key.ots.name}",
        f"  Remaining: {info.remaining} signatures",
        *(
            f"  Threshold on {machine.esn}: {in_words(machine.warnat)}"
            for machine in info.machines
            if machine.warnat
        ),
    ]


def facts(info: LmsInfo) -> dict[str, Any]:
    """What `showinfo --json` says of it."""
    return {"remaining": info.remaining, "holdings": list(map(_holding, info.machines))}


def _holding(machine: Holding) -> dict[str, Any]:
    return {
        "esn": machine.esn,
        "first": machine.first,
        "end": machine.end,
        "remaining": machine.remaining,
        "quarantined": machine.quarantined,
        "warnat": machine.warnat,
        "slots": [
            {
                "slot": slot.slot,
                "ic": slot.ic,
                "kind": slot.kind,
                "card": slot.card,
                "leases": slot.leases,
            }
            for slot in machine.slots
        ],
    }
