"""What clients and commands say of a seeded world, and what they refuse of one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hostile.liar import Honest
from kit.in_process import Shell, machines
from kit.processes import Ran
from kit.stories import a_key_file, a_peer, a_roster
from seeclient.algorithms.lms.making import Making, _check_asked_for
from seeclient.algorithms.lms.recipe import Recipe
from seeclient.keyfile_format import decode, encode
from seeclient.keys import KeyStore
from seeded.seeded_worlds import MESSAGE, SEED, made, seeded_rig

from seemachine.commands import answer
from seemachine.machine import Session
from seemachine.state import key_blobs
from seemachine.testing import ESN, QUICK, Rig, make_key
from seemachine.wire import messages as m
from seemachine.wire.status import Status, StatusError

LOUD = f"INSECURE: a world for tests, with the seed {SEED}: anybody can make its keys"
GENERATE = "generate alias=release algorithm=lms lmscode=sha256_m24_h5 lmotscode=sha256_n24_w2"


def rig_of(folder: Path, *, marked: bool) -> Rig:
    """A world with a machine, seeded or real."""
    if marked:
        return seeded_rig(folder)
    rig = Rig(folder)
    rig.start()
    return rig


def document_of(ran: Ran) -> Any:
    """What a command printed with --json, after its complaints."""
    lines = ran[1]
    return json.loads("\n".join(lines[lines.index("{") :]))


def key_file(folder: Path, alias: str = "release") -> Path:
    """Where it is."""
    return folder / "kmdata/local" / f"key_pqsdk_{alias}"


@pytest.mark.parametrize("algorithm", ["LMS", "ML-DSA"])
@pytest.mark.parametrize("marked", [True, False], ids=["seeded", "real"])
def test_a_key_of_the_other_kind_is_refused(
    tmp_path: Path, algorithm: str, *, marked: bool
) -> None:
    """A key file that was copied into a world of the other kind is neither signed nor verified
    with, nor shown.
    """
    own, other = rig_of(tmp_path / "own", marked=marked), rig_of(tmp_path / "b", marked=not marked)
    with own.fleet() as fleet:
        key = (
            fleet.generate_lms("release", **QUICK)
            if algorithm == "LMS"
            else fleet.generate_mldsa("release", "mldsa44")
        )
        key.sign(MESSAGE)
        public_hash = key.public_hash
    made(other, "another")
    shutil.copy(key_file(tmp_path / "own"), key_file(tmp_path / "b"))
    with other.fleet() as fleet:
        for ask in (
            lambda: fleet.key("release"),
            fleet.keys,
            lambda: fleet.key_by_hash(public_hash),
        ):
            with pytest.raises(StatusError) as refused:
                ask()
            assert refused.value.status in (Status.AccessDenied, Status.UnknownID)
        assert fleet.key("another").alias == "another"
    kind = "of a seeded world" if marked else "of a real world"
    with pytest.raises(StatusError, match=kind):
        KeyStore(other.world.keys, seed="" if marked else SEED).load("release")


def test_a_host_without_machines_goes_by_those_that_answer(tmp_path: Path) -> None:
    """Its world folder does not tell. The keys that it has do: it gets none of the other kind."""
    seeded, real = rig_of(tmp_path / "seeded", marked=True), rig_of(tmp_path / "r", marked=False)
    host = Rig(tmp_path / "host")
    shutil.rmtree(host.world.cards)
    host.machines = seeded.machines
    public_key = made(host)
    with host.fleet() as fleet:
        assert fleet.roster.keys.seed is None
        fleet.key("release").verify(MESSAGE, fleet.key("release").sign(MESSAGE))
    host.machines = real.machines
    with host.fleet() as fleet:
        with pytest.raises(StatusError, match=f"of a seeded world.*that of {ESN} is a real one"):
            fleet.key("release")
        for generate in (
            lambda: fleet.generate_lms("next", **QUICK),
            lambda: fleet.generate_mldsa("next"),
            lambda: fleet.resume_lms("next"),
        ):
            with pytest.raises(StatusError, match="that of the key release is a seeded one"):
                generate()
    host.machines = {}
    with host.fleet() as fleet:
        assert fleet.key("release").public_key == public_key


def test_a_real_world_makes_no_key_on_a_seeded_machine(tmp_path: Path) -> None:
    """Nor the other way round, before any hashing."""
    seeded, real = rig_of(tmp_path / "seeded", marked=True), rig_of(tmp_path / "r", marked=False)
    seeded.machines, real.machines = real.machines, seeded.machines
    for rig in (seeded, real):
        with rig.fleet() as fleet:
            for generate in (
                lambda fleet=fleet: fleet.generate_lms("next", **QUICK),
                lambda fleet=fleet: fleet.generate_mldsa("next"),
            ):
                with pytest.raises(StatusError) as refused:
                    generate()
                assert refused.value.status is Status.AccessDenied
        assert not key_file(rig.world.folder, "next").exists()


def test_the_key_file_has_the_seed(tmp_path: Path) -> None:
    """That of each algorithm; it survives a round, and another file has no word of it."""
    with rig_of(tmp_path, marked=True).fleet() as fleet:
        for key in (fleet.generate_lms("a", **QUICK), fleet.generate_mldsa("b")):
            path = key_file(tmp_path, key.alias)
            assert json.loads(path.read_bytes().partition(b"\n")[0])["insecure"] == SEED
            assert decode(encode(key.file), "") == key.file
            assert key.file.marked
    assert b"insecure" not in encode(a_key_file())


@pytest.mark.parametrize("insecure", [7, "", " ", "x" * 65, ["7"], None])
def test_a_key_file_with_another_seed_field_is_damaged(insecure: Any) -> None:
    """Its checksum may fit; an empty one is none."""
    import hashlib

    key = a_key_file()
    head = json.loads(encode(key).partition(b"\n")[0]) | {"insecure": insecure}
    del head["sha256"]
    line = json.dumps(head, sort_keys=True).encode()
    head["sha256"] = hashlib.sha256(line + b"\n").hexdigest()
    data = json.dumps(head).encode() + b"\n"
    if insecure in ("", None):
        assert not decode(data, "").marked
    else:
        with pytest.raises(ValueError, match="insecure can't be"):
            decode(data, "")


def test_a_key_without_its_word_is_known_by_its_mark(tmp_path: Path) -> None:
    """Whoever takes the seed out of an LMS key file gains nothing."""
    from seemachine.frozen import replace

    made(rig_of(tmp_path, marked=True))
    store = KeyStore(tmp_path / "kmdata/local")
    store.save(replace(store.load("release"), insecure=""))
    with pytest.raises(StatusError, match="of a seeded world"):
        KeyStore(store.folder, seed="").load("release")


def test_a_machine_that_lies_about_its_world_is_found_out() -> None:
    """Its key has no mark though it says that it has a seed, or the other way round."""
    key = make_key(tree="sha256_m32_h5", ots="sha256_n32_w4")
    recipe = Recipe("release", "sha256_m32_h5", "sha256_n32_w4")
    reply = Honest().reply(m.GenerateLms(lms=5, lmots=3, expcards=0, explease=0))
    making = Making(
        a_roster().keys, a_peer(insecure=SEED), recipe, reply, lambda _: None, lambda *_: False
    )
    with pytest.raises(StatusError, match="another kind of world than it says"):
        _check_asked_for(making, key.public_key.encode())


@pytest.mark.parametrize("marked", [True, False], ids=["seeded", "real"])
def test_a_blob_of_the_other_kind_signs_nothing(tmp_path: Path, *, marked: bool) -> None:
    """Also where the machine has the key that it is encrypted under."""
    own, other = rig_of(tmp_path / "own", marked=marked), rig_of(tmp_path / "b", marked=not marked)
    generated = answer(Session(own.machines[ESN]), m.GenerateMldsa(mldsa=44))
    assert key_blobs.read(generated.blob).head.insecure == (SEED if marked else "")
    shutil.copy(tmp_path / "own/world.key", tmp_path / "b/world.key")
    ask = m.SignMldsa(blob=generated.blob, mu=bytes(64))
    assert isinstance(answer(Session(own.machines[ESN]), ask), m.MldsaSigned)
    refused = answer(Session(other.machines[ESN]), ask)
    assert isinstance(refused, StatusError)
    assert refused.status is Status.AccessDenied
    assert ("of a seeded world" if marked else "of a real world") in refused.detail


def test_a_blob_without_its_word_does_not_open(tmp_path: Path) -> None:
    """The private key is bound to it."""
    from seemachine.state.disk.checksummed import seal, unseal
    from seemachine.state.errors import StateCorrupt

    rig = rig_of(tmp_path, marked=True)
    blob = answer(Session(rig.machines[ESN]), m.GenerateMldsa(mldsa=44)).blob
    values = unseal(blob, "")
    for changed in (
        {name: value for name, value in values.items() if name != "insecure"} | {"version": 1},
        values | {"insecure": "8"},
    ):
        forged = answer(Session(rig.machines[ESN]), m.SignMldsa(blob=seal(changed), mu=bytes(64)))
        assert isinstance(forged, StatusError)
    with pytest.raises(StateCorrupt):
        key_blobs.read(seal(values | {"insecure": ""}))


def test_commands_are_loud(tmp_path: Path) -> None:
    """pipsqueak, fleet status, fleet check, doctor and key say so; in a real world nothing does."""
    for folder, settings in (("seeded", {"seed": SEED}), ("real", {})):
        shell, loud = Shell(tmp_path / folder), bool(settings)
        with machines(tmp_path / folder, (ESN, settings)):
            asked = {
                "generate": shell.pipsqueak(*GENERATE.split()),
                "sign": shell.pipsqueak("alias=release", "message=firmware"),
                "status": shell.seemachine("fleet", "status"),
                "check": shell.seemachine("fleet", "check"),
                "doctor": shell.seemachine("doctor"),
            }
            listed = shell.seemachine("key", "list")[1]
            shown = shell.seemachine("key", "show", "release")[1]
            document = document_of(shell.pipsqueak("--json"))
            known = document_of(shell.seemachine("key", "list", "--json"))
        for name, (_, lines) in asked.items():
            assert (sum(LOUD in line for line in lines) == 1) is loud, (name, lines)
        assert any(" INSECURE made " in line for line in listed) is loud
        assert any("  INSECURE: it is of a seeded world" in line for line in shown) is loud
        assert [each["insecure"] for each in document["machines"]] == [SEED if loud else None]
        assert [each["insecure"] for each in known["keys"]] == [loud]


def test_two_worlds_of_one_seed_are_on_one_host(tmp_path: Path) -> None:
    """What the host remembers of the leases of one is nothing to the other."""
    for name in ("one", "two"):
        with machines(tmp_path / name, (ESN, {"seed": SEED, "runtime_witness": "auto"})):
            code, lines = Shell(tmp_path / name).pipsqueak(*GENERATE.split())
            assert code == 0, lines


def test_a_verification_is_loud_without_a_machine(tmp_path: Path) -> None:
    """Also on a host whose world is not the seeded one."""
    home, host = tmp_path / "home", tmp_path / "host"
    with machines(home, (ESN, {"seed": SEED})):
        shell = Shell(home)
        shell.pipsqueak(*GENERATE.split())
        signature = tmp_path / "sig"
        shell.pipsqueak("alias=release", "message=firmware", f"sigfile={signature}")
    shutil.copytree(home / "kmdata", host / "kmdata")
    for folder in (home, host):
        code, lines = Shell(folder).pipsqueak(
            "alias=release", "message=firmware", f"verify={signature}"
        )
        assert code == 0, lines
        assert sum(LOUD in line for line in lines) == 1, lines
    (host / "hsm").mkdir()
    code, lines = Shell(host).pipsqueak("alias=release", "message=firmware", f"verify={signature}")
    assert code == 1
    assert any("is of a seeded world" in line for line in lines)


def test_an_audit_names_such_keys(tmp_path: Path) -> None:
    """As a finding; what it proves of leaves it proves all the same."""
    with machines(tmp_path / "w", (ESN, {"seed": SEED})):
        shell = Shell(tmp_path / "w")
        shell.pipsqueak(*GENERATE.split())
        key = key_file(tmp_path / "w")
        shell.pipsqueak("alias=release", "message=firmware", f"sigfile={tmp_path / 'f.sig'}")
        (tmp_path / "f").write_bytes(MESSAGE)
        code, lines = shell.seemachine("audit", str(key), str(tmp_path / "f.sig"))
    assert code == 0, lines
    assert any(line.startswith("insecure ") and "anybody can make" in line for line in lines)


def test_there_is_no_backup(tmp_path: Path) -> None:
    """Neither to make nor to put back, and cards stay where they are."""
    home, file = tmp_path / "w", tmp_path / "b.tar"
    shell = Shell(home)
    with machines(tmp_path / "real", ESN):
        assert Shell(tmp_path / "real").seemachine("backup", str(file))[0] == 0
    with machines(home, (ESN, {"seed": SEED})):
        code, lines = shell.seemachine("backup", str(tmp_path / "other.tar"))
        assert (code, "it is made again from that" in lines[-1]) == (1, True), lines
    code, lines = shell.seemachine("restore", str(file))
    assert (code, "it is made again from that" in lines[-1]) == (1, True), lines
    assert not (tmp_path / "other.tar").exists()


def test_a_damaged_seed_file_stops_commands(tmp_path: Path) -> None:
    """Nobody can tell which keys belong there."""
    with machines(tmp_path, (ESN, {"seed": SEED})):
        (tmp_path / "seed.json").write_text("{")
        for words in (["list"], GENERATE.split()):
            code, lines = Shell(tmp_path).pipsqueak(*words)
            assert (code, "seed.json is damaged" in " ".join(lines)) == (1, True), lines
