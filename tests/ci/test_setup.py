"""What `init` leaves for GitHub: workflows, a ruleset, and a check of all that is set there."""

from __future__ import annotations

import json

import pytest

from envgit.log.workflows import NAMES
from tests.kit.story import Story

ACTION = "envgit/envgit@" + "a" * 40
HASH = "sha256:"


@pytest.fixture
def there(story: Story, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A story whose person has a token for GitHub."""
    for name, value in {
        "GH_TOKEN": story.actions.github.token,
        "GITHUB_API_URL": story.actions.github.url,
        "GITHUB_REPOSITORY": "acme/platform",
    }.items():
        monkeypatch.setenv(name, value)
    story.cli.directory = story.repo.path
    story.cli.identity(story.repo.key.identity)
    return story


def todo(story: Story) -> dict[str, bool | None]:
    """What `init --check` says of each step."""
    return {step["step"]: step["done"] for step in story.cli.run("init", "--check", "--json").json["steps"]}


def test_init_writes_the_workflows_once(there: Story) -> None:
    """Both workflows are written, for this source branch and the named action; a second run leaves what a person made of them."""
    made = there.cli.ok("init", "--action", ACTION, "--json").json
    assert made["workflows"] == [f".github/workflows/{name}" for name in NAMES]
    path = there.repo.path / ".github/workflows/envgit.yml"
    text = path.read_text()
    assert f"uses: {ACTION}\n" in text
    assert 'branches: ["main"]' in text
    path.write_text("mine")
    assert there.cli.ok("init", "--action", ACTION, "--json").json["workflows"] == []
    assert path.read_text() == "mine"


def test_no_workflows_for_who_wants_none(there: Story) -> None:
    """--no-workflows writes none, and so does a remote that is another forge's."""
    assert there.cli.ok("init", "--no-workflows", "--json").json["workflows"] == []
    there.repo.git("remote", "set-url", "origin", "https://gitlab.com/acme/platform.git")
    assert there.cli.ok("init", "--json").json["workflows"] == []
    assert not (there.repo.path / ".github").exists()


@pytest.mark.parametrize("action", ["envgit", "a/b@c d", "a/b@[[ x ]]", "a/b@${{ x }}"])
def test_an_action_that_is_none_is_refused(there: Story, action: str) -> None:
    """--action is a name in one form, and goes into a file that runs."""
    assert "owner/repository@commit" in there.cli.fails(2, "init", "--action", action)


def test_the_action_is_pinned_to_the_commit_of_this_program(there: Story) -> None:
    """Run from a clone, init pins the commit of that clone."""
    made = there.cli.ok("init", "--json").json["action"]
    assert made.startswith("envgit/envgit@")


def test_the_ruleset_is_what_github_takes(there: Story) -> None:
    """Each form of the printed ruleset is accepted by GitHub's own description of it."""
    github = there.actions.github
    from envgit.github.api import Api

    for words in ((), ("--writer", "deploy-key"), ("--writer", "app:15368")):
        github.rulesets.clear()
        printed = there.cli.ok("init", "--print-ruleset", *words).json
        Api(github.url, "acme/platform", github.token).post("/repos/acme/platform/rulesets", printed)
    assert "--print-ruleset" in there.cli.fails(2, "init", "--writer", "deploy-key")
    assert "one at a time" in there.cli.fails(2, "init", "--print-ruleset", "--check")
    assert "deploy-key or app:ID" in there.cli.fails(2, "init", "--print-ruleset", "--writer", "alice")


def test_check_says_what_is_missing_until_nothing_is(there: Story) -> None:
    """Each step of the set-up is seen undone, with the command that does it, and seen done afterwards."""
    story, github = there, there.actions.github
    made = story.cli.ok("init", "--action", f"{ACTION} # v1".split(" ")[0], "--json").json
    before = todo(story)
    assert [name for name in before if before[name] is False and "GitHub" not in name]
    environment = "the environment envgit is limited to main"
    secret = "the secret ENVGIT_SIGNING_KEY is in the environment envgit, and only there"
    rules = "envgit-audit cannot be deleted or rewritten"
    trust = "the variable ENVGIT_TRUST_ROOT of the organisation is this log's"
    assert all(before[name] is False for name in (environment, secret, rules, trust))

    story.repo.commit("Add envgit")
    story.repo.git("push", "-q", "origin", "main")
    story.cli.ok("record", "--push")
    github.environments["envgit"] = {
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}
    }
    github.policies["envgit"] = ["main"]
    github.environment_secrets["envgit"] = ["ENVGIT_SIGNING_KEY"]
    github.rules["envgit-audit"] = [{"type": "deletion"}, {"type": "non_fast_forward"}]
    github.org_variables["ENVGIT_TRUST_ROOT"] = made["trust_root"]
    after = todo(story)
    assert all(after[name] for name in (environment, secret, rules, trust)), after
    assert after[".github/workflows/envgit.yml is committed, its actions pinned to commits"] is True

    github.secrets.append("ENVGIT_SIGNING_KEY")
    github.org_variables["ENVGIT_TRUST_ROOT"] = HASH + "0" * 64
    github.rules["envgit-audit"].append({"type": "required_signatures"})
    github.policies["envgit"] = ["*"]
    wrong = todo(story)
    assert not any(wrong[name] for name in (environment, secret, rules, trust))
    assert "docs/action.md#verified" in story.cli.run("init", "--check").out


def test_check_without_a_token_says_how_to_look(there: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token nothing is claimed of GitHub."""
    monkeypatch.delenv("GH_TOKEN")
    there.cli.ok("init", "--action", ACTION)
    shown = there.cli.run("init", "--check").out
    assert "GH_TOKEN=$(gh auth token) envgit init --check" in shown
    assert there.actions.github.requests == []


def test_what_a_token_may_not_see_is_not_called_missing(there: Story) -> None:
    """A 403 is neither done nor left to do, and says what GitHub said."""
    there.cli.ok("init", "--action", ACTION)
    there.actions.github.forbid("GET", "/environments/envgit")
    steps = there.cli.run("init", "--check", "--json").json["steps"]
    (unseen,) = [step for step in steps if step["step"].startswith("The environment that keeps the keys")]
    assert unseen["done"] is None
    assert "403" in unseen["hint"]
    assert json.dumps(steps).count("cannot be seen") >= 1
