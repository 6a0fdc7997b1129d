"""A made history with everything that branches, moves and goes missing: every entry, every `by` and every blame line is asserted."""

from __future__ import annotations

from typing import Any

import pytest

from envgit.model import Rules
from tests.kit.cli import Cli
from tests.kit.repo import Repo
from tests.kit.sops import new_key

CONFIG = """version: 1
environments:
  - services/{service}/envs/{environment}.yaml
  - deploy/{service}/{environment}.yaml
reveal: [LOG_LEVEL]
"""
API, WEB = "services/api/envs/production.yaml", "services/web/envs/production.yaml"


@pytest.fixture
def made(repo: Repo, cli: Cli) -> Repo:
    cli.directory = repo.path
    cli.identity(repo.key.identity)
    repo.write(".envgit.yaml", CONFIG)
    return repo


def _begin(repo: Repo, cli: Cli) -> str:
    repo.env(API, {"DATABASE_URL": "postgres://one.example/app", "LOG_LEVEL": "info", "DEBUG": False})
    repo.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-one"})
    first = repo.commit("Begin")
    cli.ok("init")
    cli.ok("record")
    return first


def _entries(cli: Cli) -> list[dict[str, Any]]:
    return list(reversed(cli.ok("log", "--json").json["entries"]))


def _changes(entry: dict[str, Any]) -> dict[tuple[str, str, str], tuple[str, str | None]]:
    return {
        (file["environment"], file.get("unit", ""), change["variable"]): (change["kind"], change.get("by"))
        for file in entry["files"]
        for change in file.get("changes", [])
        if change["kind"] != "reencrypted"
    }


def _events(entry: dict[str, Any], unit: str) -> list[str]:
    return [
        event["kind"] for file in entry["files"] if file.get("unit", "") == unit for event in file.get("events", [])
    ]


def _blame(cli: Cli, variable: str, unit: str) -> list[tuple[int, str, str, str]]:
    found = cli.ok("blame", "--all", "-e", f"production/{unit}", variable, "--json").json["changes"]
    return [(line["sequence"], line["kind"], line["commit"], line["landed"]) for line in found]


def _sound(cli: Cli, repo: Repo) -> None:
    deep = cli.ok("verify", "--deep", "--json").json
    assert deep["ok"]
    assert deep["problems"] == []
    assert repo.git("fsck", "--strict", "--no-dangling") == ""


def test_a_first_commit_with_two_units_is_one_entry_that_adds_everything(made: Repo, cli: Cli) -> None:
    """The first entry after genesis creates both files and adds each variable, attributed to the first commit."""
    first = _begin(made, cli)
    entries = _entries(cli)
    assert [entry["kind"] for entry in entries] == ["genesis", "change", "config"]
    assert {key: kind for key, (kind, _by) in _changes(entries[1]).items()} == {
        ("production", "api", "DATABASE_URL"): "added",
        ("production", "api", "LOG_LEVEL"): "added",
        ("production", "api", "DEBUG"): "added",
        ("production", "web", "DATABASE_URL"): "added",
        ("production", "web", "TOKEN"): "added",
    }
    assert _events(entries[1], "api") == ["created", "access-granted", "fingerprint-key"]
    assert _blame(cli, "TOKEN", "web") == [(1, "added", first, first)]
    _sound(cli, made)


def test_a_merge_names_for_each_variable_the_side_commit_that_gave_it(made: Repo, cli: Cli) -> None:
    """A merge is one entry; each change says by which side commit, and blame names that one and where it landed."""
    _begin(made, cli)
    made.git("switch", "-q", "-c", "feature")
    made.env(API, {"DATABASE_URL": "postgres://two.example/app", "LOG_LEVEL": "info", "DEBUG": False})
    url = made.commit("New database", author="bob")
    made.env(API, {"DATABASE_URL": "postgres://two.example/app", "LOG_LEVEL": "debug", "DEBUG": False})
    level = made.commit("Louder", author="carol")
    made.git("switch", "-q", "main")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-two"})
    token = made.commit("New token", author="dave")
    merge = made.merge("feature")
    assert "2 entries" in cli.ok("record").out
    entry = _entries(cli)[-1]
    assert entry["source"]["commit"] == merge
    assert entry["source"]["previous"] == token
    assert [side["commit"] for side in entry["source"]["merged"]] == [url, level]
    assert _changes(entry) == {
        ("production", "api", "DATABASE_URL"): ("changed", url),
        ("production", "api", "LOG_LEVEL"): ("changed", level),
    }
    assert _blame(cli, "DATABASE_URL", "api")[0] == (4, "changed", url, merge)
    author = cli.ok("blame", "LOG_LEVEL", "--json").json["changes"][0]["author"]
    assert author["name"] == "carol"
    _sound(cli, made)


