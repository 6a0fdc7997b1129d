"""Write docs/performance.md: the table of a full run in its frame, and the plot of how cost grows with the log."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import pygit2

from bench.figures import Figure
from bench.stage import ROOT, SOPS

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def write(found: dict[str, list[Figure]]) -> None:
    """Put the figures of a run in the place of those before."""
    figures = [figure for topic in found.values() for figure in topic]
    text = PAGE.read_text()
    table = f"{BEGIN}\n{_machine()}\n\n{_table(figures)}\n{END}"
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _found: table, text, flags=re.DOTALL))
    _plot(point for figure in figures for point in figure.points)


def _machine() -> str:
    git = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.strip()
    sops = subprocess.run([SOPS, "--version", "--disable-version-check"], capture_output=True, text=True, check=True)
    model = next(
        (
            line.partition(": ")[2]
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d} on {len(os.sched_getaffinity(0))} processors ({model}), "
        f"Python {platform.python_version()}, libgit2 {pygit2.LIBGIT2_VERSION}, {git}, {sops.stdout.split(chr(10))[0]}."
    )


def _table(figures: Iterable[Figure]) -> str:
    rows = ["| what | envgit | beside it | | figure | wanted | reached |", "|---|--:|---|--:|--:|---|---|"]
    for one in figures:
        reached = {True: "yes", False: "**no**", None: ""}[one.met]
        what, beside = (text.replace("|", "\\|") for text in (one.what, one.beside))
        rows.append(f"| {what} | {one.ours} | {beside} | {one.theirs} | {one.figure} | {one.wanted} | {reached} |")
    return "\n".join(rows)


def _plot(points: Iterable[tuple[str, int, float]]) -> None:
    from matplotlib import pyplot as plt

    lines: dict[str, dict[int, list[float]]] = {}
    for name, entries, seconds in points:
        lines.setdefault(name, {}).setdefault(entries, []).append(seconds)
    plt.rcParams["svg.hashsalt"] = "envgit"
    figure, axes = plt.subplots(figsize=(8, 4.5))
    for name, measured in lines.items():
        style = "--" if name.startswith("git ") else "-"
        axes.loglog(
            sorted(measured), [median(measured[size]) for size in sorted(measured)], style, marker="o", label=name
        )
    axes.set_xlabel("entries in the log")
    axes.set_ylabel("seconds, whole process")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})
