"""`seemachine serve` as a process: starting, refusing to start, stopping, being killed, and what
its log says and does not say.
"""

import base64
import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading

import pytest
from kit import processes
from kit.connections import ask, connect, generate_key
from kit.daemons import slow_machine
from kit.services import H5_W4, H10_W4, HELLO
from kit.verdicts import leaf_of, verifies
from kit.waiting import PATIENCE, eventually
from seeclient.algorithms.lms.signing import new_token

from seemachine.cli.command import main
from seemachine.config import MOST
from seemachine.lms.hashing import finish_message, start_message
from seemachine.lms.parameters import lmots
from seemachine.state.cards.rack import Rack
from seemachine.state.cards.smartcard import read_card
from seemachine.testing import ESN
from seemachine.wire import messages as m
from seemachine.wire.names import nvram_name
from seemachine.wire.status import Status, StatusError
from seemachine.world import World


@pytest.fixture
def machine(tmp_path):
    """A machine of its own, gone after the test."""
    with processes.machines(tmp_path / "world", (ESN,)) as [running]:
        yield running


# ---------------------------------------------------------------- stopping


@pytest.fixture
def slow(tmp_path):
    """A machine whose chunks last."""
    with slow_machine(tmp_path / "world") as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process_in_order(number, slow):
    """Idle sessions end at once, the chunk under way is answered, the published object is
    withdrawn, and the exit code is 0.
    """
    idle, busy = connect(slow), connect(slow)
    started = ask(busy, m.GenerateLms(**{**H10_W4, "lmots": 4}, expchunk=7))
    busy.send(m.ContinueLms(handle=started.handle))
    ask(idle, HELLO)  # answered, so the chunk, asked for before, is under way
    slow.process.send_signal(number)
    with pytest.raises(StatusError, match="closed by the machine"):
        idle.receive()
    with pytest.raises(StatusError, match="Connection refused"):
        connect(slow)
    assert busy.receive().remaining == started.remaining - 1
    with pytest.raises(StatusError):
        busy.receive()
    assert slow.process.wait(PATIENCE) == 0
    assert slow.published() == {}
    events = [json.loads(line)["event"] for line in slow.log.read_text().splitlines()]
    assert [event for event in events if event != "request"] == [
        "ready",
        "hardened",
        "draining",
        "stopped",
    ]


def test_a_second_signal_does_not_cut_the_drain_short(slow):
    """Ctrl-C at a fleet reaches the machines twice, from the terminal and from the supervisor: they
    drain nevertheless.
    """
    busy = connect(slow)
    started = ask(busy, m.GenerateLms(**{**H10_W4, "lmots": 4}, expchunk=8))
    busy.send(m.ContinueLms(handle=started.handle))
    connect(slow).close()
    slow.process.send_signal(signal.SIGINT)
    assert eventually(lambda: "draining" in slow.log.read_text())
    slow.process.send_signal(signal.SIGTERM)
    code = slow.process.wait(PATIENCE)
    busy.close()
    assert (code, slow.published()) == (0, {})


# Found and stopped in the same instant, as by a supervisor that was told to stop while it waited
# for its machines.
STOPPED_WHEN_PUBLISHED = """
import os, signal, sys
from seemachine import cli
from seemachine.hsms import published
publish = published.publish
def found(*entry):
    publish(*entry)
    os.kill(os.getpid(), signal.SIGTERM)
published.publish = found
sys.exit(cli.main(sys.argv[1:]))
"""


