"""The launcher service of a 5c, and who may use it: client info, ports, enrolment (guide 2.5.2.3
steps 5 to 9).

On the HSM: the client's key, whether the ports are open, its own key. On the host: kmdata/cs5.json,
the client key and what was enrolled.
"""

import base64
from pathlib import Path
from typing import Any

from seemachine.formats import Format
from seemachine.hsms import records
from seemachine.hsms.records import Module
from seemachine.nfast import paths
from seemachine.nfast.files import parsed, version_checked, versioned
from seemachine.nfast.refusals import Refusal
from seemachine.state.disk.durable import replace_file
from seemachine.world import World

PORT = 2205
KEY_TYPE = "ecdsa-sha2-nistp256"

FORMAT = Format("list of enrolled HSMs")


def client_key(world: World) -> str:
    """The host's public key in one word, made when first asked for."""
    with paths.alone(world):
        state = _state(world)
        if "client" not in state:
            state["client"] = new_key()
            _keep(world, state)
    key: str = state["client"]
    return key


def new_key() -> str:
    """A public key as OpenSSH writes it.

    The private half is dropped: the emulated launcher has no channel that it would protect.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from seemachine.nfast import signing

    line = (
        signing.generate("nistp256")
        .public_key()
        .public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    )
    return line.decode().split()[1]


def refuse_bad_key(key_type: str, key: str) -> None:
    """Raises Refusal for what is not a key of the type."""
    try:
        blob = base64.b64decode(key, validate=True)
    except ValueError:
        blob = b""
    if key_type != KEY_TYPE or KEY_TYPE.encode() not in blob[:32]:
        raise Refusal(
            f"this is not a key of type {KEY_TYPE}; give key type and key as hsmadmin or"
            " getserverinfo prints them"
        )


def enroll(world: World, esn: str, words: dict[str, Any]) -> None:
    """Remember an HSM's launcher. Raises Refusal when it is not the one that answers there."""
    module = records.read(world, esn)
    if module is None or module.model != "5c":
        raise Refusal(f"no nShield 5c {esn} answers at {words['address']}")
    server = server_info(module)
    if (words["address"], words["port"], words["key"]) != (server["address"], PORT, server["key"]):
        raise Refusal(
            f"the launcher of {esn} does not answer so; take the line of: appliance-cli -m"
            f" {module.number} cs5 getserverinfo"
        )
    with paths.alone(world):
        state = _state(world)
        state["enrolled"][esn] = words
        _keep(world, state)


def server_info(module: Module) -> dict[str, str]:
    """Address and key of an HSM's launcher. Raises Refusal while its ports are closed."""
    if not module.launcher.get("address"):
        raise Refusal(
            f"the ports of CodeSafe 5 are closed; open them with: appliance-cli -m {module.number}"
            f" cs5 ports enable {module.address}"
        )
    return module.launcher


def known(world: World, module: Module) -> bool:
    """Whether csadmin asks this HSM: it was enrolled, or is run by `seemachine fleet up` and needs
    none of that.
    """
    return module.esn in _state(world)["enrolled"] or records.read(world, module.esn) is None


def refuse_unreachable(world: World, module: Module) -> None:
    """Raises Refusal when the launcher would not listen to this host."""
    if records.read(world, module.esn) is None:
        return
    if not known(world, module):
        raise Refusal(
            f"{module.esn} is not enrolled for CodeSafe 5; do it with: hsmadmin cs5 enroll (guide"
            " 2.5.2.3 step 9)"
        )
    server_info(module)
    if module.launcher.get("client") != client_key(world):
        raise Refusal(
            f"{module.esn} does not know this client; do: appliance-cli -m {module.number} cs5"
            " setclientinfo (guide 2.5.2.3 step 6)"
        )


def _state(world: World) -> dict[str, Any]:
    try:
        state: dict[str, Any] = {
            "enrolled": {},
            **version_checked(FORMAT, parsed(_path(world).read_text()), _path(world)),
        }
        if not isinstance(state["enrolled"], dict):
            raise ValueError("it names no HSMs")
    except FileNotFoundError:
        return {"enrolled": {}}
    except (ValueError, TypeError) as error:
        raise Refusal(f"{_path(world)} is damaged ({error}); remove it and enroll again") from None
    return state


def _keep(world: World, state: dict[str, Any]) -> None:
    replace_file(_path(world), versioned(FORMAT, state))


def _path(world: World) -> Path:
    return paths.kmdata(world) / "cs5.json"
