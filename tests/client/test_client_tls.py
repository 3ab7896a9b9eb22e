"""tls.py and both clients over TLS: which certificate they show, which machine they take for the
one they mean, and what they say else.
"""

import contextlib
import json
import socket
import ssl
from functools import partial

import pytest
import trio
from client.ports import answering
from kit.certificates import Pki
from kit.daemons import running
from kit.services import make_machine, name_of
from kit.waiting import until
from seeclient import Status, StatusError, blocking_wire
from seeclient.effects import Ask
from seeclient.tls import Tls

from seemachine.testing import ESN, OTHER_ESN, install_key
from seemachine.wire import messages as m


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Certificates of all kinds."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    """Nothing is named by the environment."""
    for name in ("CERT", "KEY", "CA"):
        monkeypatch.delenv(f"SEEMACHINE_TLS_{name}", raising=False)


def publish(home, port, esn=ESN, host="127.0.0.1", **more):
    """Say where a machine is."""
    folder = home / "published" / "pqsdk"
    folder.mkdir(parents=True, exist_ok=True)
    entry = {
        "esn": esn,
        "model": "5c",
        "module": 1,
        "host": host,
        "port": port,
        "pid": 1,
        "tls": True,
        **more,
    }
    (folder / f"{esn}.json").write_text(json.dumps(entry))


def install_client(home, pki, *names):
    """Put client certificates and the CA into the world's pki folder."""
    folder = home / "pki"
    folder.mkdir(exist_ok=True)
    for name in names:
        for end in ("crt", "key"):
            (folder / f"client-{name}.{end}").write_bytes(
                (pki.folder / f"client-{name}.{end}").read_bytes()
            )
    (folder / "ca.crt").write_bytes((pki.folder / "ca.crt").read_bytes())


async def outcome(open_fleet, *arguments, **options):
    """ESNs that answer, and the sentence of the only failure, if any."""
    async with open_fleet(*arguments, **options) as opened:
        failures = [
            failure for failure in opened.roster.failures if failure.status is Status.OSErrorErrno
        ]
        assert failures == opened.roster.failures
        return [peer.esn for peer in opened.roster.peers], "".join(
            failure.detail for failure in failures
        )


# ---------------------------------------------------------------- which certificate


async def test_the_worlds_only_certificate_is_shown_where_tls_is_published(home, pki, open_fleet):
    """Without a word from anybody a published machine with TLS is reached with what lies in the
    world's pki folder.
    """
    async with running(home, tls=pki.machine()) as machine:
        publish(home, machine.port)
        install_client(home, pki, "use")
        assert await outcome(open_fleet) == ([ESN], "")
        await until(lambda: machine.log.named("request"))
        assert {event["client"] for event in machine.log.named("request")} == {"client use"}


@pytest.mark.parametrize(
    ("names", "how"),
    [([], "make one with seemachine pki issue client"), (["use", "admin"], "has several")],
)
async def test_none_or_several_certificates_are_a_question_to_the_user(
    names, how, home, pki, open_fleet
):
    """No role is guessed: the sentence says which variable decides."""
    install_client(home, pki, *names)
    publish(home, 1)
    found, sentence = await outcome(open_fleet)
    assert found == []
    assert sentence.startswith(
        "connecting to 127.0.0.1 on port 1: it takes TLS only, with a client certificate; "
    )
    assert how in sentence
    assert sentence.endswith("name one with SEEMACHINE_TLS_CERT")


async def test_the_environment_wins_over_the_world_and_the_argument_over_both(
    home, pki, open_fleet, monkeypatch
):
    """Key and CA lie beside the certificate unless they are named, too."""
    async with running(home, tls=pki.machine()) as machine:
        publish(home, machine.port)
        install_client(home, pki, "use")
        monkeypatch.setenv("SEEMACHINE_TLS_CERT", str(pki.folder / "client-provision.crt"))
        assert await outcome(open_fleet) == ([ESN], "")
        monkeypatch.setenv("SEEMACHINE_TLS_KEY", str(pki.folder / "client-provision.key"))
        monkeypatch.setenv("SEEMACHINE_TLS_CA", str(pki.folder / "ca.crt"))
        assert await outcome(open_fleet) == ([ESN], "")
        assert await outcome(open_fleet, tls=pki.client("client-admin")) == ([ESN], "")
        await until(lambda: len(machine.log.named("request")) == 3)
        assert [event["client"] for event in machine.log.named("request")] == [
            "client provision"
        ] * 2 + ["client admin"]


