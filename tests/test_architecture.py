"""Hold the house against its plan: imports point down, each library has its door, modules and functions stay small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A place may import its own layer and everything below. The longest prefix decides; what is not named here may import nothing.
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
    "envgit.gate": 1,
    "envgit.audit": 1,
    "envgit.sops": 1,
    "envgit.config": 2,
    "envgit.redact": 2,
    "envgit.beside": 2,
    "envgit.git": 2,
    "envgit.signing": 2,
    "envgit.ssh_keygen": 2,
    "envgit.timestamps": 2,
    "envgit.web": 2,
    "envgit.render": 2,
    "envgit.github": 2,
    "envgit.ui": 2,
    "envgit.log": 3,
    "envgit.outside": 0,
    "envgit.review": 4,
    "envgit.views": 5,
    "envgit.ci": 6,
    "envgit.commands": 7,
    "envgit.cli": 8,
    "envgit.__main__": 9,
}

DOOR_LAYER = 2  # its places do not know each other, but for these
BETWEEN_DOORS = {("envgit.redact", "envgit.config")}  # what may be shown is what the configuration reveals

# Who may import what is not the standard library's; a library that is not here has no door yet.
DOORS = {
    "pygit2": ("envgit.git",),
    "yaml": ("envgit.sops.yaml",),
    "pyrage": ("envgit.sops.identities",),
    "re2": ("envgit.sops.rules",),
    "cryptography": ("envgit.sops.cipher", "envgit.sops.ssh_keys", "envgit.signing", "envgit.timestamps"),
    "rfc3161_client": ("envgit.timestamps",),
    "jinja2": ("envgit.render",),
    "urllib3": ("envgit.github.api", "envgit.web"),
    "rich": ("envgit.ui",),
    "click": ("envgit.cli", "envgit.commands"),
}

# Who may run programs.
PROGRAMS = (
    "envgit.git",
    "envgit.sops.age_program",
    "envgit.sops.identity_sources",
    "envgit.ssh_keygen",
    "envgit.log.demo",
    "envgit.commands.demo",
)
STILL_KNOWS_SUBPROCESS = ("envgit.sops.identities",)  # it catches a source's SubprocessError, and runs nothing

# Pure parts know neither files nor the clock, the network, chance or the terminal.
PURE = (
    "envgit.audit",
    "envgit.diff",
    "envgit.discover",
    "envgit.environments",
    "envgit.errors",
    "envgit.escape",
    "envgit.fingerprint",
    "envgit.gate",
    "envgit.model",
    "envgit.sops",
    "envgit.views",
    "envgit.words",
)
DOORS_IN_SOPS = ("envgit.sops.age_program", "envgit.sops.identities", "envgit.sops.identity_sources")
CHANCE = ("envgit.sops.cipher", "envgit.sops.shamir", "envgit.sops.writer")  # nonces, shares and data keys
WORLD = ("os", "pathlib", "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "time", "urllib.request")
WORLDLY_CALLS = ("input", "now", "open", "print", "today", "utcnow")

MAX_MODULE = 350
MAX_FUNCTION = 40
# What is longer, and why; what is not longer any more has to go from here.
LONG = {
    "envgit.log.start.start": "half of it names the fields of what was started",
    "envgit.outside": "one file on purpose: it is copied out, and read whole by an auditor",
    "envgit.log.verification.verification": "half of it names the fields of the outcome",
}
FORBIDDEN_NAMES = ("common", "core", "helper", "helpers", "manager", "misc", "util", "utils")

Rule = Callable[[str, ast.Module, str], Iterator[str]]


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def within(name: str, *prefixes: str) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def place(name: str) -> str:
    return max((prefix for prefix in LAYERS if within(name, prefix)), key=len)


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def points_down(name: str, tree: ast.Module, _source: str) -> Iterator[str]:
    if place(name) == "envgit" and name != "envgit":
        yield f"{name} has no layer: give it one in LAYERS"
    for target in imports(tree):
        if target.startswith("."):
            yield f"{target} is relative"
        if not within(target, "envgit"):
            continue
        mine, other = place(name), place(target)
        if LAYERS[other] > LAYERS[mine]:
            yield f"{target} is above"
        if LAYERS[other] == LAYERS[mine] == DOOR_LAYER and mine != other and (mine, other) not in BETWEEN_DOORS:
            yield f"{target} is another door"


def by_its_door(name: str, tree: ast.Module, _source: str) -> Iterator[str]:
    for target in imports(tree):
        library = target.partition(".")[0]
        if library in sys.stdlib_module_names or library in ("", "envgit"):
            continue
        if not within(name, *DOORS.get(library, ())):
            yield f"{library} comes in past its door"


def runs_no_program(name: str, tree: ast.Module, _source: str) -> Iterator[str]:
    if within(name, *PROGRAMS, *STILL_KNOWS_SUBPROCESS):
        return
    yield from (f"{target} runs programs" for target in imports(tree) if within(target, "subprocess"))


def pure(name: str, tree: ast.Module, _source: str) -> Iterator[str]:
    if not within(name, *PURE) or within(name, *DOORS_IN_SOPS):
        return
    allowed = ("os", "secrets") if within(name, *CHANCE) else ()
    yield from (
        f"{target} is the world" for target in imports(tree) if within(target, *WORLD) and not within(target, *allowed)
    )
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in WORLDLY_CALLS:
            yield f"{node.func.id}() at {node.lineno}"
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("now", "today", "utcnow"):
            yield f"{node.func.attr}() at {node.lineno}"


def commands_apart(name: str, tree: ast.Module, _source: str) -> Iterator[str]:
    if within(name, "envgit.commands"):
        for target in imports(tree):
            if within(target, "envgit.commands") and not within(target, "envgit.commands.options"):
                yield f"{target} is another command"


def short(name: str, tree: ast.Module, source: str) -> Iterator[str]:
    if source.count("\n") > MAX_MODULE and name not in LONG:
        yield f"{source.count(chr(10))} lines"
    for function, lines in lengths(name, tree):
        if lines > MAX_FUNCTION and function not in LONG:
            yield f"{function} has {lines} lines"


def lengths(name: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name}.{node.name}", (node.end_lineno or 0) - node.lineno + 1


def says_what_it_owns(_name: str, tree: ast.Module, _source: str) -> Iterator[str]:
    if not ast.get_docstring(tree):
        yield "no docstring"


def well_named(name: str, _tree: ast.Module, _source: str) -> Iterator[str]:
    yield from (f"{part} says nothing" for part in name.split(".") if part in FORBIDDEN_NAMES)


RULES: tuple[Rule, ...] = (
    points_down,
    by_its_door,
    runs_no_program,
    pure,
    commands_apart,
    short,
    says_what_it_owns,
    well_named,
)


def modules(root: Path) -> dict[str, Path]:
    def name(path: Path) -> str:
        return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")

    return {name(path): path for path in sorted((root / "envgit").rglob("*.py"))}


def breaches(root: Path, *rules: Rule) -> list[str]:
    """Return what is wrong with the modules of a tree."""
    found = []
    for name, path in modules(root).items():
        source = path.read_text()
        tree = parsed(source)
        found += [f"{name}: {what}" for rule in rules for what in rule(name, tree, source)]
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    """Every module of envgit keeps every rule of the house."""
    assert breaches(ROOT, rule) == []


BAD = {
    "up": (points_down, "envgit/diff.py", "from envgit.git.repository import Repository"),
    "up from a door": (points_down, "envgit/git/bad.py", "from envgit.log.session import Session"),
    "up from a view": (points_down, "envgit/views/bad.py", "from envgit.commands import diff"),
    "sideways": (points_down, "envgit/git/bad.py", "def f():\n    from envgit.signing import SigningKey"),
    "relative": (points_down, "envgit/log/bad.py", "from . import session"),
    "homeless": (points_down, "envgit/bad.py", "X = 1"),
    "library": (by_its_door, "envgit/log/bad.py", "import pygit2"),
    "library in a function": (by_its_door, "envgit/commands/bad.py", "def f():\n    from yaml import load"),
    "new library": (by_its_door, "envgit/git/bad.py", "import requests"),
    "near a door": (by_its_door, "envgit/sops/yaml_more.py", "import yaml"),
    "program": (runs_no_program, "envgit/log/bad.py", "from subprocess import run"),
    "file": (pure, "envgit/audit/bad.py", "def f(path):\n    return open(path)"),
    "clock": (pure, "envgit/sops/bad.py", "from datetime import datetime\nX = datetime.now()"),
    "world": (pure, "envgit/views/bad.py", "import os"),
    "chance": (pure, "envgit/audit/bad.py", "import secrets"),
    "command": (commands_apart, "envgit/commands/bad.py", "from envgit.commands.diff import command"),
    "long function": (short, "envgit/bad.py", "def f():\n" + "    x = 1\n" * MAX_FUNCTION),
    "long module": (short, "envgit/bad.py", "X = 1\n" * (MAX_MODULE + 1)),
    "silent": (says_what_it_owns, "envgit/bad.py", "X = 1"),
    "empty name": (well_named, "envgit/utils/bad.py", "X = 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_the_rule_catches_what_breaks_it(case: str, tmp_path: Path) -> None:
    """Each rule finds its breach in a made tree, once, and nothing else in a tree that is well."""
    rule, path, source = BAD[case]
    good = tmp_path / "envgit" / "log" / "good.py"
    good.parent.mkdir(parents=True)
    good.write_text('"""Own what is good."""\n\nfrom envgit.audit import entry\n')
    assert breaches(tmp_path, *RULES) == []
    bad = tmp_path / path
    bad.parent.mkdir(parents=True, exist_ok=True)
    bad.write_text(source)
    assert len(breaches(tmp_path, rule)) == 1


def test_every_exception_is_still_needed() -> None:
    """What is allowed to be long is there, and is long."""
    found = modules(ROOT)
    long = {name for name, path in found.items() if path.read_text().count("\n") > MAX_MODULE}
    for name, path in found.items():
        long |= {function for function, lines in lengths(name, parsed(path.read_text())) if lines > MAX_FUNCTION}
    assert set(LONG) <= long
    assert all(LONG.values())


def test_the_linter_has_the_same_doors() -> None:
    """Every library has a ban in ruff's settings, and it is lifted for its doors alone."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    banned = settings["flake8-tidy-imports"]["banned-api"]
    assert set(DOORS) <= set(banned)
    lifted = {path for path, codes in settings["per-file-ignores"].items() if "TID251" in codes}
    wanted = {door.replace(".", "/") for doors in DOORS.values() for door in doors}
    assert {path.removesuffix("/*.py").removesuffix(".py") for path in lifted} == wanted


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nobody knows what belongs to it")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


