"""`make test-bigendian`: the image tree on a big-endian processor (s390x, emulated), as that of the
container is believed to be.

The tree's own modules run on Debian's Python 3.11 for that processor. Not a part of `make test`: it
needs an emulator and Debian packages.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from container.figures import MESSAGE
from container.image_tree import ROOT, check, command, session
from container.session import ESN, H5_W4, Image
from kit import processes
from kit.signatures import H5_SETS, peel
from pyhsslms import pyhsslms
from seeclient import blocking
from vectors.published import cases

from seemachine.lms.keys import PublicKey

DEBIAN = Path(os.environ.get("SEEMACHINE_BIGENDIAN_ROOT", ROOT / "build" / "debian-s390x"))
EMULATED = ["qemu-s390x-static", "-L", str(DEBIAN), str(DEBIAN / "usr/bin/python3.11")]
H5_W8 = {"lms": "sha256_m32_h5", "lmots": "sha256_n32_w8"}
SECONDS = 120.0


def figures(python: list[str], image: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What figures.py tells when this Python runs it."""
    run = [
        *python,
        "-I",
        "-S",
        "-B",
        str(Path(__file__).with_name("figures.py")),
        str(image / "usr/lib/seemachine"),
    ]
    done = subprocess.run(
        run, input=json.dumps(asked), stdout=subprocess.PIPE, check=True, text=True, timeout=600
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def published_signatures() -> list[list[str]]:
    """Every plain signature of RFC 8554 appendix F and RFC 9858, with its key and message."""
    levels = [
        (case, *level)
        for case in cases("rfc")
        for level in peel(bytes.fromhex(case["public_key"]), bytes.fromhex(case["signature"]))
    ]
    return [
        [key.hex(), case["message"] if below is None else below.hex(), signature.hex()]
        for case, key, below, signature in levels
    ]


def seeds() -> list[list[str]]:
    """Those of ACVP with height 5, whose public keys are published, then one for each
    LM-OTS set.
    """
    acvp = [case for case in cases("acvp_keygen") if case["lms"].endswith("H5")]
    published = [
        [
            case[part].lower().removeprefix("lms_").removeprefix("lmots_")
            for part in ("lms", "lmots", "i", "seed")
        ]
        for case in acvp
    ]
    return published + [
        [tree.name, ots.name, f"{n:032x}", f"{n + 1:0{2 * ots.n}x}"]
        for n, (tree, ots) in enumerate(H5_SETS)
    ]


def test_the_mathematics_is_the_same(image: Path) -> None:
    """Keys and signatures of every LM-OTS set come out byte for byte; ACVP's keys as published; the
    RFCs' signatures verify.
    """
    asked = {"seeds": seeds(), "signatures": published_signatures()}
    emulated, here = figures(EMULATED, image, asked), figures([sys.executable], image, asked)
    assert (emulated["order"], emulated["engine"]) == ("big", "portable")
    assert emulated["signatures"] == [True] * 7
    assert emulated["seeds"] == here["seeds"]
    assert len(emulated["seeds"]) > len(H5_SETS)
    for case, (key, *_) in zip(
        [case for case in cases("acvp_keygen") if case["lms"].endswith("H5")],
        emulated["seeds"],
        strict=False,
    ):
        assert key == case["public_key"]
    for key, *signatures in emulated["seeds"]:
        public = pyhsslms.LmsPublicKey.deserialize(bytes.fromhex(key))
        assert all(public.verify(MESSAGE, bytes.fromhex(signature)) for signature in signatures)
        assert PublicKey.decode(bytes.fromhex(key)).encode().hex() == key


def test_a_session_over_the_socket(image: Path, tmp_path: Path) -> None:
    """A client here makes keys on the machine there, provisions a card and gets signatures that
    verify.
    """
    told = session(plan(image, tmp_path), seconds=4 * SECONDS)
    check(told)
    assert "s390x, big-endian" in told["log"]


def test_state_means_the_same_on_both(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVRAM and its ledger, written on one processor, are read on the other, whichever comes first:
    no byte is in native order.
    """
    monkeypatch.setenv("NFAST_KMLOCAL", str(tmp_path / "home"))
    there, here = plan(image, tmp_path), {"command": command(image, tmp_path / "data")}
    for order in ([here, there], [there, here]):
        continued(tmp_path, [{**there, **each} for each in order])


def continued(folder: Path, plans: list[dict[str, Any]]) -> None:
    """A key is made on one, the next goes on with the next leaf, and knows what became of the
    first: a lost row would look torn.
    """
    alias, leaves = f"key{len(list((folder / 'home').iterdir()))}", []
    for each in plans:
        with Image(each).running() as port, blocking.open_fleet(f"127.0.0.1:{port}") as fleet:
            key = fleet.key(alias) if leaves else fleet.generate_lms(alias, **H5_W4)
            signed = key.sign_with(b"twice")
            assert pyhsslms.LmsPublicKey.deserialize(key.file.public_key).verify(
                b"twice", signed.signature
            )
            assert signed.esn == ESN
            leaves.append(signed.leaf)
            code, rows = processes.seemachine(
                ["ledger", "--json-lines"],
                processes.environment(folder, SEEMACHINE_FLEET=f"127.0.0.1:{port}"),
            )
            assert code == 0, rows
            assert [
                row["leaf"] for row in map(json.loads, rows) if row["file"] == key.file.name.hex()
            ] == leaves
    assert leaves == [0, 1]


def plan(image: Path, folder: Path) -> dict[str, Any]:
    """A session with the emulated machine."""
    (folder / "home").mkdir(exist_ok=True)
    inner = command(image, folder / "data", python=EMULATED[-1])
    return {
        "command": [*EMULATED[:-1], *inner],
        "data": str(folder / "data"),
        "home": str(folder / "home"),
        "seconds": SECONDS,
        "sets": H5_W8,
    }


@pytest.fixture(scope="session", autouse=True)
def _emulator() -> None:
    """Without these there is nothing to test: this file is only run when it is asked for."""
    assert Path(EMULATED[-1]).exists(), f"{EMULATED[-1]} is missing; `make test-bigendian` makes it"
