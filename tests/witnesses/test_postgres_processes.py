"""A machine whose witness is in PostgreSQL, as a process: what its log and its end say, and which
settings it refuses.
"""

import json
from pathlib import Path

import pytest
from kit import processes
from kit.processes import environment, pipsqueak
from kit.waiting import eventually
from witnesses.postgres import PASSWORD, usable

KEY = ["algorithm=lms", "lmscode=sha256_m24_h5", "lmotscode=sha256_n24_w2"]


def settings(folder: Path, where: str) -> Path:
    """A file of settings with that witness."""
    path = folder / "machine.toml"
    path.write_text(f"witness = {json.dumps(where)}\n[limits]\ndrain_seconds = 2\n")
    return path


def events(machine):
    """The log: event and detail of each line."""
    lines = [json.loads(line) for line in machine.log.read_text().splitlines()]
    return {line["event"]: line.get("detail", "") for line in lines}


@pytest.mark.skipif(not usable(), reason="PostgreSQL's server is not installed here")
def test_the_log_says_what_becomes_of_the_session(server, line, witness, tmp_path, esn):
    """Lost and back, gone, not told of the end.

    It stops beside a frozen database; no line holds the password.
    """
    witness().release()  # makes the tables, as their owner
    world, where = (
        tmp_path / "world",
        f"postgresql://guarded:s3%3Acret@127.0.0.1:{line.port}/seemachine",
    )
    with processes.machines(world, (esn, "--config", str(settings(tmp_path, where)))) as [machine]:
        assert PASSWORD.encode() not in Path(f"/proc/{machine.process.pid}/cmdline").read_bytes()
        server.end_sessions(esn)
        assert eventually(lambda: "the witness answers again" in events(machine))
        line.cut()
        assert eventually(lambda: "the witness fails" in events(machine))
        line.mend()
        assert pipsqueak(["generate", "alias=k", *KEY], environment(world))[0] == 0
        for _ in range(3):
            assert pipsqueak(["alias=k", "message=text"], environment(world))[0] == 0
        line.freeze()
        assert machine.stop() == 0
        assert (
            "could not be told how far 1 lease came"
            in events(machine)["the witness was not told of the end"]
        )
        said = machine.log.read_text()
    assert PASSWORD not in said
    assert "s3%3Acret" not in said


@pytest.mark.parametrize(
    "where", ["postgresql:/me:s3cret@db/x", "postgresql://me@db?password=s3cret"]
)
def test_a_wrong_setting_ends_with_code_2(tmp_path, where):
    """From a file, the command line and of a restore; `fleet check` finds it.

    A supervisor does not start that again and again.
    """
    env = environment(tmp_path)
    path = settings(tmp_path, where)
    (tmp_path / "fleet.toml").write_text(
        f'[[machines]]\nesn = "7852-268D-3BF9"\nwitness = "{where}"\n'
    )
    for words in (
        ["serve", "--esn", "7852-268D-3BF9", "--config", str(path)],
        ["serve", "--esn", "7852-268D-3BF9", "--witness", where],
    ):
        code, said = processes.seemachine(words, env)
        assert (code, len(said)) == (2, 1)
        assert "witness takes" in said[0]
        assert "s3cret" not in said[0]
    assert processes.seemachine(["restore", "nothing.tar", "--witness", where], env)[0] == 2
    code, said = processes.seemachine(["fleet", "check"], env)
    assert code == 1
    assert any("witness takes" in each for each in said)
    assert not any("s3cret" in each for each in said)


def test_a_password_on_the_command_line_is_refused(tmp_path):
    """Everybody on the host can read it there, so the sentence says where else to put it."""
    where = "postgresql://me:s3cret@127.0.0.1:1/x"
    for words in (
        ["serve", "--esn", "7852-268D-3BF9", "--witness", where],
        ["restore", "nothing.tar", "--witness", where],
    ):
        code, said = processes.seemachine(words, environment(tmp_path))
        assert code == 2
        assert "PGPASSWORD" in said[0]
        assert "s3cret" not in said[0]


def test_a_database_that_is_not_there_ends_with_code_1(tmp_path):
    """That may pass, so a supervisor may try again."""
    words = [
        "serve",
        "--esn",
        "7852-268D-3BF9",
        "--port",
        "0",
        "--witness",
        "postgresql://me@127.0.0.1:1/x",
    ]
    code, said = processes.seemachine(words, environment(tmp_path, PGPASSWORD="s3cret"))

    assert code == 1
    assert said == ["seemachine serve: postgresql://me@127.0.0.1:1/x: Connection refused"]
