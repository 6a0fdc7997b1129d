"""Hold the documents against the program: help texts, sessions, sentences, codes, statuses, documents and links."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envgit import cli, errors
from envgit.audit.problems import Code
from envgit.config import KEYS
from envgit.model import ChangeKind, EventKind
from tests.kit import events
from tests.kit.cli import ROOT, Cli, process
from tests.kit.repo import Repo

DOCS = (
    ROOT / "README.md",
    *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
)
USAGE = (ROOT / "docs" / "usage.md").read_text()
README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
THREATS = (ROOT / "docs" / "threat-model.md").read_text()
TROUBLES = (ROOT / "docs" / "troubleshooting.md").read_text()
SOURCES = sorted((ROOT / "envgit").rglob("*.py"))
SCHEMA = re.compile(r"\benvgit\.[a-z-]+/[0-9]+")


def _texts() -> Iterator[str]:
    """Every string of the program, with … for what is filled in."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"></a>', text))


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_in_usage_is_what_the_program_prints(command: str, tmp_path: Path) -> None:
    """usage.md shows each command's help to the letter."""
    said = process(tmp_path, *filter(None, [command]), "--help", COLUMNS="80").stdout.rstrip()
    shown = " ".join(filter(None, ["$ envgit", command, "--help"]))
    assert f"```text\n{shown}\n{said}\n```" in USAGE


def test_readme_has_a_line_for_each_command() -> None:
    """The table of the README names every command and no other."""
    named = set(re.findall(r"^\| `envgit (\w+)", README, re.MULTILINE))
    assert named == set(cli.COMMANDS)


def test_readme_is_short() -> None:
    """The README stays under 200 lines."""
    assert len(README.splitlines()) < 200


def test_exit_statuses_are_those_of_the_program() -> None:
    """README and usage.md list every exit status that the program has, and no other."""
    classes = [
        found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, errors.EnvgitError)
    ]
    known = {0, 1, cli.DEFECT, cli.INTERRUPTED, cli.BROKEN_PIPE, *(found.exit_status for found in classes)}
    for text in (README, USAGE):
        assert {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == known


def test_schemas_are_described() -> None:
    """Every schema that a view writes has its section in usage.md, and every one that a document names exists."""
    written = {text for text in _texts() if SCHEMA.fullmatch(text)}
    assert set(re.findall(r"^### `(.+)`$", USAGE, re.MULTILINE)) == written
    for path in DOCS:
        assert set(SCHEMA.findall(path.read_text())) - {"envgit.NAME/1"} <= written, path.name


def test_codes_are_explained() -> None:
    """Every code of a problem stands in the threat model or the runbook, has an anchor there, and none is made up."""
    known = {str(code) for code in Code}
    assert known <= set(re.findall(r"`([a-z-]+)`", THREATS + RUNBOOK))
    assert known <= _anchors(RUNBOOK), "record names runbook.md#CODE"
    named = set(re.findall(r"^\| (.+?) \| \[", RUNBOOK, re.MULTILINE))
    for code in re.findall(r"`([a-z]+-[a-z-]+)`", " ".join(named)):
        assert code in known, code


def test_kinds_are_listed() -> None:
    """usage.md names every kind that `log --kind` takes."""
    section = USAGE[USAGE.index("`--kind` takes") :]
    section = section[: section.index("\n\n")]
    assert {str(kind) for kind in (*ChangeKind, *EventKind)} <= set(re.findall(r"`([a-z-]+)`", section))


def test_configuration_keys_are_listed() -> None:
    """The table of the configuration has exactly the keys that are read."""
    section = USAGE[USAGE.index("## Configuration") : USAGE.index("## Identities")]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == KEYS


def test_troubleshooting_quotes_the_program() -> None:
    """Every heading of troubleshooting.md is a sentence that the program prints."""
    texts = list(_texts())
    headings = re.findall(r"^### `(.+)`$", TROUBLES, re.MULTILINE)
    assert len(headings) > 30
    unknown = []
    for heading in headings:
        pattern = re.compile(
            ".*".join(re.escape(part) for part in re.split(r"[ ;:]*…[ ;:]*", heading) if part), re.DOTALL
        )
        if not any(pattern.search(text) for text in texts):
            unknown.append(heading)
    assert not unknown


def test_links_lead_somewhere() -> None:
    """Every link between documents, and every place in them that the program names, exists."""
    for path in DOCS:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            if "://" not in target:
                _reaches(path.parent, path, target)
    for text in _texts():
        for target in re.findall(r"\bdocs/[a-z-]+\.md(?:#[a-z-]+)?", text):
            _reaches(ROOT, ROOT, target)


def _reaches(folder: Path, own: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    found = folder / name if name else own
    assert found.is_file(), f"{own.name}: {target}"
    assert not anchor or anchor in _anchors(found.read_text()), f"{own.name}: {target}"


def _reviewed(repo: Repo, folder: Path) -> dict:
    """The report of a review, as the Action leaves it."""
    repo.git("clone", "-q", "--bare", str(repo.path), str(folder / "origin.git"))
    repo.git("remote", "add", "origin", str(folder / "origin.git"))
    base, head = repo.git("rev-parse", "HEAD~1"), repo.head
    (folder / "event.json").write_text(json.dumps(events.merge_group(base, head)))
    environ = {
        "GITHUB_EVENT_NAME": "merge_group",
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_REPOSITORY": "acme/platform",
        "RUNNER_TEMP": str(folder),
        "ENVGIT_BASE": base,
    }
    done = process(repo.path, "ci", **environ)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "envgit-report" / "report.json").read_text())