async def test_who_names_a_certificate_gets_tls_wherever_the_address_is_from(home, pki, open_fleet):
    """A fleet written as text says nothing of TLS: the certificate does."""
    async with running(home, tls=pki.machine()) as machine:
        assert await outcome(
            open_fleet, f"localhost:{machine.port}", tls=pki.client("client-use")
        ) == ([ESN], "")


async def test_a_fleet_file_asks_for_tls(home, pki, open_fleet):
    """A [tls] section counts for its machines as a published object would."""
    install_client(home, pki, "use")
    async with running(home, tls=pki.machine()) as machine:
        # As it announces itself where it is a process: the file of a world means machines of it.
        own = home / "hsm" / ESN / "listening.json"
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(json.dumps({"nvram": machine.service.machine.store.mark.identity.hex()}))
        path = home / "fleet.toml"
        path.write_text(
            f'[[machines]]\nesn = "{ESN}"\nport = {machine.port}\n[tls]\npki = "auto"\n'
        )
        assert await outcome(open_fleet, path) == ([ESN], "")


@pytest.mark.parametrize("name", ["SEEMACHINE_TLS_KEY", "SEEMACHINE_TLS_CA"])
async def test_a_variable_alone_is_refused(name, open_fleet, monkeypatch):
    """Half a setting is not a setting."""
    monkeypatch.setenv(name, "x")
    with pytest.raises(
        StatusError, match=f"{name} is set, and SEEMACHINE_TLS_CERT is not; set it, too"
    ):
        async with open_fleet():
            pass


WRONG_FILES = {
    "no certificate": (
        lambda pki: Tls(pki / "nowhere.crt", pki / "client-use.key", pki / "ca.crt"),
        "nowhere.crt: No such file",
    ),
    "no key": (
        lambda pki: Tls(pki / "client-use.crt", pki / "nowhere.key", pki / "ca.crt"),
        "nowhere.key: No such file",
    ),
    "no CA": (
        lambda pki: Tls(pki / "client-use.crt", pki / "client-use.key", pki / "nowhere.crt"),
        "nowhere.crt: No such file",
    ),
    "another key": (
        lambda pki: Tls(pki / "client-use.crt", pki / "client-admin.key", pki / "ca.crt"),
        "not a certificate and its key",
    ),
    "a CA that is none": (
        lambda pki: Tls(pki / "client-use.crt", pki / "client-use.key", pki / "ca.key"),
        "holds no CA certificate",
    ),
}


@pytest.mark.parametrize("what", WRONG_FILES)
async def test_files_that_cannot_be_used_are_named(what, pki, open_fleet):
    """The sentence has the path, and nobody is asked for a password."""
    make, sentence = WRONG_FILES[what]
    found, told = await outcome(open_fleet, "127.0.0.1:1", tls=make(pki.folder))
    assert found == []
    assert sentence in told


# ---------------------------------------------------------------- which machine

WRONG_MACHINES = {
    "machine-other-esn": (
        f"the machine's certificate is for {OTHER_ESN}, not for {ESN}; issue one with: seemachine"
        f" pki issue machine {ESN}"
    ),
    "machine-expired": "the machine's certificate: certificate has expired; issue it again",
    "machine-future": "the machine's certificate: certificate is not yet valid; look at its dates",
    "machine-other-ca": (
        "the machine's certificate: unable to get local issuer certificate; it is not from the"
        " CA in "
    ),
    "client-use": (
        "the machine's certificate: unsuitable certificate purpose; it is not a machine's"
        " certificate"
    ),
}


@pytest.mark.parametrize("name", WRONG_MACHINES)
async def test_a_machine_with_a_wrong_certificate_is_not_talked_to(name, home, pki, open_fleet):
    """Whatever is wrong with it, no hello is said, and one line says what to do."""
    async with running(home, tls=pki.machine(name)) as machine:
        publish(home, machine.port)
        found, sentence = await outcome(open_fleet, tls=pki.client("client-admin"))
        assert found == []
        assert sentence.startswith(
            f"connecting to 127.0.0.1 on port {machine.port}: {WRONG_MACHINES[name]}"
        )
        await until(lambda: machine.sessions == 0)
        assert machine.log.named("request") == []


