"""Own the command line of somebody with a home of their own, run in this process."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
from pathlib import Path
from unittest import mock

from envgit.cli import main
from tests.oracle.memory import Memory


class Person:
    """The command line of somebody with a home of their own, run in this process."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository = repository
        self.folder = folder
        self.identity = ""
        self.signing_key: Path | None = None
        self.fresh()
        (folder / "home").mkdir(parents=True)

    def fresh(self) -> None:
        """Forget everything that was seen."""
        self.state = Path(tempfile.mkdtemp(dir=self.folder.parent))
        self.memory = Memory()

    def run(self, *words: str, state: Path | None = None) -> tuple[int, str, str]:
        """Run a command, and return its status and what it said; a traceback or a defect is an assertion."""
        out, err = io.StringIO(), io.StringIO()
        environ = {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(state or self.state),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "SOPS_AGE_KEY": self.identity,
            **({"ENVGIT_SIGNING_KEY_FILE": str(self.signing_key)} if self.signing_key else {}),
        }
        with mock.patch.dict(os.environ, environ), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["-C", str(self.repository), *words])
        assert "Traceback" not in err.getvalue()
        assert status != 70, err.getvalue()
        return status, out.getvalue(), err.getvalue()

    def key(self, name: str) -> Path:
        """Make an SSH key, and return where its secret half lies."""
        path = self.folder / "home" / ".ssh" / name
        path.parent.mkdir(exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
        return path
