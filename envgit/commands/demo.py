"""Own `envgit demo`: the whole story, told by the real commands on a repository made for it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from envgit import ui
from envgit.commands.options import as_json
from envgit.log.demo import Stage, stage

STORY = (
    ("Any SOPS repository, nothing set up: what did the last commit change?", "diff HEAD~1 HEAD", 0),
    ("Set up: find the environments, make a key outside the repository, begin the log.", "init", 0),
    ("Record the past, signed. It can be run again at any time.", "record", 0),
    ("Who changed this variable last, and when?", "blame DATABASE_URL", 0),
    ("And before that? Re-encryptions blame nobody; a value that comes back is said to.", "blame --all -e production DATABASE_URL", 0),
    ("Everything, access and re-encryption as what they were.", "log --oneline", 0),
    ("How did production stand on 12 November?", "show -e production 2026-11-12", 0),
    ("Is the log as it was signed, and does it say the truth about the values?", "verify --deep", 0),
)  # fmt: skip
TAMPERED = ("Now somebody drops the last three entries, and git still calls every commit good.", "verify", 1)
RESTORED = ("Put back, all is well again.", "verify --quiet", 0)


@click.command("demo", short_help="tell the whole story on a repository made for it")
@as_json
@click.option("--keep", is_flag=True, help="Keep the repository, and say where it is.")
def command(as_json: bool, keep: bool) -> int:
    """Tell the whole story on a repository that is made in a temporary directory: nothing of yours is read or touched."""
    directory = Path(tempfile.mkdtemp(prefix="envgit-demo-"))
    told: list[dict[str, object]] = []
    try:
        made = stage(directory)
        for line, words, expected in STORY:
            told.append(_tell(made, line, words, expected, quiet=as_json))
        made.git("branch", "-f", "envgit-audit", "envgit-audit~3")
        told.append(_tell(made, *TAMPERED, quiet=as_json))
        made.git("branch", "-f", "envgit-audit", "envgit-audit@{1}")
        told.append(_tell(made, *RESTORED, quiet=as_json))
    finally:
        if keep:
            ui.say(f"kept: {directory}")
        else:
            _remove(directory)
    if as_json:
        ui.document({"schema": "envgit.demo/1", "steps": told})
    return 0 if all(step["as_expected"] for step in told) else 1


def _tell(made: Stage, line: str, words: str, expected: int, *, quiet: bool) -> dict[str, object]:
    command = [sys.executable, "-m", "envgit", *words.split()]
    done = subprocess.run(
        command,
        cwd=made.directory,
        env=dict(made.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not quiet:
        ui.out(ui.styled(f"# {line}", "dim"))
        ui.out(ui.styled(f"$ envgit {words}", "bold"))
        said = done.stdout.rstrip() or "(nothing: all is well)"
        ui.out(f"{said}\n" + (f"(exit status {done.returncode})\n" if done.returncode else ""))
    return {
        "command": f"envgit {words}",
        "exit": done.returncode,
        "output": done.stdout,
        "as_expected": done.returncode == expected,
    }


def _remove(directory: Path) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)
