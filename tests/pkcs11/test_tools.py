"""Programs of other makers: OpenSC's, GnuTLS's and p11-kit's tools, Node.js, python-pkcs11."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyhsslms
import pytest
from kit import processes
from kit.processes import RunningMachine
from seeclient import blocking

from seemachine.testing import ESN

ROOT = Path(__file__).parents[2]
P11_KIT_MODULES = Path("/usr/share/p11-kit/modules")
HOW_TO = ROOT / "docs/how-to/pkcs11.md"
# By OpenSC before 0.26, whose buffer is too small.
PRINTED = "error: PKCS11 function C_SignInit failed: rv = CKR_OPERATION_ACTIVE (0x90)"
LUNA = Path(__file__).parent / "judges" / "luna.js"
CHECKED = ("stateful_sigs", "pqc_sign", "init")
Leaves = Callable[[str], list[int]]


def ran(program: str, *words: object, **env: str) -> tuple[int, str]:
    """Exit code and output of a program; skips where it is not installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed; make judges installs it, or names its package")
    done = subprocess.run(
        [found, *map(str, words)],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(autouse=True)
def surroundings(environ: None) -> None:
    """Programs find the world of the tests."""


def test_pkcs11_tool_lists_token_mechanisms_and_objects(path: Path, alias: str) -> None:
    """OpenSC has no names for HSS in older versions, but finds both halves and both mechanisms."""
    code, printed = ran("pkcs11-tool", "--module", path, "-L", "-M", "-O")
    assert code == 0, printed
    assert "seemachine" in printed
    assert f"label:      {alias}" in printed
    assert "generate_key_pair" in printed
    assert "sign, verify" in printed


def test_pkcs11_tool_burns_no_leaf_when_its_buffer_is_too_small(
    path: Path, alias: str, leaves: Leaves, tmp_path: Path
) -> None:
    """Until 0.26 it has 512 bytes for a signature. Whether it can sign or not, it takes no more
    leaves than it gives signatures.
    """
    data, out = tmp_path / "data", tmp_path / "signature"
    data.write_bytes(b"firmware")
    with blocking.open_fleet() as fleet:
        identifier = fleet.key(alias).file.public_hash
    words = ("--sign", "-m", "0x4033", "--id", identifier, "-i", data, "-o", out)
    log = tmp_path / "log"
    code, printed = ran("pkcs11-tool", "--module", path, *words, SEEMACHINE_PKCS11_LOG=str(log))
    made = code == 0 and out.exists() and out.stat().st_size > 0
    assert made or PRINTED in printed, printed
    assert PRINTED in HOW_TO.read_text()
    assert made or "C_Sign CKR_BUFFER_TOO_SMALL " in log.read_text()
    assert len(leaves(alias)) == made


def test_clients_that_always_log_in_can(path: Path, alias: str) -> None:
    """In a world where no card set protects a key, with any PIN."""
    login = ("--login", "--pin", "1234", "-O")
    code, printed = ran("pkcs11-tool", "--module", path, *login)
    assert (code, f"label:      {alias}" in printed) == (0, True), printed
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    library = pkcs11.lib(str(path))
    library.reinitialize()
    token = library.get_token(token_label="seemachine")
    assert not token.flags & pkcs11.TokenFlag.LOGIN_REQUIRED
    assert not token.flags & pkcs11.TokenFlag.USER_PIN_INITIALIZED
    with token.open(user_pin="1234") as session:
        assert list(session.get_objects({pkcs11.Attribute.LABEL: alias}))
    library.finalize()


def test_pkcs11_tool_draws_random_bytes(path: Path, tmp_path: Path) -> None:
    """As many as it is asked for."""
    out = tmp_path / "random"
    code, printed = ran("pkcs11-tool", "--module", path, "--generate-random", 33, "-o", out)
    assert code == 0, printed
    assert out.stat().st_size == 33


def test_p11tool_lists_the_token_and_keys(path: Path, alias: str) -> None:
    """GnuTLS's tool gives the URL of each."""
    code, printed = ran("p11tool", "--provider", path, "--list-tokens")
    assert code == 0, printed
    assert "pkcs11:model=PQSDK%20fleet;manufacturer=seemachine;serial=1;token=seemachine" in printed
    code, printed = ran("p11tool", "--provider", path, "--list-all", "pkcs11:token=seemachine")
    assert code == 0, printed
    assert f"object={alias};type=private" in printed


def test_p11_kit_loads_the_module(path: Path, tmp_path: Path) -> None:
    """With a module file that names it, `list-modules` shows library and token."""
    if not P11_KIT_MODULES.is_dir():
        pytest.skip("p11-kit is not installed; make judges installs it, or names its package")
    (tmp_path / "seemachine.module").write_text(f"module: {path}\n")
    script = f"mount --bind {tmp_path} {P11_KIT_MODULES} && exec p11-kit list-modules"
    code, printed = ran(*processes.unshared("--mount"), "sh", "-c", script)
    assert code == 0, printed
    assert "seemachine: " in printed
    assert "library-description: seemachine mock HSM fleet" in printed
    assert "token: seemachine" in printed


def test_a_session_of_node(path: Path, leaves: Leaves) -> None:
    """pkcs11js makes a key from the template of Thales' sample, signs into a buffer of 64 KiB,
    verifies, and is told when the key is exhausted; the signature is good elsewhere too.
    """
    modules = ROOT / "build" / "judges" / "node_modules"
    if (
        not (modules / "pkcs11js/build/Release/pkcs11.node").exists()
        and "NODE_PATH" not in os.environ
    ):
        pytest.skip("pkcs11js is not installed; make judges installs it")
    env = {"NODE_PATH": os.environ.get("NODE_PATH", str(modules))}
    code, printed = ran("node", LUNA, path, "luna", **env)
    assert code == 0, printed
    saw = json.loads(printed.splitlines()[-1])
    assert (saw["before"], saw["after"], saw["verified"], saw["exhausted"]) == (32, 31, True, 0x203)
    key = pyhsslms.HssPublicKey.deserialize(bytes.fromhex(saw["value"]))
    assert key.verify(b"firmware", bytes.fromhex(saw["signature"]))
    assert sorted(leaves("luna")) == list(range(32))


def test_python_pkcs11_finds_keys(path: Path, alias: str, machine: RunningMachine) -> None:
    """python-pkcs11 has no HSS, so it can't sign; it finds the token and both halves of the key by
    label, and draws random bytes.
    """
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    assert machine.esn == ESN
    library = pkcs11.lib(str(path))
    library.reinitialize()
    token = library.get_token(token_label="seemachine")
    with token.open(rw=True) as session:
        attributes = pkcs11.Attribute
        found = list(session.get_objects({attributes.LABEL: alias}))
        assert {each.object_class for each in found} == {
            pkcs11.ObjectClass.PUBLIC_KEY,
            pkcs11.ObjectClass.PRIVATE_KEY,
        }
        assert len({each[attributes.ID] for each in found}) == 1
        assert len(session.generate_random(256)) == 32
    library.finalize()


def test_a_published_conformance_client(path: Path, tmp_path: Path) -> None:
    """pkcs11-check, which wants Python 3.12, finds no fault in HSS, ML-DSA and what the library
    does at its beginning.
    """
    own = ROOT / "build" / "judges" / "check" / "bin" / "pkcs11-check"
    program = str(own) if own.exists() else shutil.which("pkcs11-check")
    if program is None:
        pytest.skip("pkcs11-check is not installed; make judges installs it, with Python 3.12")
    ask = "import pkcs11_check; print(pkcs11_check.__path__[0])"
    python = str(Path(program).with_name("python"))
    package = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    # It starts several processes, which take a while to begin.
    signal.alarm(600)
    # Else it would take our settings of pytest for its own.
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    options = f"-W ignore -c {tmp_path}/pytest.ini --rootdir {tmp_path}"
    cases = Path(package.stdout.strip()) / "testcases"
    files = [str(cases / f"test_{name}.py") for name in CHECKED]
    done = subprocess.run(
        [program, "test", "--module", str(path), "--skip-slow", *files],
        env={**os.environ, "PYTEST_ADDOPTS": options},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    passed = sum(map(int, re.findall(r"(\d+) passed", done.stdout)))
    assert done.returncode == 0, done.stdout
    assert passed > 20
