"""The figures as a picture: seconds for a key by library, signatures per second by number of
clients.

Drawn where matplotlib is.
"""

import re
from pathlib import Path
from typing import Any

from history import Run
from measure import plain

KIND = "keygen h10/w8: "
OURS, PEERS, LIGHT = "#1b7a5a", "#9aa3ad", "#8ccfb5"


def draw(run: Run, path: Path) -> str:
    """Write the picture. Returns a word about it."""
    if not _keygens(run) or not _rates(run, 8):
        return "No chart: it takes the parts libraries and signing."
    try:
        import matplotlib as mpl
    except ImportError:
        return "no chart: matplotlib is not installed (pip install --group bench)"
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 4.4), width_ratios=(3, 2), layout="constrained"
    )
    _draw_keygen(left, _keygens(run))
    _draw_clients(right, run)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    host = run.host
    figure.suptitle(
        f"{host['cpu']}, {host['cores']} cores, Python {host['python']}, {host['date']}",
        fontsize=9,
        color="#666666",
    )
    figure.savefig(path, dpi=120)
    return str(path)


def _draw_keygen(axes: Any, seconds_of: dict[str, float]) -> None:
    """Bars on a log scale, the fastest on top."""
    found = sorted(((taken, name) for name, taken in seconds_of.items()), reverse=True)
    bars = axes.barh(
        [name for _, name in found],
        [seconds for seconds, _ in found],
        color=[OURS if name.startswith("seemachine") else PEERS for _, name in found],
    )
    axes.bar_label(bars, [f"{plain(seconds)} s" for seconds, _ in found], padding=4, fontsize=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set_xlim(
        min(seconds for seconds, _ in found) / 2, max(seconds for seconds, _ in found) * 3
    )
    axes.set_title(
        "Making a key, h10/w8: seconds (log scale, shorter is better)", fontsize=10, loc="left"
    )
    axes.tick_params(axis="y", length=0)


def _draw_clients(axes: Any, run: Run) -> None:
    """Two bars for each number of clients."""
    import matplotlib as mpl

    for w, color, shift in ((8, OURS, -0.2), (4, LIGHT, 0.2)):
        rates = _rates(run, w)
        bars = axes.bar(
            [place + shift for place in range(len(rates))],
            list(rates.values()),
            0.38,
            color=color,
            label=f"h15/w{w}",
        )
        axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates.values()], padding=2, fontsize=8)
        axes.set_xticks(range(len(rates)), list(rates))
    axes.set_xlabel("clients (on the same cores as the daemon)")
    axes.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,.0f}"))
    axes.set_title("Durable signatures per second through the daemon", fontsize=10, loc="left")
    axes.legend(frameon=False, loc="upper left")


def _keygens(run: Run) -> dict[str, float]:
    """Seconds by library."""
    return {
        name.removeprefix(KIND): value
        for name, value in run.figures.items()
        if name.startswith(KIND) and "times" not in name
    }


def _rates(run: Run, w: int) -> dict[str, float]:
    """Signatures per second by number of clients; those in batches last."""
    found: dict[str, float] = {}
    for name, value in run.figures.items():
        if match := re.fullmatch(rf"sign h15/w{w}, (\d+) clients?", name):
            found[match[1]] = value
        elif match := re.fullmatch(rf"sign_many h15/w{w}, (\d+) connections of \d+", name):
            found[f"{match[1]}, in batches"] = value
    return found
