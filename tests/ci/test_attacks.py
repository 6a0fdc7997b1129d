"""What an attacker tried on the Action: each is held."""

from __future__ import annotations

import subprocess

import pytest

from tests.kit import events
from tests.kit.story import CONFIG, NUMBER, VALUES, Story

LONG = "postgres://canary-user:" + "canary" * 20 + "@db.example/main"


def planted(story: Story, branch: str) -> None:
    """Push a log of the attacker's own making, which reveals everything, under a branch's name."""
    from tests.kit.cli import process
    from tests.kit.repo import Repo

    mallory = Repo.clone(story.actions.url, story.actions.folder / "mallory")
    mallory.write(".envgit.yaml", CONFIG.replace("[DEBUG]", '["*"]') + f"audit_branch: {branch}\n")
    mallory.commit("Mine", author="mallory")
    for words in (("init", "--no-workflows"), ("record",)):
        done = process(mallory.path, *words, HOME=str(mallory.path.parent / "mallory-home"))
        assert done.returncode == 0, done.stderr
    mallory.git("push", "-q", "origin", f"{branch}:{branch}")


def test_a_proposal_cannot_choose_the_log(story: Story) -> None:
    """The head names an audit branch that reveals everything: the base's is read, and nothing is shown."""
    story.log()
    planted(story, "evil-audit")
    story.repo.write(".envgit.yaml", CONFIG + "audit_branch: evil-audit\n")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert "canary" not in story.comments[0]
    assert "canary" not in step.everything
    assert "audit log: 3 entries" in story.comments[0]


@pytest.mark.parametrize("text", ["audit_branch: [1]\n", "audit_branch: nothing-here\n", "audit_branch: {\n"])
def test_a_broken_configuration_of_the_head_does_not_hide_the_log(story: Story, text: str) -> None:
    """Whatever the head says of the audit branch, the review is made with the base's log."""
    story.log()
    story.repo.write(".envgit.yaml", CONFIG + text)
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.review()
    assert "audit log: 3 entries" in story.comments[0]


def test_a_log_that_somebody_planted_reveals_nothing(story: Story) -> None:
    """Before there is a log anyone can push one: what it reveals is not shown, and with a trust root it is not believed at all."""
    planted(story, "envgit-audit")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    assert "canary" not in story.comments[0] + step.everything
    step = story.review(trust_root="sha256:" + "0" * 64)
    assert "audit log:" not in story.comments[0]
    assert any("the log is not believed" in line for line in step.annotations)


@pytest.mark.parametrize("value", [LONG, "pa\\nss\\tcanary\u200bxx", "canary-\x1b[31m-red"])
def test_a_value_is_not_shown_in_part_or_escaped_under_a_revealed_name(story: Story, value: str) -> None:
    """A secret that the proposal copies into a revealed name is not shown, cut or escaped as it may be."""
    written = value.replace("\x1b", "")
    story.env({**VALUES, "API_KEY": written})
    story.land()
    story.env({**VALUES, "API_KEY": written, "DEBUG": written})
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert "canary" not in story.comments[0] + step.everything


