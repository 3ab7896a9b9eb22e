"""Which engine works: the fastest that proves itself, or exactly the one that was asked for."""

import sys

import pytest

from seemachine.lms import engines
from seemachine.lms.engines import EngineError, SignJob
from seemachine.lms.engines.portable import PortableEngine


@pytest.fixture(autouse=True)
def free_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked for, unless a test asks."""
    monkeypatch.delenv(engines.ENVIRONMENT, raising=False)


@pytest.fixture
def not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there had been no compiler."""
    monkeypatch.setitem(sys.modules, "seemachine.lms.engines.native", None)
    monkeypatch.setitem(sys.modules, "seemachine.lms.engines._native", None)


def test_portable_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """SEEMACHINE_ENGINE=portable gives the portable engine, and the description says that it was
    asked for.
    """
    monkeypatch.setenv(engines.ENVIRONMENT, "portable")

    assert isinstance(engines.select(), PortableEngine)
    assert "asks for the portable" in engines.describe().refused["native"]


def test_an_unknown_name_lists_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt engine is an error that says what there is."""
    monkeypatch.setenv(engines.ENVIRONMENT, "avx1024")

    with pytest.raises(
        EngineError, match="avx1024 is none of portable, scalar, x4, avx2, avx512, sha_ni"
    ):
        engines.select()


@pytest.mark.parametrize("name", ["scalar", "x4", "avx2", "avx512", "sha_ni"])
def test_a_kernel_that_was_asked_for_works_or_is_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forced kernel does everything; when it can't, there is no other in its place."""
    monkeypatch.setenv(engines.ENVIRONMENT, name)
    try:
        description = engines.describe()
    except EngineError as reason:
        assert name in str(reason) or "not built" in str(reason)
        pytest.skip(str(reason))

    assert {name} == set(description.generating.values()) == set(description.signing.values())
    assert name == engines.select().kernel


@pytest.mark.usefixtures("not_built")
def test_without_the_extension_the_portable_engine_works() -> None:
    """No compiler is not an error; the description tells why it is slow."""
    description = engines.describe()

    assert isinstance(engines.select(), PortableEngine)
    assert description.engine == "portable"
    assert "not built" in description.refused["native"]


@pytest.mark.usefixtures("not_built")
def test_without_the_extension_a_kernel_cannot_be_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no silent downgrade from a named kernel."""
    monkeypatch.setenv(engines.ENVIRONMENT, "scalar")

    with pytest.raises(EngineError, match="not built"):
        engines.select()


class TestProof:
    """Kernels that fail their proof, played by a `find` that refuses them."""

    def refuse(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        """Let these kernels fail."""
        native = pytest.importorskip(
            "seemachine.lms.engines.native", reason="the native engine is not built"
        )
        find = native._find

        def refusing(name: str, hash_name: str) -> int:
            if name in names:
                raise ValueError("it made a wrong leaf of a known seed")
            return find(name, hash_name)

        monkeypatch.setattr(native, "_find", refusing)

    def test_the_next_kernel_is_taken_and_the_reason_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With all fast kernels refused, plain C works, and the description says why."""
        self.refuse(monkeypatch, "avx512", "sha_ni", "avx2", "x4")
        description = engines.describe()

        assert {"scalar"} == set(description.generating.values())
        assert description.refused["x4"] == "it made a wrong leaf of a known seed"

    def test_no_kernel_at_all_leaves_the_portable_engine(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When even plain C is refused, Python works."""
        self.refuse(monkeypatch, "avx512", "sha_ni", "avx2", "x4", "scalar")

        assert isinstance(engines.select(), PortableEngine)
        assert "wrong leaf" in engines.describe().refused["native"]

    def test_a_forced_kernel_that_fails_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The error names the kernel and the reason."""
        self.refuse(monkeypatch, "scalar")
        monkeypatch.setenv(engines.ENVIRONMENT, "scalar")

        with pytest.raises(EngineError, match="scalar cannot be used: it made a wrong leaf"):
            engines.select()


def test_a_job_does_not_print_its_seed() -> None:
    """What is logged of a job has its leaf and never its seed."""
    printed = repr(SignJob(bytes(16), b"secret".ljust(32), 7, bytes(32)))

    assert "leaf=7" in printed
    assert "secret" not in printed
