"""`make bench`, a minute or two, and `make bench-full`: each figure beside what one would do without envgit, in one run.

The machine's speed drifts, so that only what ran in turn may be compared. The answers that are timed are checked too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import action, comparing, history, logs, page, real
from bench.figures import Figure, table
from bench.stage import Stage

Topic = Callable[[Stage], Iterator[Figure]]


def main() -> int:
    """Print the table; with `--page`, write docs/performance.md as well."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="logs of up to 100,000 entries; half an hour")
    names = list(_topics(full=False))
    parser.add_argument("--only", nargs="+", default=[], choices=names, metavar="TOPIC", help=" ".join(names))
    parser.add_argument("--keep", metavar="DIRECTORY", help="where the repositories are made, and found the next time")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md and its plot")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envgit-bench-") as directory:
        stage = Stage(Path(given.keep or directory).absolute())
        topics = _topics(full=given.full)
        found: dict[str, list[Figure]] = {}
        for name in given.only or topics:
            for figure in topics[name](stage):
                found.setdefault(name, []).append(figure)
                print(table([figure]).splitlines()[1], file=sys.stderr, flush=True)
    print("\n" + table([figure for figures in found.values() for figure in figures]))
    if given.page:
        page.write(found)
    return 0


def _topics(*, full: bool) -> dict[str, Topic]:
    sizes = (1_000, 10_000, 100_000) if full else (1_000,)
    files = (60, 1_000, 10_000) if full else (60, 1_000)
    return {
        "trace": lambda stage: (figure for size in sizes for figure in logs.Long(stage, size).trace()),
        "verify": lambda stage: (figure for size in sizes for figure in logs.Long(stage, size).checked()),
        "packed": lambda stage: (figure for size in sizes for figure in logs.Long(stage, size).packed()),
        "grow": lambda stage: logs.one_more(stage, logs.Long(stage, 100), [logs.Long(stage, size) for size in sizes]),
        "backfill": lambda stage: history.backfill(stage, 10_000 if full else 500),
        "coverage": lambda stage: history.coverage(stage, 30_000 if full else 3_000),
        "diff": lambda stage: (figure for number in files for figure in comparing.diff(stage, number)),
        "real": lambda stage: real.Real(stage).figures(),
        "action": action.figures,
    }


if __name__ == "__main__":
    sys.exit(main())
