"""TLS with real processes: a machine, a fleet, pipsqueak, and starts that are refused."""

import json
import socket

import pytest
from cryptography.hazmat.primitives import serialization
from kit import processes
from kit.certificates import Pki
from seeclient import blocking
from seeclient.tls import Tls

from seemachine.cli.command import main
from seemachine.testing import ESN

OTHER_ESN = "5F08-02E0-D947"


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Certificates of all kinds."""
    return Pki(tmp_path_factory.mktemp("pki"))


def options(folder, certificate=ESN, key=ESN, ca="ca"):
    """The TLS part of a command line."""
    return [
        "--tls-cert",
        f"{folder / certificate}.crt",
        "--tls-key",
        f"{folder / key}.key",
        "--tls-ca",
        f"{folder / ca}.crt",
    ]


def refused(world, *words):
    """Exit code and line of a start that is refused."""
    code, lines = processes.seemachine(
        ["serve", "--esn", ESN, "--port", "0", *words], processes.environment(world)
    )
    [line] = lines
    return code, line


def test_a_machine_takes_only_tls(tmp_path, pki):
    """Its published object says so; pipsqueak gets in with a certificate, and says why it does not
    without.
    """
    with processes.machines(tmp_path, (ESN, *options(pki.folder))) as [machine]:
        assert machine.published()["tls"] is True
        certificate = str(pki.folder / "client-use.crt")
        let_in = processes.pipsqueak(
            [], processes.environment(tmp_path, SEEMACHINE_TLS_CERT=certificate)
        )
        assert let_in == (0, [f"PQSDK: 1.4.1 ({ESN}: 1.4.1)"])
        _, lines = processes.pipsqueak([], processes.environment(tmp_path))
        assert (
            "it takes TLS only, with a client certificate; make one with seemachine pki issue"
            " client" in lines[0]
        )
        _, lines = processes.pipsqueak(
            [], processes.environment(tmp_path, SEEMACHINE_TLS_CERT=str(pki.folder / "expired.crt"))
        )
        assert f"it says that {pki.folder / 'expired.crt'} has expired; " in lines[0]
        events = [json.loads(line) for line in machine.log.read_text().splitlines()]
        reasons = [event["reason"] for event in events if event["event"] == "not admitted"]
        assert reasons == ["client certificate: certificate has expired"]


def test_an_address_that_others_reach_takes_tls_or_leave(tmp_path, pki):
    """With TLS a machine listens on all addresses unasked, and is reached at one of them."""
    with processes.machines(tmp_path, (ESN, "--host", "0.0.0.0", *options(pki.folder))) as [
        machine
    ]:
        where = f"127.0.0.1:{machine.published()['port']}"
        files = Tls(
            pki.folder / "client-use.crt", pki.folder / "client-use.key", pki.folder / "ca.crt"
        )
        with blocking.open_fleet(where, files) as fleet:
            assert [peer.esn for peer in fleet.roster.peers] == [ESN]
    code, line = refused(tmp_path, "--host", "0.0.0.0")
    assert code == 2
    assert (
        "use TLS ([tls] in the file, or --tls-cert, --tls-key, --tls-ca), or allow it with" in line
    )


def test_a_killed_machine_with_tls_is_found_again(tmp_path, pki):
    """A restarted machine on another port is reached by the next request, over TLS again."""
    with (
        processes.machines(tmp_path, (ESN, *options(pki.folder))) as [machine],
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SEEMACHINE_HOME", str(tmp_path))
        with blocking.open_fleet(tls=pki.client("client-provision")) as fleet:
            key = fleet.generate_lms("key", lms="sha256_m24_h5", lmots="sha256_n24_w4")
            leaves = [key.sign_with(b"a").leaf]
            machine.kill()
            machine.start()
            leaves.append(key.sign_with(b"b").leaf)
    assert leaves == [0, 1]


def test_files_that_cannot_be_used_end_the_start(tmp_path, pki):
    """A missing file, another's key, a locked key and a CA that is none are each one line, and
    nobody is asked for a password.
    """
    code, line = refused(tmp_path, *options(pki.folder, certificate="nowhere"))
    assert (code, line) == (
        1,
        (
            f"seemachine serve: {pki.folder}/nowhere.crt: No such file or directory; "
            "make these files with: seemachine pki init; then: seemachine pki issue machine ESN"
        ),
    )
    lock_key(pki)
    for key in ("client-use", "locked"):
        code, line = refused(tmp_path, *options(pki.folder, key=key))
        assert code == 1
        assert "are not a certificate and its key in PEM form, without a password" in line
    (tmp_path / "none.crt").write_text("nothing")
    code, line = refused(tmp_path, *options(pki.folder, ca=tmp_path / "none"))
    assert code == 1
    assert "none.crt holds no CA certificate in PEM form" in line


def lock_key(pki):
    """Put a password on a copy of the machine's key."""
    key = serialization.load_pem_private_key((pki.folder / f"{ESN}.key").read_bytes(), None)
    lock = serialization.BestAvailableEncryption(b"secret")
    locked = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    (pki.folder / "locked.key").write_bytes(locked)


def free_ports():
    """Two ports on which nobody listens."""
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        return first.getsockname()[1], second.getsockname()[1]


def test_a_fleet_with_tls_in_a_few_commands(tmp_path, monkeypatch):
    """As in the manual: a CA, a certificate for each machine and for a client, one section of the
    fleet file, and pipsqueak as ever.
    """
    world = tmp_path / "world"
    monkeypatch.setenv("SEEMACHINE_HOME", str(world))
    for words in (
        ["init"],
        ["issue", "machine", ESN],
        ["issue", "machine", OTHER_ESN],
        ["issue", "client", "me", "--role", "provision"],
    ):
        assert main(["pki", *words]) == 0
    first, second = free_ports()
    machines = (
        f'[[machines]]\nesn = "{ESN}"\nport = {first}\n[[machines]]\nesn = "{OTHER_ESN}"\nport ='
        f" {second}\n"
    )
    (world / "fleet.toml").write_text(
        machines + '[tls]\npki = "auto"\n[limits]\nhandshake_seconds = 4\n'
    )
    env = processes.environment(world)
    code, lines = processes.seemachine(["fleet", "up", "--detach"], env)
    try:
        assert code == 0, lines
        assert "handshake_seconds = 4" in (world / "hsm" / ESN / "settings.toml").read_text()
        made = [
            "generate",
            "alias=key",
            "algorithm=lms",
            "lmscode=sha256_m24_h5",
            "lmotscode=sha256_n24_w4",
        ]
        code, lines = processes.pipsqueak(made, env)
        assert (code, lines[0]) == (0, f"PQSDK: 1.4.1 ({ESN}: 1.4.1, {OTHER_ESN}: 1.4.1)"), lines
        assert processes.pipsqueak(["alias=key", "message=hello"], env)[0] == 0
    finally:
        assert processes.seemachine(["fleet", "down"], env)[0] == 0