@pytest.fixture
def platform(real_history: Path, identity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which the README's session begins, with envgit on PATH."""
    Repo.clone(real_history, tmp_path / "platform").git("remote", "remove", "origin")
    binary = tmp_path / "bin" / "envgit"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m envgit "$@"\n')
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SOPS_AGE_KEY", identity)
    return tmp_path


def test_the_readmes_session_is_true(platform: Path) -> None:
    """Each command of the README's first session prints what stands below it; … stands for what was left out."""
    session = re.search(r"```console\n(.+?)```", README, re.DOTALL)
    assert session is not None
    directory, ran = platform, 0
    for part in re.split(r"^\$ ", session[1], flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        if command.startswith("cd "):
            directory /= command[3:].strip()
            continue
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert _pattern(expected).fullmatch(done.stdout.strip()), f"$ {command}\n{done.stdout}"
        ran += 1
    assert ran > 6


def _pattern(expected: str) -> re.Pattern[str]:
    """What the output has to match: a line that is … alone is any number of lines, elsewhere … is any text of the line."""
    lines = []
    for line in expected.strip().splitlines():
        lines.append(
            r"(?:.*(?:\n|\Z))*" if line.strip() == "…" else re.escape(line.rstrip()).replace("…", ".*") + r" *(?:\n|\Z)"
        )
    return re.compile("".join(lines))


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def _of_outsiders(repo: Repo, cli: Cli, folder: Path) -> list[dict]:
    """What roots, witnesses and auditors are handed."""
    for name in ("alice", "witness"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], check=True
        )
    proposal = folder / "proposal.json"
    assert cli.run("signers", "add", "--root", f"{folder / 'alice'}.pub", "-o", str(proposal)).exit == 4
    genesis = cli.ok("verify", "--json").json["genesis"]
    (folder / "store").mkdir()
    environ = {"ENVGIT_WITNESS_KEY_FILE": str(folder / "witness"), "ENVGIT_WITNESS_NAME": "w"}
    words = ("witness", str(repo.path), "--trust-root", genesis, "--store", str(folder / "store"), "--json")
    witnessed = json.loads(process(folder, *words, **environ).stdout)
    documents = [cli.ok("anchor", "--json").json, cli.ok("signers", "--json").json, witnessed]
    cli.ok("bundle", "-o", str(folder / "bundle.json"))
    return [*documents, *(json.loads((folder / name).read_text()) for name in ("bundle.json", "proposal.json"))]


def test_documents_have_the_fields_that_usage_tells(repo: Repo, cli: Cli, tmp_path: Path) -> None:
    """Every field of every document stands in its table, and what the tables name at the top is in the document."""
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.write(".envgit.yaml", "version: 1\nenvironments: envs/{environment}.yaml\nreveal: [A]\n")
    repo.env("envs/production.yaml", {"A": "one", "B": "a value of some length"})
    repo.commit()
    documents = [cli.ok("init", "--json").json, cli.ok("record", "--json").json]
    repo.env("envs/production.yaml", {"A": "two", "C": "a value of some length"})
    repo.commit()
    documents += [
        cli.run(*words, "--json").json
        for words in (("verify",), ("init", "--check"), ("diff", "HEAD~1", "HEAD"), ("show",))
    ]
    cli.ok("record")
    documents += [cli.ok(*words, "--json").json for words in (("blame", "-e", "production"), ("log", "-1"))]
    documents += _of_outsiders(repo, cli, tmp_path)
    documents.append(json.loads(process(repo.path, "demo", "--json").stdout))
    documents.append(_reviewed(repo, tmp_path))
    seen = set()
    for document in documents:
        schema = document["schema"]
        section = USAGE[USAGE.index(f"### `{schema}`") :].split("\n### ")[0]
        rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
        top = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
        assert top == set(document) - {"schema"}, schema
        known = set(re.findall(r"`(\w+)`", section))
        inner = {key for key in document if key != "entries"} if schema == "envgit.log/1" else set(_keys(document))
        assert inner - {"schema"} <= known | {"entries"}, schema
        seen.add(schema)
    assert seen == set(re.findall(r"^### `(.+)`$", USAGE, re.MULTILINE))
