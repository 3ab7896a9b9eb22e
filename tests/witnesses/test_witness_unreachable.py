"""A witness in PostgreSQL that is not there."""

import socket

import pytest
from kit.stores import ESN

from seemachine.state.errors import StateFailed
from seemachine.witnesses import open_witness

pytest.importorskip("pg8000")


def test_why_the_database_is_not_reached_is_told(tmp_path):
    """The sentence has the database, without its password, and what the system said."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        where = f"127.0.0.1:{taken.getsockname()[1]}/seemachine"
        with pytest.raises(StateFailed) as refused:
            open_witness(f"postgresql://somebody:secret@{where}", tmp_path, ESN, {})

    assert f"somebody@{where}: " in str(refused.value)
    assert "Connection refused" in str(refused.value)
    assert "secret" not in str(refused.value)
