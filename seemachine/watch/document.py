"""A fleet for a program: the fields of `seemachine watch --once --json`."""

from typing import Any

from seemachine.watch.looks import MachineLook
from seemachine.watch.watched import Holding, Key, Watched
from seemachine.wire.names import is_esn, printed_name


def document(watched: Watched) -> dict[str, Any]:
    """All that one look found."""
    return {
        "supervised": watched.look.supervised,
        "machines": list(map(_machine, watched.machines)),
        "keys": [_key(key, watched) for key in watched.keys],
    }


def _machine(machine: MachineLook) -> dict[str, Any]:
    return {
        "esn": machine.esn if is_esn(machine.esn) else None,
        "model": machine.model or None,
        "module": machine.module,
        "state": machine.state,
        "address": machine.address or None,
        "why": machine.why or None,
        "doubt": machine.doubt or None,
        "seed": machine.seed or None,
        "faults": machine.faults or None,
        "slots": [
            {"slot": each.slot, "card": each.card, "kind": each.kind, "leases": each.leases}
            for each in machine.slots
        ],
        "quarantine": [
            {
                "name": printed_name(each.file) or each.label,
                "kind": "file" if each.file else "half-made key",
                "reason": each.reason,
            }
            for each in machine.suspects
        ],
    }


def _key(key: Key, watched: Watched) -> dict[str, Any]:
    return {
        "alias": watched.look.aliases.get(key.file),
        "nvram_file": printed_name(key.file),
        # Nobody knows while a machine that may have some is not seen.
        "left": key.left if key.found or not watched.unseen else None,
        "size": key.size,
        "leases_on_cards": key.leases,
        "machines": list(map(_holding, key.holdings)),
    }


def _holding(each: Holding) -> dict[str, Any]:
    info = each.info
    return {
        "esn": each.esn,
        "first": info.first,
        "next": info.next,
        "end": info.end,
        "remaining": info.remaining,
        "quarantined": info.quarantined,
        "usable": each.usable,
    }
