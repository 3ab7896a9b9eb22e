"""`seemachine info`."""

import json
from pathlib import Path

from kit import processes


def test_it_names_the_engine_that_would_run(tmp_path: Path) -> None:
    """Lines and JSON tell the same engine, and a forced one is the one told."""
    env = processes.environment(tmp_path, SEEMACHINE_ENGINE="portable")

    code, lines = processes.seemachine(["info"], env)
    document = json.loads("\n".join(processes.seemachine(["info", "--json"], env)[1]))

    assert code == 0
    assert "engine       portable" in lines
    assert document["engine"] == "portable"
    assert document["not_used"] == {"native": "SEEMACHINE_ENGINE asks for the portable engine"}
    assert document["world"] == str(tmp_path)


def test_an_engine_that_cannot_be_had_is_a_refusal(tmp_path: Path) -> None:
    """A forced engine that does not exist is never replaced in silence, neither here nor by a
    machine.
    """
    env = processes.environment(tmp_path, SEEMACHINE_ENGINE="abacus")

    info = processes.seemachine(["info"], env)
    serve = processes.seemachine(["serve", "--esn", "0000-0000-0001", "--port", "0"], env)

    for code, lines in (info, serve):
        assert code == 1
        assert "SEEMACHINE_ENGINE=abacus is none of portable," in lines[-1]
