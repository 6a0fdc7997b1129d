"""The ready-made workflows and the action itself, run by act: real steps, a real git server, and GitHub's API."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envgit.render import fill
from tests.kit import events
from tests.kit.act import ACTION, COMMIT, RELEASE, Act, Job, action_tree, needs, needs_act, program
from tests.kit.cli import ROOT
from tests.kit.sops import Sops
from tests.kit.story import NUMBER, VALUES, Story

WORKFLOW = fill("workflows/envgit.yml.j2", {"branch": "main", "action": RELEASE})
FORKS = fill("workflows/envgit-forks.yml.j2", {"branch": "main", "action": RELEASE})
CHECKOUT = "actions/checkout@8e8c483db84b4bee98b60c0593521ed34d9990e8 # v6.0.1"
REVIEW_IDENTITY = "          age-key: ${{ secrets.SOPS_AGE_KEY }}\n"
RUN = 7_140

BAIT = (
    "envgit/__init__.py",
    "envgit/__main__.py",
    "pip/__init__.py",
    "pip/__main__.py",
    "yaml.py",
    "jinja2.py",
    "click.py",
    "pygit2.py",
    "sitecustomize.py",
    "usercustomize.py",
    "action/install.sh",
)


class Forge:
    """The story, and a runner that runs its workflows."""

    def __init__(self, story: Story, act: Act) -> None:
        self.story = story
        self.act = act
        self.secrets = {"GITHUB_TOKEN": story.actions.github.token}
        self.variables: dict[str, str] = {}

    def run(self, workflow: str, job: str, event: str, payload: Any, commit: str) -> Job:
        """Run a job at a commit; while it runs the git server, too, lets nobody in without the job's token."""
        actions = self.story.actions
        path = actions.checkout(commit)
        actions.github.requests.clear()
        actions.server.token = actions.github.token
        environ = {
            "GITHUB_API_URL": actions.github.url,
            "GITHUB_SERVER_URL": actions.url.rpartition("/")[0],
            "GITHUB_RUN_ID": str(RUN),
        }
        try:
            return self.act.run(
                path,
                workflow,
                event,
                payload,
                job=job,
                environ=environ,
                secrets=self.secrets,
                variables=self.variables,
            )
        finally:
            actions.server.token = ""

    def review(self, workflow: str = WORKFLOW, job: str = "review") -> Job:
        """Run the review of the proposal."""
        head, tip = self.proposal()
        return self.run(workflow, job, "pull_request", events.pull_request(NUMBER, "synchronize", tip, head), head)

    def proposal(self) -> tuple[str, str]:
        """Return the proposal's head and its base, where the forge has them."""
        repo = self.story.repo
        head = repo.git("rev-parse", "feature")
        self.bare("update-ref", f"refs/pull/{NUMBER}/head", head)
        return head, repo.git("rev-parse", "origin/main")

    def push(self, before: str, pusher: str = "bob") -> Job:
        """Run what the push of main starts."""
        after = self.story.repo.git("rev-parse", "main")
        return self.run(WORKFLOW, "record", "push", events.push(before, after, pusher=pusher), after)

    def bare(self, *words: str) -> str:
        """Run git in the forge's repository."""
        done = subprocess.run(
            ["git", "-C", str(self.story.actions.bare), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def entries(self) -> list[dict[str, Any]]:
        """The entries that the forge has, oldest first."""
        names = self.bare("ls-tree", "-r", "--name-only", "envgit-audit", "entries/").split()
        return [json.loads(self.bare("show", f"envgit-audit:{name}")) for name in sorted(names)]

    def shows(self, text: str, job: Job) -> bool:
        """Tell whether a text left the job: by act's whole output, which has the summary, or in a request."""
        return text in job.output or bool(self.story.actions.github.mentions(text))


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action's own tree."""
    return action_tree(tmp_path_factory.mktemp("action") / "envgit")


@pytest.fixture(scope="session")
def pip_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip downloaded, so that it does so once."""
    return tmp_path_factory.mktemp("pip")


@pytest.fixture
def forge(story: Story, tmp_path: Path, action: Path, pip_cache: Path) -> Forge:
    """A forge whose repository has one environment, and no log yet."""
    return Forge(story, Act(tmp_path / "runner", action, pip_cache=pip_cache))


@pytest.fixture
def recorded(forge: Forge) -> Forge:
    """A forge with a log that a person began; the workflow has the keys that init tells them to give it."""
    story = forge.story
    story.log()
    forge.secrets["ENVGIT_SIGNING_KEY"] = Path(story.repo.git("config", "envgit.signingKey")).read_text()
    forge.secrets["SOPS_AGE_KEY"] = story.repo.key.identity
    forge.variables["ENVGIT_TRUST_ROOT"] = story.cli.ok("verify", "--json").json["genesis"]
    return forge


def set_with_sops(story: Story, **values: str) -> None:
    """Change single variables with the real sops, which leaves the ciphertext of all others."""
    sops = Sops(story.repo.path, story.repo.key)
    for name, value in values.items():
        done = sops.run("set", "envs/production.yaml", f'["{name}"]', json.dumps(value))
        assert done.returncode == 0, done.stderr


def named(body: str) -> list[str]:
    """Return the variables in a comment's table."""
    rows = [line.split("|")[2].strip() for line in body.splitlines() if line.startswith("|")]
    return [cell.strip("`") for cell in rows if cell.startswith("`")]


# Review.


@needs_act
def test_the_ready_made_review_comments_on_what_a_pull_request_changes(recorded: Forge) -> None:
    """Without a key in the job, the one comment has the two variables whose ciphertext is new, and no others."""
    set_with_sops(recorded.story, DATABASE_URL="postgres://canary-2/db", API_KEY="canary-key-2")
    recorded.story.propose()
    job = recorded.review()
    assert job.exit == 0, job.output
    (body,) = recorded.story.comments
    assert named(body) == ["DATABASE_URL", "API_KEY"]
    assert "new ciphertext" in body
    assert f"run={RUN}.1" in body
    assert job.summary.strip() == body.partition("\n")[2].strip()
    assert not recorded.shows("canary", job)
    assert not recorded.shows(recorded.story.repo.key.identity, job)


@needs_act
def test_a_review_with_an_identity_shows_no_value(recorded: Forge) -> None:
    """With an identity for review the values are compared, one is shown as the configuration has it, and no other is."""
    recorded.story.env({**VALUES, "DATABASE_URL": "postgres://canary-2/db", "DEBUG": True})
    recorded.story.propose()
    job = recorded.review(with_identity(WORKFLOW))
    assert job.exit == 0, job.output
    (body,) = recorded.story.comments
    assert named(body) == ["DATABASE_URL", "DEBUG"]
    assert "`false` → `true`" in body
    assert job.summary.strip() == body.partition("\n")[2].strip()
    assert not recorded.shows("canary", job)
    assert not recorded.shows(recorded.story.repo.key.identity, job)


def with_identity(workflow: str) -> str:
    """Give the review an identity, as the workflow's comment tells how to."""
    step = f"      - uses: {RELEASE}\n        with:\n"
    before, _step, rest = workflow.partition(step)
    return before + step + REVIEW_IDENTITY + rest


@needs_act
def test_later_steps_use_the_outputs_and_cannot_log_a_value(recorded: Forge) -> None:
    """Outputs reach a later step by their names, its commands are heeded again, and a value that it prints is black."""
    recorded.story.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.story.propose()
    workflow = f"""\
on: pull_request
jobs:
  mine:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
      - id: envgit
        uses: {RELEASE}
        with:
          age-key: ${{{{ secrets.SOPS_AGE_KEY }}}}
      - shell: bash
        env:
          CHANGED: ${{{{ steps.envgit.outputs.changed }}}}
          COUNTS: ${{{{ steps.envgit.outputs.counts }}}}
          STATE: ${{{{ steps.envgit.outputs.state }}}}
          COMMENT: ${{{{ steps.envgit.outputs.comment-id }}}}
          REPORT: ${{{{ steps.envgit.outputs.report }}}}
          MARKDOWN: ${{{{ steps.envgit.outputs.markdown }}}}
        run: |
          echo "changed=$CHANGED counts=$COUNTS comment=$COMMENT"
          echo "state=$STATE"
          head -c 1 "$REPORT"; echo
          grep -c API_KEY "$MARKDOWN" | sed s/^/rows=/
          printf 'a slip: %s-key-2\\n' canary
          echo "::notice title=mine::heeded"
"""
    job = recorded.review(workflow, "mine")
    assert job.exit == 0, job.output
    (comment,) = recorded.story.actions.github.comments[NUMBER]
    assert f'changed=true counts={{"changed": 1}} comment={comment["id"]}' in job.lines
    (state,) = [line.removeprefix("state=") for line in job.lines if line.startswith("state=")]
    assert list(json.loads(state)) == ["production"]
    assert json.loads(state)["production"]
    assert "{" in job.lines
    assert "rows=1" in job.lines
    assert "a slip: ***" in job.lines
    assert "::notice title=mine::heeded" in job.annotations
    assert not recorded.shows("canary-", job)


@needs_act
def test_nothing_of_the_checkout_is_run(recorded: Forge, tmp_path: Path) -> None:
    """Modules, scripts and settings that a pull request names like ours, Python's or pip's are neither imported nor read."""
    story, caught = recorded.story, tmp_path / "caught"
    caught.mkdir()
    lay_bait(story.repo.write, caught)
    set_with_sops(story, API_KEY="canary-key-2")
    story.propose()
    job = recorded.review(with_identity(WORKFLOW))
    assert job.exit == 0, job.output
    assert named(story.comments[0]) == ["API_KEY"]
    assert sorted(caught.iterdir()) == []
    # The bait is one: whoever runs Python as one does takes it.
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ".", "PIP_CONFIG_FILE": "pip.conf"}
    for words in (["-c", "import yaml, jinja2, click, pygit2, usercustomize"], ["-m", "envgit"], ["-m", "pip"]):
        subprocess.run([sys.executable, *words], cwd=story.repo.path, env=environ, check=True)
    subprocess.run(["bash", "action/install.sh"], cwd=story.repo.path, check=True)
    shutil.rmtree(story.repo.path / "pip")
    pip = [sys.executable, "-P", "-m", "pip", "-qq", "config", "list"]
    subprocess.run(pip, cwd=story.repo.path, env={**environ, "PYTHONPATH": ""}, check=True, capture_output=True)
    assert {path.name for path in caught.iterdir()} == {name.replace("/", "-") for name in (*BAIT, "pip.conf")}


def lay_bait(write: Callable[[str, str], None], caught: Path) -> None:
    """Write files that leave one of their name in a folder as soon as they are used."""
    for name in BAIT:
        left = caught / name.replace("/", "-")
        write(name, f"touch '{left}'\n" if name.endswith(".sh") else f"open({str(left)!r}, 'w').close()\n")
    write("pip.conf", f"[global]\nlog = {caught / 'pip.conf'}\n")


# The second stage.


@needs_act
def test_a_fork_gets_its_comment_from_the_second_workflow(recorded: Forge) -> None:
    """A fork's own run only reads, and the second one comments, on the pull request that has the head."""
    propose_from_fork(recorded)
    head, tip = recorded.proposal()
    recorded.secrets = {"GITHUB_TOKEN": recorded.story.actions.github.token}
    payload = events.pull_request(NUMBER, "synchronize", tip, head, head_repo="mallory/platform", author="mallory")
    job = recorded.run(WORKFLOW, "review", "pull_request", payload, head)
    assert job.exit == 0, job.output
    assert recorded.story.comments == []
    assert any("the second workflow" in line for line in job.annotations)
    payload = events.workflow_run(head, "feature", "mallory/platform", actor="mallory")
    job = recorded.run(FORKS, "comment", "workflow_run", payload, tip)
    assert job.exit == 0, job.output
    assert named(recorded.story.comments[0]) == ["API_KEY"]
    assert not recorded.shows("canary", job)


@needs_act
def test_what_the_first_run_left_is_not_believed(recorded: Forge, tmp_path: Path) -> None:
    """Another pull request's number, a bad verdict, a head's own settings, modules and report: the comment is the same."""
    story, caught = recorded.story, tmp_path / "caught"
    caught.mkdir()
    lay_bait(story.repo.write, caught)
    story.repo.write(".envgit.yaml", "version: 1\nenvironments: nothing/{environment}.yaml\nreveal: ['*']\n")
    story.repo.write("envgit-report/report.json", json.dumps({"schema": "envgit.review/1", "files": []}))
    story.repo.write("envgit-report/comment.md", "All is well, says the fork")
    propose_from_fork(recorded)
    github = story.actions.github
    head, tip = recorded.proposal()
    github.pull(NUMBER + 1, head_sha=tip, base_sha=tip, head_ref="innocent")
    recorded.secrets = {"GITHUB_TOKEN": github.token}
    payload = events.workflow_run(
        head, "feature", "mallory/platform", conclusion="failure", pull_requests=[NUMBER + 1], actor="mallory"
    )
    job = recorded.run(FORKS, "comment", "workflow_run", payload, tip)
    assert job.exit == 0, job.output
    (body,) = story.comments
    assert named(body) == ["API_KEY"]
    assert "All is well" not in body
    assert list(github.comments) == [NUMBER]
    assert github.asked("GET", "/actions/") == []  # neither artifacts nor the run itself
    assert sorted(caught.iterdir()) == []
    assert not recorded.shows("canary", job)


def propose_from_fork(forge: Forge) -> None:
    """Have a stranger propose a change; the head is in the forge's repository as the pull request's ref alone."""
    story = forge.story
    set_with_sops(story, API_KEY="canary-key-2")
    story.propose()
    head, tip = forge.proposal()
    forge.bare("update-ref", "-d", "refs/heads/feature")
    story.actions.github.pull(
        NUMBER, head_sha=head, base_sha=tip, head_ref="feature", head_repo="mallory/platform", author="mallory"
    )


# Record and verify.


@needs_act
def test_a_push_to_main_is_recorded_with_who_and_what_was_reviewed(recorded: Forge) -> None:
    """A merge appends one signed entry at the server: the pusher, the run, the pull request and who approved it."""
    story = recorded.story
    set_with_sops(story, API_KEY="canary-key-2")
    story.propose()
    head, before = recorded.proposal()
    story.repo.git("switch", "-q", "main")
    commit = story.repo.merge("feature", author="bob")
    story.repo.git("push", "-q", "origin", "main")
    github = story.actions.github
    github.pull(NUMBER, head_sha=head, base_sha=before, merged_by="bob", merge_commit_sha=commit, state="closed")
    github.review(NUMBER, "carol", commit=head)
    old, tip = recorded.entries(), recorded.bare("rev-parse", "envgit-audit")
    job = recorded.push(before)
    assert job.exit == 0, job.output
    *kept, entry = recorded.entries()
    assert kept == old
    assert entry["source"]["commit"] == commit
    assert entry["source"]["pushed_by"] == "bob"
    assert (entry["recorder"]["actor"], entry["recorder"]["run"]) == ("alice", f"{RUN}.1")
    review = entry["review"]
    assert (review["pull_request"], review["author"], review["merged_by"]) == (NUMBER, "alice", "bob")
    assert [(one["login"], one["commit"]) for one in review["approvals"]] == [("carol", head)]
    assert [change["variable"] for file in entry["files"] for change in file["changes"]] == ["API_KEY"]
    (commit_of_entry,) = recorded.bare("rev-list", f"{tip}..envgit-audit").split()
    told = recorded.bare("log", "-1", "--format=%B", "envgit-audit")
    assert told.startswith("production: API_KEY changed")
    assert "canary" not in told + json.dumps(entry)
    assert json.loads(job.outputs["entries"]) == [entry["sequence"]]
    assert job.outputs["audit-commit"] == commit_of_entry
    assert not recorded.shows("canary", job)
    for secret in (recorded.secrets["SOPS_AGE_KEY"], recorded.secrets["ENVGIT_SIGNING_KEY"].splitlines()[1]):
        assert not recorded.shows(secret, job)
    story.repo.git("fetch", "-q", "origin")
    story.cli.ok("verify")


@needs_act
def test_a_refused_push_is_one_clear_line_and_an_issue(recorded: Forge) -> None:
    """A rule refuses the log's branch: the job is red, says once what the server said, and an issue stands open."""
    story = recorded.story
    rule = "Commits must have verified signatures"
    story.actions.server.refuse("refs/heads/envgit-audit", rule, "acme-platform")
    before, old = story.repo.head, recorded.bare("rev-parse", "envgit-audit")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.land()
    job = recorded.push(before)
    assert job.exit == 1, job.output
    assert len([line for line in job.lines if line.startswith("envgit: ")]) == 1, job.lines
    assert len([line for line in job.lines if rule in line]) == 1, job.lines
    assert len([line for line in job.annotations if rule in line]) == 1, job.annotations
    (issue,) = story.actions.github.issues
    assert issue["state"] == "open"
    assert rule in issue["body"]
    assert f"/acme/platform/actions/runs/{RUN}" in issue["body"]
    assert recorded.bare("rev-parse", "envgit-audit") == old
    assert not recorded.shows("canary", job)


@needs_act
def test_the_schedule_verifies_the_log(recorded: Forge) -> None:
    """On a schedule the log gets its sign of life, one anchor on top, and the whole is verified; no other branch moves."""
    old = recorded.bare("for-each-ref").splitlines()
    tip = recorded.bare("rev-parse", "envgit-audit")
    job = recorded.run(WORKFLOW, "verify", "schedule", events.schedule(), recorded.story.repo.head)
    assert job.exit == 0, job.output
    assert "the log is as signed" in job.summary
    assert job.outputs["changed"] == "false"
    moved = set(recorded.bare("for-each-ref").splitlines()) - set(old)
    assert [row.split("\t")[1] for row in moved] == ["refs/heads/envgit-audit"]
    assert recorded.bare("rev-parse", "envgit-audit~1") == tip
    assert recorded.bare("log", "-1", "--format=%s", "envgit-audit").startswith("anchor at ")
    assert recorded.story.actions.github.issues == []


# What is written once, and read by GitHub alone.


def lay_out(folder: Path) -> Path:
    """Write the action and both workflows as a repository has them."""
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "envgit.yml").write_text(WORKFLOW)
    (workflows / "envgit-forks.yml").write_text(FORKS)
    shutil.copy(ROOT / "action.yml", folder)
    return folder


LINTS = {
    "zizmor": ["zizmor", "--offline", "--persona=pedantic", "action.yml", ".github"],
    "actionlint": ["actionlint", ".github/workflows/envgit.yml", ".github/workflows/envgit-forks.yml"],
    "action": ["check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"],
    "workflows": [
        *("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
        *(".github/workflows/envgit.yml", ".github/workflows/envgit-forks.yml"),
    ],
}


@pytest.mark.parametrize("lint", [pytest.param(name, marks=needs(words[0])) for name, words in LINTS.items()])
def test_action_and_workflows_pass_their_lints(lint: str, tmp_path: Path) -> None:
    """Those who audit workflows for security, and GitHub's own form for them, find nothing in ours."""
    name, *words = LINTS[lint]
    done = subprocess.run(
        [program(name), *words], cwd=lay_out(tmp_path / "linted"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_action_is_named_by_a_commit() -> None:
    """Both workflows name what they use by 40 digits, with the release beside them."""
    used = [line.split("uses: ")[1] for line in (WORKFLOW + FORKS).splitlines() if "uses: " in line]
    assert set(used) == {CHECKOUT, f"{ACTION} # v0.1.0"}
    assert len(COMMIT) == 40
