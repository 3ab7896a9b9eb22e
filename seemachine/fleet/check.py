"""`seemachine fleet check`: what would fail later, and what to do about it now (guide 2.5, 2.8,
2.9.2, 2.9.6).
"""

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seeclient.environment import Environment
from seeclient.keys import PREFIX

from seemachine.fleet import health
from seemachine.fleet.finding import CheckResult
from seemachine.hsms import published, records, supervised
from seemachine.hsms.features import FEATURES, SEE_FEATURE
from seemachine.hsms.records import Module
from seemachine.process.identity import Process
from seemachine.state.disk.lock import holder
from seemachine.world import World

SOON_DAYS = 30
FLEET_ADVICE = "start it with: seemachine fleet up; or tidy up with: seemachine fleet down"
TOOLS_ADVICE = (
    "start its SEE machine and publish it again with bootstrap.py or hsc_loadseemachine, or remove"
    " it with removepubobj.py"
)


def findings(environment: Environment) -> list[CheckResult]:
    """Everything found with the HSMs that are enrolled here, most far-reaching first."""
    world = environment.world
    known = [module for module in records.present(world) if module.number]
    each = [
        finding
        for module in known
        for finding in (*_licence(module), *_certificate(module), *_delegation(module))
    ]
    each += [
        finding for module in known for finding in (*_mode(module), *_unpublished(world, module))
    ]
    return [
        *_signers(world, known),
        *_keys(world, known),
        *each,
        *_stale(world),
        *health.findings(environment),
    ]


def as_document(found: list[CheckResult]) -> dict[str, Any]:
    """What is printed as JSON."""
    return {"findings": [asdict(finding) for finding in found]}


def _signers(world: World, known: list[Module]) -> list[CheckResult]:
    signers = {
        module.esn: module.signer
        for module in known
        if module.loaded or records.running(world, module.esn)
    }
    if len(set(signers.values())) < 2:
        return []
    listed = ", ".join(f"{esn} by {_short(signer)}" for esn, signer in signers.items())
    advice = (
        "load all of them with one key: retarget the seeinteg key with generatekey -r simple, sign"
        " the image again with it (guide 2.9.2)"
    )
    return [
        CheckResult(
            "",
            "the SEE machines are signed by different keys, so LMS keys and cards of one do not"
            f" work on another: {listed}",
            advice,
        )
    ]


def _keys(world: World, known: list[Module]) -> list[CheckResult]:
    signers = {signer for module in known for signer in module.signers if signer}
    found = []
    for path in sorted(world.keys.glob(f"{PREFIX}*")):
        signer = _signer_of(path)
        if signer and signers and signer not in signers:
            alias = path.name.removeprefix(PREFIX)
            problem = (
                f"the LMS key {alias} was made by SEE machines signed by {_short(signer)}, which"
                " none here is"
            )
            found.append(CheckResult("", problem, "load a SEE machine that is signed by that key"))
    return found


def _short(signer: str) -> str:
    return f"{signer[:16]}..." if signer else "nobody"


def _signer_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline())
        return str(head.get("signer", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _licence(module: Module) -> list[CheckResult]:
    if module.licensed:
        return []
    name = FEATURES[SEE_FEATURE[module.model]]
    if SEE_FEATURE[module.model] in module.licences:
        return [
            CheckResult(
                module.esn,
                f"the licence {name} is not effective yet",
                f"nopclearfail -c -m {module.number}",
            )
        ]
    return [
        CheckResult(
            module.esn,
            f"there is no licence {name}",
            "install one with nethsmadmin -a, then nopclearfail -c (guide 2.5)",
        )
    ]


def _certificate(module: Module) -> list[CheckResult]:
    now = dt.datetime.now(dt.UTC)
    found = []
    for loaded in module.loaded:
        if not loaded.developer_until:
            continue
        until = dt.datetime.fromisoformat(loaded.developer_until)
        if until < now + dt.timedelta(days=SOON_DAYS):
            word = "expired" if until < now else "expires"
            problem = (
                f"the developer certificate of SEE machine {loaded.uuid} {word} at {until}; then it"
                " can't be started any more"
            )
            found.append(
                CheckResult(
                    module.esn,
                    problem,
                    "get a new certificate for the same key and register it with: csadmin ids add",
                )
            )
    return found


def _delegation(module: Module) -> list[CheckResult]:
    missing = [loaded for loaded in module.loaded if not loaded.delegated]
    advice = (
        "make userdata.raw with userdatatool.py and put it into the image or the user data (guide"
        " 2.5.1 step 4, 2.5.2.3 step 15)"
    )
    return [
        CheckResult(
            module.esn,
            f"the SEE machine {each.name} has no NVRAM delegation; a real HSM would make no keys",
            advice,
        )
        for each in missing
    ]


def _mode(module: Module) -> list[CheckResult]:
    if module.mode == records.OPERATIONAL:
        return []
    problem = f"it is in {module.mode} mode, in which it reads no cards and runs no SEE machine"
    return [CheckResult(module.esn, problem, module.way_back)]


def _unpublished(world: World, module: Module) -> list[CheckResult]:
    """Not of a machine that somebody serves by hand, who may not want it to be seen."""
    runs = supervised.is_supervised(world, module.esn) or records.started(world, module)
    if not runs or published.read(world, module.esn) is not None:
        return []
    publish = (
        f"bootstrap.py -m {module.number} --uuid UUID"
        if module.model == "5c"
        else f"hsc_loadseemachine -m {module.number}"
    )
    return [
        CheckResult(
            module.esn,
            "its SEE machine runs and is not published, so no client finds it",
            f"publish it with: {publish}",
        )
    ]


def _stale(world: World) -> list[CheckResult]:
    found = []
    for path in sorted(world.published.glob("*.json")):
        esn = path.stem
        entry = published.read(world, esn)
        if entry is None or not entry.process.is_same(holder(world.hsm(esn)) or Process()):
            ours = supervised.process_for(world, esn)
            of_fleet = entry is not None and entry.process.is_same(ours)
            advice = FLEET_ADVICE if of_fleet else TOOLS_ADVICE
            found.append(
                CheckResult(
                    esn,
                    "the published object is stale: no SEE machine is where it points to",
                    advice,
                )
            )
    return found
