"""`seemachine nfast ...`: what the guide takes for granted or leaves to others: the installation,
the vendor's files, enrolment.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from seemachine.cli.answer import Answer, Misused, Refused
from seemachine.config import Config, ConfigError
from seemachine.fleet import configuration
from seemachine.hsms import published, records
from seemachine.hsms.features import DELIVERED, FEATURES, SEE_FEATURE
from seemachine.hsms.records import Module
from seemachine.nfast import files, install, paths, questions, tool, tools
from seemachine.nfast.refusals import Misuse, Refusal
from seemachine.state.cards.cardsets import ADMIN
from seemachine.state.disk.durable import private_folder, replace_file
from seemachine.world import World

HIDDEN = "published.json"


def run(verb: str, options: argparse.Namespace) -> int:
    """Do one verb. Returns the exit code."""
    try:
        VERBS[verb](options.world, options)
    except Misuse as error:
        raise Misused(str(error)) from None
    except (Refusal, OSError) as error:
        raise Refused(tool.reason(error)) from None
    return 0


def _path(world: World, options: argparse.Namespace) -> None:
    folder = install.install(world, tools.known(tools.HOST))
    options.answer.give(folder=str(folder))
    options.answer.say(folder)


def _release(world: World, options: argparse.Namespace) -> None:
    files.refuse_unwritable(options.output)
    there = options.output.exists()
    if there and not install.is_release(options.output):
        raise Refusal(f"{options.output} is there already, and is not a release file")
    install.release(world, tools.known(tools.RELEASE), options.output)
    options.answer.give(file=str(options.output), replaced=there)
    options.answer.say(f"{options.output} written{' anew' * there}; go on with guide 2.4 step 3")


def _support(_world: World, options: argparse.Namespace) -> None:
    scripts = tools.known(tools.SUPPORT)
    name = options.output.name
    if name not in scripts:
        raise Misuse(f"Entrust Support gives out {', '.join(scripts)}, not {name}")
    files.refuse_unwritable(options.output)
    _keep(options.output, install.script(name, scripts[name]).encode())
    options.answer.give(file=str(options.output))
    options.answer.say(f"{options.output} written")


def _setup(world: World, options: argparse.Namespace) -> None:
    """HSMs powered on, enrolled in the fleet file's order, the Security World and its cards: guide
    2.1 and 2.2.
    """
    from seemachine.nfast import entrust

    answer: Answer = options.answer
    try:
        fleet = configuration.read(configuration.find(world, options.fleet), world)
    except ConfigError as error:
        raise Refusal(str(error)) from None
    install.install(world, tools.known(tools.HOST))
    made = _make_cards(world, options)
    for name, prefix, cards in made:
        answer.say(f"{name}: {_listed(prefix, cards)}")
    names = [name for _, prefix, cards in made for name in _names(prefix, cards)]
    answer.give(cards=[{"card": name} for name in names])
    entrust.issuer(world)
    for machine in fleet.machines:
        _power_on(world, machine, licensed=not options.unlicensed)
        answer.say(f"module {machine.module}: {machine.esn} ({machine.model})")
    answer.give(
        machines=[
            {"esn": each.esn, "model": each.model, "module": each.module} for each in fleet.machines
        ]
    )


def _make_cards(world: World, options: argparse.Namespace) -> list[tuple[str, str, int]]:
    """The ACS and the first OCS, where there are none. Returns what was made: its name, what the
    names of its cards begin with, and their number.
    """
    from seemachine.nfast import securityworld

    missing = not (paths.kmlocal(world) / "world").exists()
    known = {each.name for each in securityworld.operator_sets(world)}
    if not missing and options.ocs in known:
        return []
    if options.ocs not in known:
        # Before the ACS is made: nothing is left half done.
        securityworld.refuse_bad_set(options.ocs, options.ocs_quorum, options.ocs_cards)
    passphrase = _passphrase(options)
    made = []
    if missing:
        securityworld.create(world, options.acs_quorum, options.acs_cards, passphrase)
        made.append(("Security World and its ACS", ADMIN, options.acs_cards))
    if options.ocs not in known:
        securityworld.create_operator_set(
            world, options.ocs, options.ocs_quorum, options.ocs_cards, passphrase
        )
        made.append((f"OCS {options.ocs}", options.ocs, options.ocs_cards))
    return made


def _names(prefix: str, cards: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(1, cards + 1)]


def _listed(prefix: str, cards: int) -> str:
    names = _names(prefix, cards)
    return f"card {names[0]}" if cards == 1 else f"cards {names[0]} to {names[-1]}"


def _power_on(world: World, machine: Config, *, licensed: bool) -> None:
    from seemachine.nfast.tools import cfg_mkdefault

    if records.read(world, machine.esn) is None:
        features = [*DELIVERED, SEE_FEATURE[machine.model]] if licensed else [*DELIVERED]
        records.write(
            world, Module(machine.esn, machine.model, machine.module, features=sorted(features))
        )
    folder = private_folder(paths.rfs(world, machine.esn).resolve() / "config")
    private_folder(folder.parent / "features")
    if not (folder / "config").exists():
        replace_file(folder / "config", cfg_mkdefault.text().encode())


def _passphrase(options: argparse.Namespace) -> str:
    given: str | None = options.passphrase
    return given if given is not None else questions.new_secret("Passphrase for the cards:")


def _enroll(world: World, options: argparse.Namespace) -> None:
    """Module numbers in the order given; HSMs that are not named are no longer enrolled, and what
    they published is not seen.
    """
    known = {module.esn for module in records.listing(world)}
    missing = [esn for esn in options.esn if esn not in known]
    if len(set(options.esn)) < len(options.esn):
        raise Misuse("an HSM is named twice")
    if missing:
        raise Refusal(f"there is no HSM {missing[0]}; make one with: seemachine nfast setup")
    for esn in sorted(known):
        number = options.esn.index(esn) + 1 if esn in options.esn else 0
        with records.changing(world, esn) as module:
            module.number = number
        (_show if number else _hide)(world, esn, number)
    numbered = list(enumerate(options.esn, 1))
    options.answer.give(machines=[{"esn": esn, "module": number} for number, esn in numbered])
    for number, esn in numbered:
        options.answer.say(f"module {number}: {esn}")


def _hide(world: World, esn: str, _number: int) -> None:
    path = world.published / f"{esn}.json"
    if path.exists():
        path.rename(world.hsm(esn) / HIDDEN)


def _show(world: World, esn: str, number: int) -> None:
    hidden, place = world.hsm(esn) / HIDDEN, private_folder(world.published) / f"{esn}.json"
    if place.exists():
        hidden.unlink(missing_ok=True)  # it was published anew meanwhile
    elif hidden.exists():
        hidden.rename(place)
    if listening := published.listening(world, esn):
        published.invalidate(world, listening)
    entry = published.read(world, esn)
    if entry is not None and entry.module != number:
        published.publish(world, replace(entry, module=number))


def _certify(world: World, options: argparse.Namespace) -> None:
    """What Entrust Support does with a CSR (guide 2.5.2.3 steps 3, 4)."""
    from seemachine.nfast import certificates, entrust

    issuer, csr = entrust.issuer(world), options.csr.read_bytes()
    pem = entrust.issue(issuer, csr, (options.begun, options.days), options.unit)
    _keep(options.output, pem)
    made = certificates.from_pem(pem)
    subject, until = certificates.text(made.subject), made.not_valid_after_utc
    options.answer.give(certificate=str(options.output), subject=subject)
    options.answer.give(valid_until=until.isoformat(timespec="seconds"))
    options.answer.say(f"{options.output}: certificate of {subject}, valid until {until}")


def _licence(world: World, options: argparse.Namespace) -> None:
    """What Entrust Support sends when a licence is asked for (guide 2.5 step 2)."""
    from seemachine.nfast import licences

    module = records.read(world, options.esn)
    if module is None:
        raise Refusal(f"there is no HSM {options.esn}; make one with: seemachine nfast setup")
    features = options.feature or [SEE_FEATURE[module.model]]
    _keep(options.output, licences.issue(world, options.esn, features).encode())
    options.answer.give(file=str(options.output), esn=options.esn, features=features)
    named = ", ".join(FEATURES[feature] for feature in features)
    options.answer.say(f"{options.output}: {named} for {options.esn}")


def _keep(path: Path, data: bytes) -> None:
    """As a file that was sent arrives: `seemachine` took a strict umask, and there is no secret in
    it.
    """
    replace_file(path, data, before=lambda scratch: scratch.chmod(0o644))


def _cards(world: World, options: argparse.Namespace) -> None:
    """One more Operator Card Set."""
    from seemachine.nfast import securityworld

    securityworld.refuse_bad_set(options.name, options.quorum, options.cards)
    made = securityworld.create_operator_set(
        world, options.name, options.quorum, options.cards, _passphrase(options)
    )
    names = _names(made.name, made.cards)
    options.answer.give(cards=[{"card": name} for name in names])
    options.answer.say(*names, sep="\n")


VERBS = {
    "path": _path,
    "release": _release,
    "support": _support,
    "setup": _setup,
    "enroll": _enroll,
    "certify": _certify,
    "licence": _licence,
    "cards": _cards,
}