async def test_a_machine_must_have_the_certificate_of_the_esn_that_it_says_it_is(
    home, pki, open_fleet
):
    """Where only the address is known, the ESN of hello is what the certificate must be for."""
    async with running(home, tls=pki.machine("machine-other-esn")) as machine:
        found, sentence = await outcome(
            open_fleet, f"127.0.0.1:{machine.port}", tls=pki.client("client-admin")
        )
    assert found == []
    assert f"the machine's certificate is for {OTHER_ESN}, not for {ESN}; " in sentence


async def test_a_certificate_must_have_the_name_that_was_connected_to(home, pki, open_fleet):
    """The right ESN under another name is refused as well."""
    async with running(home, tls=pki.machine()) as machine:
        found, sentence = await outcome(
            open_fleet, f"127.1:{machine.port}", tls=pki.client("client-admin")
        )
    assert found == []
    assert "mismatch" in sentence
    assert sentence.endswith(
        "issue it again with this name: seemachine pki issue machine --renew --host"
    )


async def test_a_machine_that_listens_everywhere_is_this_hosts(home, pki, open_fleet):
    """A published 0.0.0.0 leads to this host, whose certificate is good for its
    loopback address.
    """
    async with running(home, tls=pki.machine()) as machine:
        publish(home, machine.port, host="0.0.0.0")
        assert await outcome(open_fleet, tls=pki.client("client-use")) == ([ESN], "")


# ---------------------------------------------------------------- who is not let in

NOT_LET_IN = {
    "expired": (
        "it says that {folder}/expired.crt has expired; issue it again with: seemachine pki issue"
        " client --renew"
    ),
    "future": (
        "it refuses {folder}/future.crt, perhaps because it is not valid yet; look at its dates,"
        " and at the machine's clock"
    ),
    "other": (
        "it does not know the CA of {folder}/other.crt; use a certificate from the machine's own CA"
    ),
    "machine-other-esn": (
        "it refuses {folder}/machine-other-esn.crt, which is not a client's; issue one with:"
        " seemachine pki issue client"
    ),
}


@pytest.mark.parametrize("name", NOT_LET_IN)
async def test_a_client_that_is_not_let_in_is_told_why(name, home, pki, open_fleet):
    """The machine's alert becomes a sentence with our file and what to do."""
    async with running(home, tls=pki.machine()) as machine:
        found, sentence = await outcome(
            open_fleet, f"127.0.0.1:{machine.port}", tls=pki.client(name)
        )
    assert found == []
    assert (
        sentence == f"connecting to 127.0.0.1 on port {machine.port}:"
        f" {NOT_LET_IN[name].format(folder=pki.folder)}"
    )


async def test_a_client_without_a_role_is_told_so(home, pki, open_fleet):
    """The machine's own words arrive."""
    async with (
        running(home, tls=pki.machine()) as machine,
        open_fleet(f"127.0.0.1:{machine.port}", pki.client("no-role")) as opened,
    ):
        [failure] = opened.roster.failures
    assert (failure.status, failure.where) == (Status.AccessDenied, "link")
    assert "the client certificate has no role" in failure.detail


async def test_tls_to_a_plain_port_is_told_so(home, pki, open_fleet):
    """A machine without TLS is not taken for a broken one."""
    async with running(home) as machine:
        found, sentence = await outcome(
            open_fleet, f"127.0.0.1:{machine.port}", tls=pki.client("client-use")
        )
    assert found == []
    assert (
        "it does not speak TLS; unset SEEMACHINE_TLS_CERT, or start the machine with --tls-cert"
        in sentence
    )


async def test_a_plain_client_at_a_tls_port_is_told_so(home, pki, open_fleet):
    """A client without certificates learns that the port takes TLS."""
    async with (
        running(home, tls=pki.machine()) as machine,
        open_fleet(f"127.0.0.1:{machine.port}") as opened,
    ):
        [failure] = opened.roster.failures
    assert failure.status is Status.AccessDenied
    assert "this port takes TLS only" in failure.detail


def serve_older(listener, context):
    """One handshake of TLS 1.2, as far as it goes."""
    accepted, _ = listener.accept()
    with accepted, contextlib.suppress(OSError):
        context.wrap_socket(accepted, server_side=True).close()


