"""What is measured: runs in turn, medians, ratios, and what was wanted."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

Timed = Callable[[], float]
Point = tuple[str, int, float]  # a line of the plot, how many entries, how many seconds
RUNS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `met` is None where nothing was promised."""

    what: str
    ours: str
    beside: str
    theirs: str
    figure: str
    wanted: str
    met: bool | None
    points: tuple[Point, ...] = ()


def pairs(ours: Timed, theirs: Timed, runs: int = RUNS) -> tuple[float, float]:
    """Return both medians of runs in turn, after one of each that does not count: the machine's speed drifts."""
    ours(), theirs()
    rows = [(ours(), theirs()) for _ in range(runs)]
    return statistics.median(a for a, _b in rows), statistics.median(b for _a, b in rows)


def faster(what: str, beside: str, ours: float, theirs: float, wanted: float | None) -> Figure:
    """So many times faster than what it stands beside."""
    ratio = theirs / ours
    text = f"at least {wanted:g} x faster" if wanted else "no figure promised"
    said = f"{ratio:.3g} x faster" if ratio >= 1 else f"{1 / ratio:.3g} x slower"
    return Figure(what, time(ours), beside, time(theirs), said, text, ratio >= wanted if wanted else None)


def within(what: str, beside: str, ours: float, theirs: float, wanted: float | None) -> Figure:
    """So many times as long, or as large, as what it stands beside."""
    ratio = ours / theirs
    text = f"at most {wanted:g} x" if wanted else "no figure promised"
    return Figure(what, time(ours), beside, time(theirs), f"{ratio:.2f} x", text, ratio <= wanted if wanted else None)


def rate(what: str, each: float, wanted: float | None) -> Figure:
    """So many entries a second."""
    text = f"at least {wanted:,.0f}/s" if wanted else "no figure promised"
    return Figure(what, time(each), "", "", f"{1 / each:,.0f} entries/s", text, 1 / each >= wanted if wanted else None)


def bound(what: str, value: float, most: float, unit: str) -> Figure:
    """No more than so much."""
    return Figure(
        what, f"{value:,.0f} {unit}", "", "", f"{value:,.0f} {unit}", f"under {most:,.0f} {unit}", value < most
    )


def time(seconds: float) -> str:
    """Return a duration as people write it."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def table(figures: list[Figure]) -> str:
    """Return the table for a terminal."""
    rows = [("", "envgit", "beside it", "", "", "wanted", "")]
    rows += [(f.what, f.ours, f.beside, f.theirs, f.figure, f.wanted, _met(f)) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _met(figure: Figure) -> str:
    return {True: "yes", False: "NO", None: ""}[figure.met]