def test_a_value_that_the_merge_itself_made_is_the_merges(made: Repo, cli: Cli) -> None:
    """A conflict resolved to a third value is given by no side commit: blame names the merge."""
    _begin(made, cli)
    made.git("switch", "-q", "-c", "feature")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "token-of-feature"})
    made.commit("Feature's token", author="bob")
    made.git("switch", "-q", "main")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "token-of-main"})
    made.commit("Main's token", author="dave")
    made.hours += 1
    made.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "feature")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "token-of-the-merge"})
    merge = made.commit("Merge feature, with a third token", author="erin")
    cli.ok("record")
    assert _changes(_entries(cli)[-1]) == {("production", "web", "TOKEN"): ("changed", None)}
    assert _blame(cli, "TOKEN", "web")[0][2:] == (merge, merge)
    _sound(cli, made)


def test_a_squash_merge_is_a_commit_like_any_other(made: Repo, cli: Cli) -> None:
    """A squash has one parent: its changes are its own."""
    _begin(made, cli)
    made.git("switch", "-q", "-c", "feature")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "squashed-token"})
    made.commit("On the branch", author="bob")
    made.git("switch", "-q", "main")
    made.git("merge", "-q", "--squash", "feature")
    squash = made.commit("Squash", author="carol")
    cli.ok("record")
    assert _blame(cli, "TOKEN", "web")[0] == (3, "changed", squash, squash)
    _sound(cli, made)


def test_a_pull_merge_takes_up_from_what_was_recorded(made: Repo, cli: Cli) -> None:
    """Where `git pull` made the recorded head a second parent, the merge is the next step, and its side is the local commit."""
    first = _begin(made, cli)
    made.env(API, {"DATABASE_URL": "postgres://one.example/app", "LOG_LEVEL": "warn", "DEBUG": False})
    recorded = made.commit("On the remote", author="bob")
    cli.ok("record")
    made.git("switch", "-q", "-c", "local", first)
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "local-token-two"})
    local = made.commit("On this machine", author="carol")
    pulled = made.merge("main", author="carol")
    made.git("branch", "-f", "main", pulled)
    made.git("switch", "-q", "main")
    cli.ok("record")
    entry = _entries(cli)[-1]
    assert (entry["source"]["previous"], entry["source"]["commit"]) == (recorded, pulled)
    assert _changes(entry) == {("production", "web", "TOKEN"): ("changed", local)}
    assert "nothing to record" in cli.ok("record").out
    _sound(cli, made)


def test_a_force_push_is_a_rewrite_that_nobody_is_blamed_for(made: Repo, cli: Cli) -> None:
    """A rewrite tells the net difference from what was recorded, even where the old commits are gone."""
    first = _begin(made, cli)
    made.env(API, {"DATABASE_URL": "postgres://gone.example/app", "LOG_LEVEL": "info", "DEBUG": False})
    gone = made.commit("Soon gone", author="bob")
    cli.ok("record")
    made.git("reset", "-q", "--hard", first)
    made.env(API, {"DATABASE_URL": "postgres://one.example/app", "LOG_LEVEL": "error", "DEBUG": False})
    new = made.commit("In its place", author="carol")
    made.git("reflog", "expire", "--expire=now", "--all")
    made.git("gc", "-q", "--prune=now")
    assert made.ref(f"{gone}^{{tree}}") == ""
    cli.ok("record")
    entry = _entries(cli)[-1]
    assert (entry["kind"], entry["from"], entry["to"]) == ("rewrite", gone, new)
    assert {key[2]: kind for key, (kind, _by) in _changes(entry).items()} == {
        "DATABASE_URL": "changed",
        "LOG_LEVEL": "changed",
    }
    assert cli.ok("blame", "LOG_LEVEL", "--json").json["changes"][0]["author"] is None
    _sound(cli, made)