async def test_an_older_machine_is_told_apart(pki, open_fleet, nursery):
    """A port that speaks only TLS 1.2 is refused with what to do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki.folder / f"{ESN}.crt", pki.folder / f"{ESN}.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nursery.start_soon(trio.to_thread.run_sync, serve_older, listener, context)
        found, sentence = await outcome(
            open_fleet, f"127.0.0.1:{listener.getsockname()[1]}", tls=pki.client("client-use")
        )
    assert found == []
    assert sentence.endswith(": it does not speak TLS 1.3; update it")


async def silent(stream):
    """Hold the line."""
    await trio.sleep_forever()


async def test_a_machine_that_does_not_shake_hands_is_given_up(pki, open_fleet, monkeypatch):
    """The handshake has the time of connecting."""
    monkeypatch.setattr(blocking_wire, "CONNECT_SECONDS", 0.25)
    async with answering(silent) as port:
        found, sentence = await outcome(open_fleet, port.text, tls=pki.client("client-use"))
    assert (found, sentence) == ([], f"connecting to 127.0.0.1 on port {port.port}: timed out")


async def test_a_machine_that_hangs_up_in_the_handshake_is_a_failure(pki, open_fleet):
    """Nothing is known but that it hung up."""
    async with answering(lambda stream: stream.aclose()) as port:
        found, sentence = await outcome(open_fleet, port.text, tls=pki.client("client-use"))
    assert found == []
    assert sentence.startswith("connect")
    assert f"127.0.0.1 on port {port.port}: " in sentence


# ---------------------------------------------------------------- at work


async def test_a_key_lives_its_life_over_tls(home, pki, open_fleet):
    """Generate, sign, verify: the same as without, and a client that only uses keys is refused the
    rest by name.
    """
    async with running(home, tls=pki.machine()) as machine:
        where = f"127.0.0.1:{machine.port}"
        async with open_fleet(where, pki.client("client-provision")) as opened:
            key = await opened.generate_lms("tls", lms="sha256_m32_h5", lmots="sha256_n32_w4")
            key.verify(b"one", await key.sign(b"one"))
        async with open_fleet(where, pki.client("client-use")) as opened:
            key = opened.key("tls")
            message = b"m" * (3 << 20)
            key.verify(message, await key.sign(message))
            with pytest.raises(
                StatusError, match="client use has the role use, and the role provision is needed"
            ) as refused:
                await opened.generate_lms("more", lms="sha256_m32_h5", lmots="sha256_n32_w4")
            assert refused.value.status is Status.AccessDenied
            assert (await key.info()).remaining == 30
        # Both sides said goodbye.
        await until(lambda: machine.sessions == 0)
        assert not machine.log.named("peer gone")


def connection_of(opened):
    """The only connection of a fleet, of either client."""
    [connection] = getattr(opened, "fleet", opened)._connections.values()
    return connection


async def test_an_idle_connection_is_not_stale_until_the_machine_closes_it(home, pki, open_fleet):
    """Nothing but the machine's goodbye makes the socket readable; after it the next request opens
    a new connection by itself.
    """
    async with running(home, tls=pki.machine(), idle_seconds=1) as machine:
        key = install_key(machine.service.machine)
        async with open_fleet(f"127.0.0.1:{machine.port}", pki.client("client-use")) as opened:
            ask = partial(
                getattr(opened, "fleet", opened)._ask_each,
                [Ask(peer, m.GetNvmemfileInfo(file=name_of(key))) for peer in opened.roster.peers],
            )
            for hellos in (1, 1, 2):
                if hellos == 2:
                    await until(lambda: connection_of(opened).stale)
                assert not connection_of(opened).stale or hellos == 2
                [reply] = await (
                    trio.to_thread.run_sync(ask) if hasattr(opened, "fleet") else ask()
                )
                assert isinstance(reply, m.NvmemfileInfo)
                assert (
                    sum(event["command"] == "hello" for event in machine.log.named("request"))
                    == hellos
                )


async def test_a_connection_whose_hello_fails_is_not_used_again(home, pki, open_fleet, monkeypatch):
    """A machine that turned out to be another one after a reconnect gets no requests, however often
    one is asked.
    """
    async with running(home, tls=pki.machine(), idle_seconds=1) as machine:
        async with open_fleet(f"127.0.0.1:{machine.port}", pki.client("client-use")) as opened:
            await until(lambda: connection_of(opened).stale)
            machine.service.machine.esn = OTHER_ESN
            for _ in range(2):
                with pytest.raises(StatusError, match=f"{OTHER_ESN} answers, not {ESN}"):
                    await opened.provision(ESN, 2)
        assert {event["command"] for event in machine.log.named("request")} == {"hello"}


def test_make_machine_is_the_esn_of_the_certificates(tmp_path):
    """What these tests rest on."""
    assert make_machine(tmp_path).esn == ESN