def test_a_signal_at_the_moment_of_publishing_stops_in_order(tmp_path):
    """Who finds a published object may stop the machine at once: it withdraws the object and ends
    with exit code 0.
    """
    command = [
        sys.executable,
        "-c",
        STOPPED_WHEN_PUBLISHED,
        "serve",
        "--esn",
        ESN,
        "--port",
        "0",
        "--ephemeral",
        "--home",
        str(tmp_path),
    ]
    done = subprocess.run(command, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    assert (done.returncode, list(tmp_path.glob("published/*/*.json"))) == (0, [])


def test_killed_a_machine_leaves_its_published_object_and_restarts(machine):
    """SIGKILL leaves a stale object, as in guide 2.8.1; the next start takes its place and counts
    the start.
    """
    first = connect(machine)
    epoch = ask(first, HELLO).epoch
    machine.kill()
    assert machine.published()["pid"] == machine.process.pid
    first.close()
    machine.start()
    again = connect(machine)
    assert ask(again, HELLO).epoch == epoch + 1
    again.close()


# ---------------------------------------------------------------- leaves and SIGKILL

CLIENTS = 4
KILLS = 3


def sign_until_gone(machine, file, signatures):
    """Sign over and over until the machine does not answer or has no leaves any more."""
    with contextlib.suppress(StatusError):  # killed
        connection = connect(machine)
        while isinstance(
            signed := ask(
                connection, m.NvmemfileSign(file=file, token=new_token(), message=b"message")
            ),
            m.NvmemfileSigned,
        ):
            signatures.append(signed.signature)
        connection.close()


@pytest.mark.parametrize("store", ["sqlite", "file"])
def test_killed_while_signing_no_leaf_is_used_twice(store, tmp_path):
    """Through several kills in the middle of signing, no leaf repeats, and no more are lost than
    requests were under way.
    """
    with processes.machines(tmp_path, (ESN, "--store", store)) as [machine]:
        first = connect(machine)
        public_key = generate_key(first)[1]
        first.close()
        file, signatures = nvram_name(public_key), []
        for round_ in range(KILLS + 1):
            if round_:
                machine.start()
            before = len(signatures)
            clients = [
                threading.Thread(target=sign_until_gone, args=(machine, file, signatures))
                for _ in range(CLIENTS)
            ]
            for client in clients:
                client.start()
            if round_ < KILLS:
                assert eventually(lambda before=before: len(signatures) >= before + 3)
                machine.kill()
            for client in clients:
                client.join(PATIENCE)
    leaves = [leaf_of(signature) for signature in signatures]
    assert len(set(leaves)) == len(leaves)
    assert 32 - CLIENTS * KILLS <= len(leaves) <= 32
    assert all(verifies(public_key, signature, b"message") for signature in signatures)


@pytest.mark.parametrize("killed", [True, False])
def test_a_leaf_that_waits_for_its_digest_is_burned_when_the_machine_stops(killed, machine):
    """Killed or stopped in order, a machine gives a reserved leaf up: its token is refused
    afterwards, and signing goes on behind it.
    """
    connection, token = connect(machine), new_token()
    file = nvram_name(generate_key(connection)[1])
    reserved = ask(connection, m.NvmemfileReserve(file=file, token=token))
    connection.close()
    machine.kill() if killed else machine.stop()
    machine.start()
    connection = connect(machine)
    refused = ask(connection, m.NvmemfileSignDigest(file=file, token=token, digest=bytes(32)))
    assert refused.status is Status.ObjectInUse
    assert ask(connection, m.NvmemfileReserve(file=file, token=token)).status is Status.ObjectInUse
    assert (
        ask(connection, m.NvmemfileSign(file=file, token=new_token(), message=b"m")).leaf
        == reserved.leaf + 1
    )
    connection.close()


# ---------------------------------------------------------------- refusing to start


def test_a_second_process_of_the_same_esn_is_refused(machine):
    """Two processes on one NVRAM would sign with the same leaves, so the second ends with a
    sentence and exit code 1.
    """
    code, lines = processes.seemachine(
        ["serve", "--esn", ESN, "--port", "0"], processes.environment(machine.home)
    )
    [line] = lines
    assert code == 1
    assert line.startswith(
        f"seemachine serve: {ESN} is already in use by process {machine.process.pid} ("
    )
    connect(machine).close()


def test_a_taken_port_is_refused(tmp_path):
    """A port that somebody else has ends the start with a sentence that says what to do, and exit
    code 1.
    """
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        code, lines = processes.seemachine(
            ["serve", "--esn", ESN, "--port", str(port)], processes.environment(tmp_path)
        )
    assert (code, lines) == (
        1,
        [
            f"seemachine serve: port {port} of 127.0.0.1 is taken; choose another with --port"
            " or, in a file, port = N; 0 is any free one"
        ],
    )
    # Nothing was begun that a backup would ask for.
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("store", ["sqlite", "file"])
def test_a_damaged_nvram_is_left_as_it_is(store, tmp_path):
    """The sentence names the file, and how to begin anew; that works."""
    folder = tmp_path / "hsm" / ESN
    with processes.machines(tmp_path, (ESN, "--store", store)):
        pass
    damaged = folder / "nvram.db" if store == "sqlite" else next((folder / "nvram").iterdir())
    damaged.write_bytes(b"not an NVRAM, " * 300)
    serve = ["serve", "--esn", ESN, "--port", "0", "--store", store]
    code, [line] = processes.seemachine(serve, processes.environment(tmp_path))
    assert (code, line.startswith(f"seemachine serve: {damaged}: ")) == (1, True)
    assert line.endswith(
        f"; nothing was changed. Moving {folder} away lets the machine begin anew, without the"
        " leaves in it"
    )
    assert damaged.read_bytes() == b"not an NVRAM, " * 300
    folder.rename(tmp_path / "away")
    with processes.machines(tmp_path, (ESN, "--store", store)) as [anew]:
        assert anew.published()["esn"] == ESN


def refused_settings(capsys, *words):
    """What `seemachine serve` says to settings that it refuses."""
    assert main(["serve", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    [line] = told.err.splitlines()
    return line


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_an_address_that_others_reach_must_be_asked_for(host, capsys, tmp_path):
    """Only loopback addresses are listened on without --insecure-bind; any other is wrong usage."""
    line = refused_settings(capsys, "--esn", ESN, "--home", str(tmp_path), "--host", host)
    assert line.startswith(f"seemachine serve: {host} is not a loopback address")
    assert "--insecure-bind" in line


@pytest.mark.parametrize("host", ["127.example.com", "::1234", "localhost.example.com"])
def test_a_name_that_begins_like_loopback_is_not_loopback(host, capsys, tmp_path, monkeypatch):
    """A prefix proves nothing: these names and addresses can be anybody's."""
    monkeypatch.setattr("seemachine.server.launch.start", lambda _configs, _environ: 0)
    assert "--insecure-bind" in refused_settings(
        capsys, "--esn", ESN, "--home", str(tmp_path), "--host", host
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_leave(host, tmp_path, monkeypatch):
    """Every loopback address is taken as it is."""
    started = []
    monkeypatch.setattr(
        "seemachine.server.launch.start", lambda configs, *_: started.extend(configs) or 0
    )
    assert main(["serve", "--esn", ESN, "--home", str(tmp_path), "--host", host]) == 0
    assert [config.host for config in started] == [host]


WRONG_FILES = {
    'esn = "7852"': "esn takes an electronic serial number such as 7852-268D-3BF9, not '7852'",
    'model = "6"': "model takes one of 5c, xc, not '6'",
    "module = 0": "module takes a number from 1 to 65535, not 0",
    "module = true": "module takes a number from 1 to 65535, not True",
    "port = 65536": "port takes a number from 0 (any free one) to 65535, not 65536",
    'port = "8888"': "port takes a number from 0 (any free one) to 65535, not '8888'",
    'store = "paper"': "store takes one of sqlite, file, memory, not 'paper'",
    'operator = "robot"': "operator takes one of manual, auto, not 'robot'",
    'host = "0.0.0.0"': "0.0.0.0 is not a loopback address",
    "prot = 8888": "unknown setting prot; did you mean port? Known are esn, model",
    "limits = 5": "limits takes a table",
    "[limits]\nrequest = 5": "unknown setting limits.request; did you mean",
    "[limits]\nconnections = 0": f"limits.connections takes a number from 1 to {MOST}, not 0",
    "[limits]\nidle_seconds = 1.5": f"limits.idle_seconds takes a number from 1 to {MOST}, not 1.5",
    "[limits]\ndrain_seconds = true": (
        f"limits.drain_seconds takes a number from 1 to {MOST}, not True"
    ),
    "[limits]\nidle_seconds = 134217729": (
        f"limits.idle_seconds takes a number from 1 to {MOST}, not 134217729"
    ),
    "[limits]\nframe_bytes = 1048577": "limits.frame_bytes takes",
    "[limits]\nframe_bytes = 1000": "limits.frame_bytes takes",
    "esn = ": "Invalid value",
}
CRASHING_FILES = {
    "esn = 5": "esn takes",
    "host = 5": "host takes",
    "world = 5": "world takes",
    'insecure_bind = "false"\nhost = "0.0.0.0"': "insecure_bind takes",
    'search_port = "no"': "search_port takes",
    'publish = "no"': "publish takes",
    "[limits]\nrequest_seconds = 4294967296": "limits.request_seconds takes",
}


def write_settings(folder, text):
    """A configuration file that would do but for `text`."""
    path = folder / "machine.toml"
    path.write_text(text if "esn" in text else f'esn = "{ESN}"\n{text}\n')
    return path


@pytest.mark.parametrize("text", WRONG_FILES)
def test_a_wrong_setting_is_named(text, capsys, tmp_path):
    """A configuration file with a mistake ends the start with the setting, what it takes, and exit
    code 2.
    """
    line = refused_settings(
        capsys, "--home", str(tmp_path), "--config", str(write_settings(tmp_path, text))
    )
    assert line.startswith(f"seemachine serve: {tmp_path / 'machine.toml'}: ")
    assert WRONG_FILES[text] in line


@pytest.mark.parametrize("text", CRASHING_FILES)
def test_a_setting_of_the_wrong_type_is_named(text, capsys, tmp_path, monkeypatch):
    """Settings that are texts, numbers or yes-or-no take nothing else."""
    monkeypatch.setattr("seemachine.server.launch.start", lambda _configs, _environ: 0)
    line = refused_settings(capsys, "--config", str(write_settings(tmp_path, text)))
    assert CRASHING_FILES[text] in line


def test_a_mistake_on_the_command_line_is_not_the_files(capsys, tmp_path):
    """The file is named for what it says, not for what is said beside it."""
    path = write_settings(tmp_path, "port = 1")
    assert refused_settings(capsys, "--config", str(path), "--port", "99999").startswith(
        "seemachine serve: port takes"
    )


def test_a_configuration_file_that_is_not_there_is_named(capsys, tmp_path):
    """A missing file is a sentence with its path."""
    path = tmp_path / "nowhere.toml"
    assert (
        refused_settings(capsys, "--config", str(path))
        == f"seemachine serve: {path}: No such file or directory"
    )


def test_the_command_line_overrides_the_file(tmp_path, monkeypatch):
    """Settings of the file hold unless the command line says otherwise."""
    started = []
    monkeypatch.setattr(
        "seemachine.server.launch.start", lambda configs, *_: started.extend(configs) or 0
    )
    path = write_settings(
        tmp_path, 'port = 1234\nmodel = "xc"\npublish = false\n[limits]\nconnections = 3'
    )
    assert (
        main(
            ["serve", "--home", str(tmp_path), "--config", str(path), "--port", "0", "--ephemeral"]
        )
        == 0
    )
    [config] = started
    assert (config.esn, config.port, config.model, config.publish, config.store) == (
        ESN,
        0,
        "xc",
        False,
        "memory",
    )
    assert (config.limits.connections, config.limits.idle_seconds) == (3, 300)
    assert config.world == World.at(tmp_path)


def test_limits_of_the_file_are_told_to_clients_and_held(tmp_path):
    """A process started with a file of limits greets with them."""
    path = write_settings(
        tmp_path, "[limits]\nrequest_seconds = 7\nidle_seconds = 8\nframe_bytes = 700000"
    )
    with processes.machines(tmp_path / "world", (ESN, "--config", str(path), "--ephemeral")) as [
        machine
    ]:
        connection = connect(machine)
        limits = ask(connection, HELLO).limits
        connection.close()
    assert limits == m.Limits(
        frame=700000, message=700000 - m.ENVELOPE_BYTES, idle_seconds=8, request_seconds=7
    )


# ---------------------------------------------------------------- the log

MESSAGES = [b"the first secret message", b"another \x00\xff message", b"M" * 5000]
NO_FILE = b"lmsnosuchke"


def whole_session(connection, rack):
    """One of everything.

    Returns what was asked, in order, as (command, status) and the public keys.
    """
    said = [("hello", "OK")]

    def say(request):
        reply = ask(connection, request)
        said.append((request.NAME, reply.status.name if isinstance(reply, StatusError) else "OK"))
        return reply

    def generate(**options):
        started = say(m.GenerateLms(**{**H5_W4, **options}, expchunk=5))
        for _ in range(started.remaining):
            chunk = say(m.ContinueLms(handle=started.handle))
        return started.handle, chunk.public_key

    singular = generate()[1]
    file = nvram_name(singular)
    for message in MESSAGES:
        say(m.NvmemfileSign(file=file, token=new_token(), message=message))
    token = new_token()
    reserved = say(m.NvmemfileReserve(file=file, token=token))
    running = start_message(lmots(3), reserved.identifier, reserved.leaf, reserved.randomizer)
    running.update(b"the digest of this one is made by the client")
    say(m.NvmemfileSignDigest(file=file, token=token, digest=finish_message(lmots(3), running)))
    say(m.NvmemfileSign(file=NO_FILE, token=new_token(), message=MESSAGES[0]))
    handle, sectorized = generate(explease=2)
    say(m.ContinueLmsCard(handle=handle, slot=2))
    rack.insert(rack.new()[0], ESN, 2)
    say(m.ContinueLmsCard(handle=handle, slot=2))
    say(m.ProvisionLms(slot=2))
    say(m.NvmemfileSign(file=nvram_name(sectorized), token=new_token(), message=MESSAGES[1]))
    say(m.ListNvmemfiles())
    say(m.ListSlots())
    say(m.GenerateLms(**{**H5_W4, "lms": 77}))
    return said, singular, sectorized


def seeds_of(world):
    """Every seed that the world remembers."""
    database = sqlite3.connect(world / "hsm" / ESN / "nvram.db")
    seeds = [row[0] for row in database.execute("SELECT seed FROM nvram")]
    database.close()
    cards = [read_card(path) for path in world.glob("hsm/*/slots/*/*.card")]
    return seeds + [lease.seed for card in cards for lease in card.leases]


def spellings(secret):
    """The ways in which bytes could stand in a log: as they are, in hex, in base64, as Python or
    JSON writes them.
    """
    told = repr(secret)[2:-1]
    texts = [
        secret.hex(),
        secret.hex().upper(),
        secret.hex(" ", -4),
        secret.hex(":", -4),
        base64.b64encode(secret).decode(),
        told,
    ]
    return {secret, *(text.encode() for text in texts), json.dumps(told)[1:-1].encode()}


def test_the_log_has_a_line_for_each_request_and_no_secret_in_any(machine):
    """One JSON event per request tells command, status, seconds, key and leaf; no seed and no
    message is anywhere in the log.
    """
    connection = connect(machine)
    said, singular, sectorized = whole_session(connection, Rack(World.at(machine.home)))
    connection.close()
    bad = socket.create_connection((connection.address.host, connection.address.port))
    bad.sendall(b"\xff\xff\xff\xff" + MESSAGES[0])
    assert b"Malformed" in bad.recv(1 << 16)
    bad.close()
    assert machine.stop() == 0

    log = machine.log.read_bytes()
    events = [json.loads(line) for line in log.splitlines()]
    requests = [event for event in events if event["event"] == "request"]
    assert [(event["command"], event["status"]) for event in requests] == said
    assert all(
        type(event["seconds"]) is float and event["esn"] == ESN and event["peer"]
        for event in requests
    )
    signed = [
        (event["key"], event["leaf"], event["remaining"])
        for event in requests
        if event["command"] == "nvmemfile_sign" and event["status"] == "OK"
    ]
    first, second = nvram_name(singular).hex(), nvram_name(sectorized).hex()
    assert signed == [(first, 0, 31), (first, 1, 30), (first, 2, 29), (second, 0, 7)]
    assert [event["detail"] for event in events if event["event"] == "misuse"] == [
        "a frame of 4294967295 bytes is over the limit of 1024"
    ]
    assert [event["event"] for event in events if event["event"] != "request"] == [
        "ready",
        "hardened",
        "misuse",
        "draining",
        "stopped",
    ]

    seeds = seeds_of(machine.home)
    assert len(seeds) == 1 + 4, "a singular key, a provisioned lease, three leases on the card"
    for secret in [*seeds, *MESSAGES]:
        for spelling in spellings(secret):
            assert spelling not in log


def test_a_status_of_the_log_is_a_status_of_the_protocol(machine):
    """The log names statuses as the wire does."""
    connection = connect(machine)
    refused = ask(connection, m.GetNvmemfileInfo(file=NO_FILE))
    connection.close()
    assert refused.status is Status.NotAvailable
    assert eventually(lambda: "nvmemfile_info" in machine.log.read_text())
    [event] = [
        json.loads(line)
        for line in machine.log.read_text().splitlines()
        if "nvmemfile_info" in line
    ]
    assert Status[event["status"]] is refused.status
    assert event["detail"] == refused.detail
