"""How the action finds Python and installs its libraries, and how it says that it cannot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.act import action_tree

# All that the script calls, but for Python.
PROGRAMS = ("bash", "mktemp", "env")


class Machine:
    """A machine with few programs on its PATH; `run` is the step that installs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bin"
        self.path.mkdir(parents=True)
        self.temp = folder / "temp"
        self.temp.mkdir()
        self.output = folder / "output"
        self.tree = action_tree(folder / "action")
        for name in PROGRAMS:
            found = shutil.which(name)
            assert found, name
            (self.path / name).symlink_to(found)

    def program(self, path: Path, script: str) -> Path:
        """Put a program on the machine."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def run(self, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the step."""
        passed = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HOME"))}
        return subprocess.run(
            ["bash", str(self.tree / "action" / "install.sh")],
            cwd=self.temp,
            env={
                **passed,
                "PATH": str(self.path),
                "ENVGIT_HOME": str(self.tree),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.output),
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def outputs(self) -> dict[str, str]:
        """What the step gave to the next one."""
        rows = self.output.read_text().splitlines() if self.output.exists() else []
        return {name: value for name, _equals, value in (row.partition("=") for row in rows)}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without Python."""
    return Machine(tmp_path / "machine")


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the annotations."""
    return [line for line in done.stdout.splitlines() if line.startswith("::")]


OURS = f'exec "{sys.executable}" "$@"'
# As a Python says that it is too old, or has no pip: by the status of the question.
UNUSABLE = "exit 1"


@pytest.mark.parametrize("there", ["nothing", "too old", "too old in the tool cache, too", "broken"])
def test_without_a_python_that_will_do_the_step_says_so(machine: Machine, there: str) -> None:
    """No Python at all, one that is too old or one that does not start: one error with what to add, and nothing is installed."""
    cache = machine.temp.parent / "tools"
    if there != "nothing":
        machine.program(machine.path / "python3", "exit 127" if there == "broken" else UNUSABLE)
    if "tool cache" in there:
        machine.program(cache / "Python" / "3.12.1" / "x64" / "bin" / "python3", UNUSABLE)
    done = machine.run(RUNNER_TOOL_CACHE=str(cache))
    assert done.returncode == 2
    (error,) = errors(done)
    assert error.startswith("::error title=envgit::this runner has no Python 3.11 or newer")
    assert "actions/setup-python" in error
    assert done.stderr == ""
    assert machine.outputs == {}
    assert list(machine.temp.iterdir()) == []


def test_a_really_old_python_is_passed_over(machine: Machine) -> None:
    """What Python says of its own version counts, and not its name."""
    old = "import sys; sys.version_info = (3, 10, 14, 'final', 0); exec(sys.argv[1])"
    machine.program(machine.path / "python3.13", f'[ "$2" = -c ] && exec "{sys.executable}" -c "{old}" "$3"; exit 9')
    done = machine.run()
    assert (done.returncode, len(errors(done))) == (2, 1)


@pytest.mark.parametrize("variable", ["RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"])
def test_a_python_in_the_tool_cache_will_do(machine: Machine, variable: str) -> None:
    """Where PATH has only an old one, the runner's own is taken, and the libraries lie in a folder of their own."""
    machine.program(machine.path / "python3", UNUSABLE)
    cache = machine.temp.parent / "tools"
    machine.program(cache / "Python" / "3.9.1" / "x64" / "bin" / "python3", "exit 9")
    found = machine.program(cache / "Python" / "3.12.1" / "x64" / "bin" / "python3", OURS)
    done = machine.run(**{variable: str(cache)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.outputs["python"] == str(found)
    libraries = Path(machine.outputs["libraries"])
    assert libraries.parent == machine.temp
    assert (libraries / "pygit2" / "__init__.py").exists()
    assert not (libraries / "envgit").exists()  # that is run from the action's own folder
    assert errors(done) == []


def test_libraries_that_were_replaced_are_refused(machine: Machine) -> None:
    """A wheel whose hash is not the one in the requirements is not installed: one error beside pip's own words."""
    wanted = machine.tree / "requirements" / "action.txt"
    text, number = re.subn(r"(?m)^click==(?:.*\\\n)+.*$", wrong_hash, wanted.read_text())
    assert number == 1
    wanted.write_text(text)
    refused(machine, "DO NOT MATCH THE HASHES")


def test_a_library_without_a_hash_is_refused(machine: Machine) -> None:
    """A line of the requirements that names no hash stops the installation before anything is fetched."""
    wanted = machine.tree / "requirements" / "action.txt"
    wanted.write_text(wanted.read_text() + "\nidna==3.10\n")
    refused(machine, "Hashes are required")


def wrong_hash(match: re.Match[str]) -> str:
    """Give a requirement a hash that no file has."""
    return re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", match[0])


def refused(machine: Machine, words: str) -> None:
    """Hold the step to a refusal of pip's."""
    machine.program(machine.path / "python3", OURS)
    done = machine.run()
    assert done.returncode == 2, done.stdout + done.stderr
    assert words.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    (error,) = errors(done)
    assert error.startswith("::error title=envgit::the libraries could not be installed")
    assert machine.outputs == {}
    (libraries,) = machine.temp.iterdir()
    assert list(libraries.iterdir()) == []