OF_ONE_MACHINE = re.compile(
    r"/(?:home|Users)/[a-z]+/|/[w]ork/|/[r]oot/|files\.pythonhosted|--(?:extra-)?index-url|/simple/|registry\.npmjs"
)


def test_nothing_in_the_tree_names_a_machine_or_a_registry() -> None:
    """No path of one machine and no registry's address stands in what is tracked; lock files carry hashes only."""
    texts = [path for path in tracked() if path.suffix not in (".bundle", ".png") and path != Path(__file__)]
    assert [path for path in texts if OF_ONE_MACHINE.search(path.read_text(errors="replace"))] == []
    assert OF_ONE_MACHINE.search("see " + "/home/" + "alice/envgit")


def anchors(page: Path) -> set[str]:
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    named = re.findall(r'<a id="([a-z-]+)">', text)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(named)


def test_what_messages_and_pages_point_to_is_there() -> None:
    """A message that names docs/PAGE.md#anchor names a page and a heading that exist, and so does every link between pages."""
    named = {
        (ROOT / page, anchor)
        for path in modules(ROOT).values()
        for page, anchor in re.findall(r"(docs/[a-z-]+\.md)#?([a-z0-9-]*)", path.read_text())
    }
    for page in [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
            named.add((page.parent / target if target else page, anchor))
    assert named
    missing = {
        f"{page.name}#{anchor}"
        for page, anchor in named
        if not page.exists() or (anchor and page.suffix == ".md" and anchor not in anchors(page))
    }
    assert missing == set()


def test_every_way_to_be_wrong_has_its_place_in_the_runbook() -> None:
    """A code that verify can print is an anchor of the runbook, and stands in it or in the threat model with a word on it."""
    source = "".join(path.read_text() for path in modules(ROOT).values())
    runbook, threats = ROOT / "docs" / "runbook.md", ROOT / "docs" / "threat-model.md"
    pages = runbook.read_text() + threats.read_text()
    listed = (ROOT / "envgit" / "audit" / "problems.py").read_text()
    codes = {name: code for name, code in re.findall(r'^    ([A-Z_]+) = "([a-z-]+)"$', listed, re.MULTILINE)}
    raised = {code for name, code in codes.items() if f"Code.{name}" in source}
    assert len(raised) > 10
    assert raised - anchors(runbook) == set()
    assert {code for code in raised if f"`{code}`" not in pages} == set()


def test_every_test_says_what_is_expected() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{path.name}: {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []
