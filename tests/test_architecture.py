"""Hold the house against its plan: imports point down, each library has its door, modules and functions stay small."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "envgit"

# A place may import its own layer's package and everything below. The longest prefix decides.
LAYERS = {
    "envgit": 0,  # the package itself: its version
    "envgit.model": 0,
    "envgit.errors": 0,
    "envgit.escape": 1,
    "envgit.words": 1,
    "envgit.environments": 1,
    "envgit.fingerprint": 1,
    "envgit.diff": 1,
    "envgit.discover": 1,
    "envgit.audit": 1,
    "envgit.sops": 1,
    "envgit.config": 2,
    "envgit.redact": 2,
    "envgit.git": 2,
    "envgit.signing": 2,
    "envgit.ui": 2,
    "envgit.log": 3,
    "envgit.views": 4,
    "envgit.commands": 5,
    "envgit.cli": 6,
    "envgit.__main__": 7,
}

# Layer 2: doors do not know each other; these few uses are by design.
BETWEEN_DOORS = {("envgit.redact", "envgit.config")}

DOORS = {
    "pygit2": ("envgit.git",),
    "yaml": ("envgit.sops.yaml", "envgit.sops.yaml_nodes"),
    "pyrage": ("envgit.sops.identities", "envgit.sops.ssh_keys"),
    "re2": ("envgit.sops.rules",),
    "cryptography": ("envgit.sops.cipher", "envgit.signing", "envgit.sops.ssh_keys"),
    "jinja2": ("envgit.render",),
    "rich": ("envgit.ui",),
    "click": ("envgit.cli", "envgit.commands"),
    "subprocess": ("envgit.git", "envgit.sops.age_program", "envgit.sops.identity_sources", "envgit.log.demo", "envgit.commands.demo"),
}

PURE = ("envgit.audit", "envgit.diff", "envgit.fingerprint", "envgit.environments", "envgit.views", "envgit.escape", "envgit.words")
IMPURE = ("os", "time", "socket", "subprocess", "pathlib", "shutil", "tempfile", "random", "secrets")

MAX_MODULE = 400
MAX_FUNCTION = 45
FORBIDDEN_NAMES = ("utils", "helpers", "common", "core", "manager", "misc")


def modules() -> dict[str, Path]:
    return {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def layer(name: str) -> int:
    return LAYERS[max((prefix for prefix in LAYERS if within(name, prefix)), key=len)]


def door(name: str) -> str:
    return max((prefix for prefix in LAYERS if within(name, prefix)), key=len)


def upward(name: str, source: str) -> list[str]:
    """Return the imports of a module that point up, or from door to door."""
    wrong = []
    for target in imports(source):
        if not within(target, "envgit"):
            continue
        sideways = layer(target) == layer(name) == 2 and door(target) != door(name)
        if layer(target) > layer(name) or (sideways and (door(name), door(target)) not in BETWEEN_DOORS):
            wrong.append(target)
    return wrong


def foreign(name: str, source: str) -> list[str]:
    """Return the libraries that a module imports past their door."""
    return [
        target
        for target in imports(source)
        for library, doors in DOORS.items()
        if within(target, library) and not any(within(name, one) for one in doors)
    ]


def impure(name: str, source: str) -> list[str]:
    """Return what a pure module imports of the world outside."""
    if not any(within(name, one) for one in PURE):
        return []
    return [target for target in imports(source) if any(within(target, one) for one in IMPURE)]


def long_functions(source: str) -> list[str]:
    return [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    ]


@pytest.mark.parametrize("name", modules())
def test_a_module_keeps_to_its_place(name: str) -> None:
    """Imports point down, libraries come by their door, pure parts know nothing of the world, and nothing is too long."""
    source = modules()[name].read_text()
    assert upward(name, source) == []
    assert foreign(name, source) == []
    assert impure(name, source) == []
    assert long_functions(source) == []
    assert source.count("\n") <= MAX_MODULE
    assert ast.get_docstring(ast.parse(source)), "a module says what it owns"
    assert not any(part in FORBIDDEN_NAMES for part in name.split("."))


def test_commands_do_not_import_each_other() -> None:
    """A command is thin: what two need lives below, but for the options that they share."""
    for name, path in modules().items():
        if within(name, "envgit.commands"):
            others = [t for t in imports(path.read_text()) if within(t, "envgit.commands") and not within(t, "envgit.commands.options")]
            assert others == [], name


def test_nothing_in_the_tree_names_a_machine_or_a_registry() -> None:
    """No path of one machine and no registry host stands in what is tracked; lock files carry hashes only."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    wrong = re.compile(r"/(?:home|Users)/[a-z]+/|/work/(?:main|shared)|files\.pythonhosted|--index-url|--extra-index|/simple/")
    for line in tracked:
        path = ROOT / line
        if path.suffix in (".bundle", ".png") or not path.is_file() or path == Path(__file__):
            continue
        assert not wrong.search(path.read_text(errors="replace")), line


BAD = {
    "envgit.audit.bad": ("import os", impure),
    "envgit.diff": ("from envgit.git.repository import Repository", upward),
    "envgit.git.bad": ("from envgit.signing import SigningKey", upward),
    "envgit.log.bad": ("import pygit2", foreign),
    "envgit.views.bad": ("from envgit.commands import diff", upward),
    "envgit.commands.bad": ("import yaml", foreign),
}


@pytest.mark.parametrize("name", BAD)
def test_the_rules_catch_what_breaks_them(name: str) -> None:
    """Each rule finds its own breach in a made module."""
    source, rule = BAD[name]
    assert rule(name, source) != []
    assert long_functions("def f():\n" + "    x = 1\n" * (MAX_FUNCTION + 1)) != []
