"""`make bench`: that it runs, what it keeps, and what it says of goals."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
HERE = {"cpu": "a slow one", "cores": 2, "python": "3.11.7", "date": "2026-11-29"}
RATE = "sign h15/w8, 64 clients"


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, of a folder that is on nobody's path."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import history

    return history


@pytest.fixture
def goals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """So is this one."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import goals

    return goals


def a_run(history: ModuleType, commit: str, rate: float, **more: object) -> object:
    """A run with one figure, measured three times."""
    samples = [rate - 1, rate, rate + 2]
    figures = {RATE: history.Measured("per second", samples)}
    return history.Run(HERE | more, commit, clean=True, parts={"signing": figures})


def test_a_glance_measures_a_machine_and_keeps_the_figures(
    history: ModuleType, tmp_path: Path
) -> None:
    """In a process as `make bench` starts it; the history and both pages have what it measured."""
    words = [str(BENCHMARKS / "run.py"), "--quick", "--only", "signing", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = history.read(tmp_path / "bench.json")
    assert run.figures["sign h10/w4, 8 clients"] > 0
    assert run.figures["sign h10/w8, 64 clients: daemon, main thread"] > 0
    assert "PGO" in run.host["python_build"]
    assert "| sign h10/w4, 8 clients " in (tmp_path / "performance-figures.md").read_text()
    assert run.host["cpu"] in (tmp_path / "performance.md").read_text()


def test_the_history_keeps_a_run_of_each_tree_and_machine(
    history: ModuleType, tmp_path: Path
) -> None:
    """A part that is measured again takes the place of the one before it, other parts stay."""
    path, runs = tmp_path / "bench.json", []
    for run in (a_run(history, "older", 100), a_run(history, "newer", 150)):
        history.kept(runs, run)
    runs[1].parts["starts"] = {"banner": history.Measured("ms", [60.0])}
    history.kept(runs, a_run(history, "newer", 200))
    history.write(path, runs)
    again = history.read(path)
    assert again == runs
    assert [run.figures for run in again] == [{RATE: 100}, {RATE: 200, "banner": 60}]


def test_figures_stand_beside_those_of_another_commit_on_such_a_machine(
    history: ModuleType,
) -> None:
    """The last ones; none of another machine, another Python, or a tree with changes."""
    new = a_run(history, "new", 300)
    changed = a_run(history, "changed", 7)
    changed.clean = False
    runs = [
        a_run(history, "late", 200, date="2026-11-28"),
        a_run(history, "early", 100, date="2026-11-01"),
        a_run(history, "fast", 900, cpu="a fast one"),
        a_run(history, "other", 800, python="3.13.0"),
        changed,
        new,
    ]
    assert history.earlier(runs, new) == {RATE: (200, "late")}


@pytest.mark.parametrize(
    ("host", "rate", "base", "met"),
    [
        pytest.param({}, 6_000, {RATE: 2_600}, True, id="slow, 2.3 times the tree before"),
        pytest.param({}, 6_000, {RATE: 3_000}, False, id="slow, twice the tree before"),
        pytest.param({}, 6_000, {}, None, id="slow, nothing beside it"),
        pytest.param({}, 10_500, {}, True, id="faster than asked for anywhere"),
        pytest.param({"cpu": "AMD EPYC (family 26, model 2)"}, 9_999, {}, False, id="that machine"),
    ],
)
def test_a_goal_is_a_ratio_on_another_machine(
    goals: ModuleType, host: dict[str, str], rate: float, base: dict[str, float], met: bool | None
) -> None:
    """10,000 a second where the tree before reached 4,574: 2.19 times as many elsewhere."""
    [verdict] = goals.verdicts(HERE | host, {RATE: rate}, base)
    assert verdict.met is met


def test_every_process_runs_the_tree_that_is_measured(
    history: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also `python -m seemachine`, which would take a package of the folder that it runs in."""
    from trees import Tree

    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "older/seemachine").mkdir(parents=True, exist_ok=True)
        (tmp_path / "older/seemachine" / name).write_text("print('the older tree')\n")
    monkeypatch.chdir(BENCHMARKS.parent)
    with Tree(tmp_path / "older", "older", clean=True).python("-m", "seemachine") as process:
        assert process.stdout is not None
        assert process.stdout.read() == "the older tree\n" * 2


def test_a_part_that_fails_is_named_and_the_rest_goes_on(
    history: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its process ends with a traceback; the run says so, and knows that it did not go through."""
    import run
    from extents import QUICK
    from trees import here

    measured = history.Run(HERE, "new", clean=True)
    assert not run._measured_once("no such part", measured, here(), QUICK)
    assert measured.missing == {"no such part": "no such part: failed"}
    assert "no such part" in capfd.readouterr().err
