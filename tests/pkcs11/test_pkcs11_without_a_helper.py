"""Where no helper can be started: the library loads all the same, and says what is wrong."""

from ctypes import byref, c_ulong, create_string_buffer
from pathlib import Path

import pytest
from kit import cryptoki
from kit.cryptoki import Cryptoki


@pytest.fixture
def module(path: Path, environ: None, monkeypatch: pytest.MonkeyPatch) -> Cryptoki:
    """Not initialized, with a Python that is not there."""
    monkeypatch.setenv("SEEMACHINE_PYTHON", "/nowhere/python")
    loaded = Cryptoki(path)
    loaded.finalize()
    return loaded


def test_what_needs_no_helper_works(module: Cryptoki, tmp_path: Path) -> None:
    """Initializing, the slot, mechanisms, sessions and chance; then the journal names the Python
    that is missing, once for each call that wanted it.
    """
    journal = tmp_path / "journal"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEMACHINE_PKCS11_LOG", str(journal))
        module.initialize()
        count, room = c_ulong(), create_string_buffer(300)
        module.call("C_GetSlotList", 1, None, byref(count))
        module.call("C_GetMechanismList", c_ulong(0), None, byref(count))
        session = module.session()
        session.call("C_GenerateRandom", room, c_ulong(300))
        assert not journal.exists()
        assert module.value("C_GetTokenInfo", c_ulong(0), room) == cryptoki.FUNCTION_FAILED
        assert session.value("C_FindObjectsInit", None, c_ulong(0)) == cryptoki.FUNCTION_FAILED
        assert session.login(b"x") == cryptoki.FUNCTION_FAILED
        module.finalize()
    lines = journal.read_text().splitlines()
    assert [line.split()[2] for line in lines] == [
        "C_GetTokenInfo",
        "C_FindObjectsInit",
        "C_Login",
    ]
    assert all("/nowhere/python" in line for line in lines)
    assert journal.stat().st_mode & 0o777 == 0o600


def test_a_log_that_cant_be_written_changes_nothing(
    module: Cryptoki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is the same."""
    monkeypatch.setenv("SEEMACHINE_PKCS11_LOG", "/nowhere/journal")
    module.initialize()
    session = module.session()
    assert session.value("C_FindObjectsInit", None, c_ulong(0)) == cryptoki.FUNCTION_FAILED
    module.finalize()