def test_a_moved_file_keeps_its_variables(made: Repo, cli: Cli) -> None:
    """The environment is its name, whatever the path: a move changes no variable."""
    first = _begin(made, cli)
    (made.path / "deploy" / "web").mkdir(parents=True)
    made.git("mv", WEB, "deploy/web/production.yaml")
    made.commit("Move")
    cli.ok("record")
    entry = _entries(cli)[-1]
    assert _events(entry, "web") == ["moved"]
    assert _changes(entry) == {}
    assert _blame(cli, "TOKEN", "web") == [(1, "added", first, first)]
    _sound(cli, made)


def test_a_deleted_and_recreated_file_is_told_whole(made: Repo, cli: Cli) -> None:
    """Deleting lists every variable as removed; creating it again adds them, and blame goes through both."""
    first = _begin(made, cli)
    made.git("rm", "-q", WEB)
    deleted = made.commit("Delete", author="bob")
    made.env(WEB, {"TOKEN": "web-token-one"})
    again = made.commit("And back", author="carol")
    cli.ok("record")
    entries = _entries(cli)
    assert _events(entries[3], "web") == ["deleted"]
    assert {key[2]: kind for key, (kind, _by) in _changes(entries[3]).items()} == {
        "DATABASE_URL": "removed",
        "TOKEN": "removed",
    }
    assert _blame(cli, "TOKEN", "web") == [
        (4, "added", again, again),
        (3, "removed", deleted, deleted),
        (1, "added", first, first),
    ]
    _sound(cli, made)


def test_a_plaintext_revision_is_recorded_and_bridged(made: Repo, cli: Cli) -> None:
    """A file in plaintext is recorded as unreadable; the next readable one is compared with the last known state."""
    _begin(made, cli)
    made.write(WEB, "DATABASE_URL: postgres://web.example/app\nTOKEN: in-the-clear\n")
    made.commit("Oops", author="bob")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-three"})
    mended = made.commit("Encrypt again", author="carol")
    cli.ok("record")
    entries = _entries(cli)
    assert entries[3]["files"][0]["events"] == [{"kind": "unreadable", "reason": "plaintext"}]
    assert entries[3]["files"][0]["state"] is None
    assert _changes(entries[4]) == {("production", "web", "TOKEN"): ("changed", None)}
    assert _blame(cli, "TOKEN", "web")[0] == (4, "changed", mended, mended)
    _sound(cli, made)


def test_a_revision_for_anothers_key_is_recorded_without_values(made: Repo, cli: Cli) -> None:
    """What no identity opens is recorded with its digest, recipients and what the ciphertext tells."""
    _begin(made, cli)
    other = new_key()
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "somebody-elses"}, other)
    made.commit("For somebody else", author="bob")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "ours-again-now"})
    made.commit("Ours again", author="carol")
    cli.ok("record")
    entries = _entries(cli)
    kinds = _events(entries[3], "web")
    assert kinds[:3] == ["unreadable", "access-granted", "access-revoked"]
    assert {kind for kind, _by in _changes(entries[3]).values()} == {"opaque"}
    assert {kind for kind, _by in _changes(entries[4]).values()} == {"opaque"}
    assert entries[4]["files"][0]["state"] is not None
    _sound(cli, made)


def test_keyless_entries_are_completed_by_one_who_has_the_key(made: Repo, cli: Cli) -> None:
    """A recorder without identities loses nothing: a supplement later tells what it could not, and blame uses it."""
    cli.identity()
    _begin(made, cli)
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-two"})
    changed = made.commit("New token", author="bob")
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-two"})
    made.commit("Encrypt again", author="renovate")
    cli.ok("record")
    assert {line[1] for line in _blame(cli, "TOKEN", "web")} == {"opaque", "added"}
    cli.identity(made.key.identity)
    assert "3 entries" in cli.ok("record", "--supplement").out
    assert [line[1:3] for line in _blame(cli, "TOKEN", "web")][0] == ("changed", changed)
    assert [line[1] for line in _blame(cli, "TOKEN", "web")] == ["changed", "added"]
    assert "nothing to record" in cli.ok("record", "--supplement").out
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-nine"})
    made.commit("And on", author="bob")
    cli.ok("record")
    assert [line[1] for line in _blame(cli, "TOKEN", "web")] == ["changed", "changed", "added"]
    _sound(cli, made)