def test_values_that_are_everyday_words_refuse_nothing(story: Story) -> None:
    """Values such as `production`, `encrypted` or `merge base` stand in our own texts, and are no leak there."""
    words = (
        "production",
        "encrypted",
        "variable",
        "identity",
        "complete",
        "compared",
        "proposal",
        "merge base",
        "envgit-audit",
        "2026-01-05",
    )
    everyday = {f"WORD_{number}": word for number, word in enumerate(words)} | {
        "REPO": "https://github.com/acme/platform",
        "OTHER": "info",
    }
    story.env({**VALUES, **everyday})
    story.land()
    story.log()
    story.env({**VALUES, **everyday, "DEBUG": "info", "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert "`API_KEY`" in story.comments[0]


def test_an_everyday_word_does_not_silence_the_alarm(story: Story) -> None:
    """A refusal whose words equal a value opens the issue all the same, and the exit status stays that of the refusal."""
    story.env({**VALUES, "FOO": "Commits must be lovely"})
    story.land()
    story.log()
    story.actions.secrets["ENVGIT_SIGNING_KEY"] = open_key(story)
    story.actions.server.refuse("refs/heads/envgit-audit", "Commits must be lovely", "acme-platform")
    before = story.repo.head
    story.env({**VALUES, "FOO": "Commits must be lovely", "API_KEY": "canary-key-2"})
    story.land()
    step = story.actions.push(story.repo, before)
    assert step.exit == 4
    assert len(story.actions.github.issues) == 1
    assert "lovely" not in story.actions.github.issues[0]["body"] + step.log


def open_key(story: Story) -> str:
    with open(story.repo.git("config", "envgit.signingKey")) as file:
        return file.read()


def test_a_good_push_does_not_close_the_alarm_of_the_check(story: Story) -> None:
    """Recording and verifying have an issue each: one going well says nothing of the other."""
    story.log()
    story.actions.secrets["ENVGIT_SIGNING_KEY"] = open_key(story)
    root = {"trust_root": "sha256:" + "0" * 64}
    step = story.actions.run(story.actions.checkout(story.repo.head), "schedule", events.schedule(), **root)
    assert step.exit == 1, step.log
    before = story.repo.head
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.land()
    assert story.actions.push(story.repo, before).exit == 0
    assert story.actions.github.issues[0]["state"] == "open"


def test_an_approval_after_the_merge_is_none(story: Story) -> None:
    """Who approves once it is merged approved nothing; a stranger's approval is told as a stranger's."""
    story.log()
    story.actions.secrets["ENVGIT_SIGNING_KEY"] = open_key(story)
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    before = story.repo.git("rev-parse", "main")
    story.repo.git("switch", "-q", "main")
    commit = story.repo.merge("feature")
    story.repo.git("push", "-q", "origin", "main")
    github = story.actions.github
    head = story.repo.git("rev-parse", "feature")
    pull = github.pull(NUMBER, head_sha=head, base_sha=before, merged_by="bob", merge_commit_sha=commit, state="closed")
    merged_at = (pull or github.pulls[NUMBER])["merged_at"]
    github.review(NUMBER, "carol", commit=head, at="2020-01-01T00:00:00Z")
    github.review(NUMBER, "mallory", commit=head, at=replace_year(merged_at))
    story.actions.push(story.repo, before)
    shown = story.cli.run("blame", "API_KEY")
    story.repo.git("fetch", "-q", "origin")
    shown = story.cli.ok("blame", "API_KEY").out
    assert "carol" in shown
    assert "mallory" not in shown


def replace_year(time: str) -> str:
    return f"{int(time[:4]) + 1}{time[4:]}"


def test_a_submodule_among_the_workflows_is_no_workflow(story: Story) -> None:
    """A gitlink under .github/workflows does not stop the review."""
    story.repo.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},.github/workflows/sub.yml")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert "`API_KEY`" in story.comments[0]


@pytest.mark.parametrize("answer", ['{"data": null, "errors": []}', "[]", '{"data": {"viewer": 3}}'])
def test_an_account_that_github_does_not_name_is_a_warning(story: Story, answer: str) -> None:
    """An App's token whose account GitHub does not tell: no comment, a warning, no defect."""
    story.actions.secrets["ENVGIT_JOB_TOKEN"] = "another"
    story.actions.github.fail("POST", "/graphql", 200, body=answer, times=None)
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    marker = f"<!-- envgit:1 key=envgit-audit base={'a' * 7} head={'b' * 7} run=1.1 -->"
    story.actions.github.comment(NUMBER, marker, login="mallory")
    step = story.review()
    assert step.exit == 0, step.log
    assert any("did not say whose the token is" in line for line in step.annotations)


def test_hostile_headers_are_one_line(story: Story) -> None:
    """Headers that are none are an answer that is no help, not a defect."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    github = story.actions.github
    github.fail("GET", "/comments", 200, body="[]", headers={"Link": '<http://[x>; rel="next"'})
    github.fail("POST", "/comments", 429, headers={"Retry-After": "9" * 5_000})
    assert story.review().exit == 0


def test_nothing_of_git_in_the_checkout_leads_the_token_away(story: Story) -> None:
    """The token is in no argument, and no file of the checkout."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    head = story.repo.git("rev-parse", "feature")
    checkout = story.actions.checkout(head)
    payload = events.pull_request(NUMBER, "synchronize", story.repo.git("rev-parse", "main"), head, head_ref="feature")
    story.actions.run(checkout, "pull_request", payload)
    found = subprocess.run(
        ["grep", "-r", "-c", story.actions.github.token, str(checkout)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
