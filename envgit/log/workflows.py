"""Own the ready-made workflows that `init` writes, and to which commit of the Action they are pinned."""

from __future__ import annotations

import re
from pathlib import Path

from envgit import __version__
from envgit.errors import CannotTell, UsageError
from envgit.git.opening import head_of
from envgit.render import fill

FOLDER = ".github/workflows"
NAMES = ("envgit.yml", "envgit-forks.yml")
ACTION = "envgit/envgit"

# Forges that are not GitHub, and would not know what to do with a workflow of its.
_OTHERS = ("gitlab.", "bitbucket.", "codeberg.org", "dev.azure.com", "git.sr.ht")
_REFERENCE = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+@[A-Za-z0-9_./-]+")
_SHA = re.compile(r"[0-9a-f]{40}")
_PACKAGE = Path(__file__).parent.parent


def wanted(named: str) -> bool:
    """Tell whether a repository that is called so may be one on GitHub."""
    return not any(other in named.partition("/")[0] for other in _OTHERS)


def reference(given: str) -> str:
    """Return what `uses:` names: what was given, else the very commit that this program was built from, else its version's tag."""
    if given:
        if not _REFERENCE.fullmatch(given):
            raise UsageError(f"{given!r} is no action; write it as owner/repository@commit")
        return given
    commit = built_from()
    return f"{ACTION}@{commit} # v{__version__}" if commit else f"{ACTION}@v{__version__}"


def pinned(reference: str) -> bool:
    """Tell whether a reference names a commit, which nobody can move."""
    return _SHA.fullmatch(reference.partition("@")[2].partition(" ")[0]) is not None


def built_from() -> str:
    """Return the commit that this program was built from, empty where that is not known."""
    try:
        text = (_PACKAGE / "commit.txt").read_text().strip()
    except OSError:
        try:
            text = head_of(_PACKAGE.parent) or ""
        except CannotTell:
            text = ""
    return text if _SHA.fullmatch(text) else ""


def workflow_files(branch: str, action: str) -> dict[str, str]:
    """Return the workflows by their paths."""
    return {f"{FOLDER}/{name}": fill(f"workflows/{name}.j2", {"branch": branch, "action": action}) for name in NAMES}


def witness_workflow(action: str) -> str:
    """Return the workflow of a witness's repository."""
    return fill("workflows/envgit-witness.yml.j2", {"action": action})
