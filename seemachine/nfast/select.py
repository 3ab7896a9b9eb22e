"""Which HSM a tool acts on."""

from seemachine.hsms import records
from seemachine.hsms.features import FEATURES, SEE_FEATURE
from seemachine.hsms.records import OPERATIONAL, Module
from seemachine.nfast.refusals import Refusal
from seemachine.wire.names import NO_ESN, is_esn
from seemachine.world import World

MODELS = {"5c": "nShield 5c", "xc": "nShield Connect XC"}


def enrolled(world: World) -> list[Module]:
    """The modules of this host, by number."""
    return [module for module in records.present(world) if module.number]


def by_number(world: World, number: int) -> Module:
    """The module of a number. Raises Refusal."""
    known = enrolled(world)
    for module in known:
        if module.number == number:
            return module
    numbers = ", ".join(str(module.number) for module in known) or "none"
    raise Refusal(f"there is no module {number}; modules are: {numbers}")


def chosen(world: World, number: int | None) -> list[Module]:
    """The module of a number, or all when none was named. Raises Refusal."""
    return enrolled(world) if number is None else [by_number(world, number)]


def only(world: World, number: int | None) -> Module:
    """The module of a number, or the first one when none was named. Raises Refusal."""
    known = enrolled(world)
    if number is not None:
        return by_number(world, number)
    if not known:
        raise Refusal("no HSM is enrolled; make some with: seemachine nfast setup")
    return known[0]


def ready(world: World, number: int | None) -> list[Module]:
    """The modules to choose from: that of the number, else all that are operational.

    Raises Refusal.
    """
    return [module for module in chosen(world, number) if module.mode == OPERATIONAL]


def of_model(world: World, number: int | None, model: str, tool: str) -> Module:
    """The module of a number, or the only one of the model that a tool is for.

    Raises Refusal, which names the option.
    """
    if number is not None:
        module = by_number(world, number)
        refuse_model(module, model, tool)
        return module
    found = [module for module in enrolled(world) if module.model == model]
    if not found:
        # The first is of another model, or there is none.
        refuse_model(only(world, None), model, tool)
    if len(found) > 1:
        numbers = ", ".join(str(module.number) for module in found)
        raise Refusal(
            f"several modules are an {MODELS[model]}: {numbers}; say which with: -m MODULE"
        )
    return found[0]


def by_esn(world: World, esn: str) -> Module:
    """The enrolled module of an ESN. Raises Refusal."""
    if not is_esn(esn):
        raise Refusal(f"{esn!r} {NO_ESN}")
    known = enrolled(world)
    for module in known:
        if module.esn == esn:
            return module
    raise Refusal(
        f"no HSM {esn} is enrolled here; enrolled are:"
        f" {', '.join(module.esn for module in known) or 'none'}"
    )


def refuse_model(module: Module, model: str, tool: str) -> None:
    """Raises Refusal when a module is of another model than the tool is for."""
    if module.model != model:
        raise Refusal(
            f"{tool} is for the {MODELS[model]}; module {module.number} ({module.esn}) is an"
            f" {MODELS[module.model]}"
        )


def refuse_mode(module: Module) -> None:
    """Raises Refusal when a module is in a mode in which it reads no cards and loads nothing."""
    if module.mode != OPERATIONAL:
        raise Refusal(f"{module.esn} is in {module.mode} mode; {module.way_back}")


def refuse_unready(module: Module) -> None:
    """Raises Refusal when no SEE machine may start: not operational, or without the licence (guide
    2.5).
    """
    refuse_mode(module)
    if not module.licensed:
        name = FEATURES[SEE_FEATURE[module.model]]
        raise Refusal(
            f"{module.esn} has no licence for {name}; install one with nethsmadmin -a, then"
            " nopclearfail -c (guide 2.5)"
        )
