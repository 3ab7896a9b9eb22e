"""`seemachine backup` and `seemachine restore`: what can be lost, into one file and back."""

import argparse
from collections.abc import Callable
from dataclasses import asdict

from seeclient import environment

from seemachine.backup import lending, restoring, saving
from seemachine.backup.archive import ArchiveError, Manifest
from seemachine.backup.steps import RestoreStep
from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.config import ConfigError, refuse_password
from seemachine.state.errors import counted


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one of them. Returns the exit code."""
    return VERBS[verb](options)


def backup(options: argparse.Namespace) -> int:
    """Make a backup. Returns the exit code."""
    answer: Answer = options.answer
    try:
        told = environment.from_process(options.environ, options.world)
        manifest = saving.back_up(told, options.file, options.take_card, options.without)
        _report(manifest, options, answer)
    except ArchiveError as error:
        raise Refused(str(error)) from None
    finally:
        for folder, names in lending.leftovers(options.world).items():
            taken = f"an interrupted backup took {', '.join(names)}"
            answer.note(f"{taken}; bring back with: seemachine restore {folder}")
    return 0


def _report(manifest: Manifest, options: argparse.Namespace, answer: Answer) -> None:
    machines = [
        {"esn": part.esn, "nvram": part.nvram, "epoch": part.epoch, "files": len(part.files)}
        for part in manifest.machines
    ]
    answer.give(id=manifest.id, file=str(options.file), world=manifest.world, machines=machines)
    answer.give(cards=list(manifest.cards), without=list(manifest.without))
    for part in manifest.machines:
        answer.say(f"{part.esn}: {counted(len(part.files), 'NVRAM file')}, and the ledger")
    for card in manifest.cards:
        answer.say(f"{card} moved into the backup; only seemachine restore brings it back, once")
    for esn in manifest.without:
        answer.say(f"{esn} was left out")
    answer.say(f"backup {manifest.id} is in {options.file}")


def restore(options: argparse.Namespace) -> int:
    """Restore. Returns the exit code: 1 when something was refused, or contradicts what is here."""
    answer: Answer = options.answer
    try:
        refuse_password(options.witness)
    except ConfigError as error:
        raise Misused(str(error)) from None
    try:
        steps = _steps(options)
    except (ArchiveError, ConfigError) as error:
        raise Refused(str(error)) from None
    answer.give(file=str(options.file), steps=[asdict(step) for step in steps])
    for step in steps:
        answer.say(f"refused: {step.sentence}" if step.refused else step.sentence)
    refused = sum(step.refused for step in steps)
    return answer.found(f"refused: {refused} of {counted(len(steps), 'step')}") if refused else 0


def _steps(options: argparse.Namespace) -> list[RestoreStep]:
    world = options.world
    if options.file.is_dir():
        return restoring.restore_outgoing(world, options.file)
    opened = restoring.opened(options.file)
    lost = options.after_loss
    return restoring.restore(world, opened, options.environ, options.witness, after_loss=lost)


VERBS: dict[str, Callable[[argparse.Namespace], int]] = {"backup": backup, "restore": restore}