def test_access_and_rotation_are_recorded_as_what_they_are(made: Repo, cli: Cli) -> None:
    """A new recipient and a new data key are events; no variable changes, and nobody is blamed."""
    first = _begin(made, cli)
    values = {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-one"}
    made.env(WEB, values, made.key, new_key())
    made.commit("Let one more in", author="bob")
    made.env(WEB, values, made.key, data_key=b"k" * 32)
    made.commit("Out again, with a new data key", author="bob")
    cli.ok("record")
    entries = _entries(cli)
    assert _events(entries[3], "web") == ["access-granted", "fingerprint-key"]
    assert _events(entries[4], "web") == ["access-revoked", "data-key-rotated", "fingerprint-key"]
    assert entries[3]["files"][0]["state"] == entries[3]["files"][0]["state_before"]
    assert _blame(cli, "TOKEN", "web") == [(1, "added", first, first)]
    _sound(cli, made)


def test_a_rename_a_new_type_and_a_value_in_clear_are_told_apart(made: Repo, cli: Cli) -> None:
    """Same value under another name, type or protection is no new value."""
    _begin(made, cli)
    made.env(WEB, {"DATABASE_URI": "postgres://web.example/app", "TOKEN": "web-token-one"})
    made.commit("Rename", author="bob")
    made.env(WEB, {"DATABASE_URI": "postgres://web.example/app", "TOKEN": "web-token-one", "PORT": "8080"})
    made.commit("A port", author="bob")
    made.env(WEB, {"DATABASE_URI": "postgres://web.example/app", "TOKEN": "web-token-one", "PORT": 8080})
    made.commit("A port is a number", author="bob")
    rules = Rules("unencrypted_regex", "^PORT$")
    made.env(WEB, {"DATABASE_URI": "postgres://web.example/app", "TOKEN": "web-token-one", "PORT": 8080}, rules=rules)
    made.commit("A port is no secret", author="bob")
    cli.ok("record")
    entries = _entries(cli)
    assert _changes(entries[3]) == {("production", "web", "DATABASE_URI"): ("renamed", None)}
    assert _changes(entries[5]) == {("production", "web", "PORT"): ("retyped", None)}
    assert _changes(entries[6]) == {("production", "web", "PORT"): ("disclosed", None)}
    assert "rules-changed" in _events(entries[6], "web")
    assert [line[1] for line in _blame(cli, "DATABASE_URI", "web")] == ["renamed", "added"]
    _sound(cli, made)


def test_the_configuration_is_audited_too(made: Repo, cli: Cli) -> None:
    """A commit that changes what is audited becomes a config entry, with the files that come in and go out."""
    _begin(made, cli)
    made.env("extra/prod.yaml", {"KEY": "extra-value"})
    made.commit("Not audited yet")
    made.write(".envgit.yaml", "version: 1\nenvironments: extra/{environment}.yaml\n")
    made.commit("Audit only the extra one", author="mallory")
    cli.ok("record")
    entry = _entries(cli)[-1]
    assert entry["kind"] == "config"
    assert entry["in_force"] is True
    assert {(file["environment"], file.get("unit", "")): file["events"][0]["kind"] for file in entry["files"]} == {
        ("production", "api"): "released",
        ("production", "web"): "released",
        ("prod", ""): "created",
    }
    made.write(".envgit.yaml", "version: 1\nenvironments: [\n")
    made.commit("Break it")
    cli.ok("record")
    assert (_entries(cli)[-1]["problem"], _entries(cli)[-1]["config"]) == ("invalid", None)
    _sound(cli, made)


def test_without_a_log_the_answers_are_the_same_and_said_to_be_unsigned(made: Repo, cli: Cli) -> None:
    """blame and log answer from git history alone with the same commits, and JSON says that nobody signed."""
    first = _begin(made, cli)
    made.env(WEB, {"DATABASE_URL": "postgres://web.example/app", "TOKEN": "web-token-two"})
    second = made.commit("New token", author="bob")
    cli.ok("record")
    signed = cli.ok("blame", "--all", "TOKEN", "--json").json
    made.git("branch", "-D", "envgit-audit")
    unsigned = cli.ok("blame", "--all", "TOKEN", "--json").json
    assert (signed["signed"], unsigned["signed"]) == (True, False)
    assert (
        [line["commit"] for line in unsigned["changes"]]
        == [line["commit"] for line in signed["changes"]]
        == [second, first]
    )
    assert all(line["sequence"] is None and line["after"] is None for line in unsigned["changes"])
    assert cli.ok("log", "--json").json["signed"] is False
