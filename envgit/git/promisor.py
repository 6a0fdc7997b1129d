"""Own the asking of a remote for what a partial clone lacks, by the `git` program; and whether the repository leads that to a program.

What git runs for a fetch is named by many settings, and what it writes by others: those that are known to do neither may stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from envgit.git.program import git, harmless
from envgit.model import ObjectId

# As git itself asks when it misses a promised object: nothing is left behind but what was asked for, nor what lies behind it.
_FETCH = (
    "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--no-tags", "--quiet", "--no-write-fetch-head", "--no-prune",
    "--recurse-submodules=no", "--filter=blob:none", "--stdin",
)  # fmt: skip

# All that a fetch heeds may run something, in this git or one to come, but for these. Hooks and monitors are switched off.
_HEEDED = r"(?:bundle|core|credential|fetch|hook|http|protocol|remote|ssh|trace2|transfer|uploadpack|uploadpackfilter|url)\..*"
_HARMLESS = (
    r"core\.(?:abbrev|attributesfile|autocrlf|bare|bigfilethreshold|checkstat|commitgraph|compression|editor|eol|excludesfile"
    r"|filemode|fsmonitor|hookspath|ignorecase|logallrefupdates|longpaths|multipackindex|pager|precomposeunicode|preloadindex"
    r"|protecthfs|protectntfs|quotepath|repositoryformatversion|safecrlf|sparsecheckout|sparsecheckoutcone|splitindex|symlinks"
    r"|trustctime|untrackedcache|whitespace|worktree)"
    r"|fetch\.(?:fsckobjects|output|parallel|prune|prunetags|recursesubmodules|showforcedupdates|writecommitgraph)"
    r"|http\.(?:.*\.)?(?:extraheader|lowspeedlimit|lowspeedtime|maxrequests|postbuffer|version)"
    r"|remote\.(?:pushdefault|.*\.(?:fetch|gh-resolved|mirror|partialclonefilter|promisor|prune|prunetags|push|pushurl"
    r"|skipdefaultupdate|skipfetchall|tagopt|url))"
    r"|transfer\.fsckobjects"
)
_PROGRAM = re.compile(f"(?!(?:{_HARMLESS})$){_HEEDED}", re.DOTALL)
# An address in any other form is given to a program that its beginning names.
_BY_HELPER = re.compile(r"(?!(?:file|git|git\+ssh|https?|ssh|ssh\+git)://)[A-Za-z0-9+.-]+:(?::|//)")


def objection(git_dir: Path) -> str:
    """Return a setting of the repository's own by which a fetch may run a program or write a file; empty where it has none."""
    done = git(git_dir, ["config", "--list", "--show-scope", "-z"])  # git's own view: what it includes, libgit2 may not
    if done.returncode:
        return "configuration"
    words = done.stdout.decode(errors="replace").split("\0")
    for scope, setting in zip(words[::2], words[1::2], strict=False):
        key, _line, value = setting.partition("\n")
        led = _PROGRAM.fullmatch(key) or (key.endswith(".url") and _BY_HELPER.match(value))
        if led and scope in ("local", "worktree"):
            return harmless(key)
    return ""


def fetch_objects(git_dir: Path, remote: str, oids: Sequence[ObjectId]) -> None:
    """Have git fetch objects in one go; a failure shows when one is read."""
    git(git_dir, [*_FETCH, "--", remote], given="".join(f"{oid}\n" for oid in oids).encode())
