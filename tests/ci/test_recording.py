"""What a push gets: its signed entry at the remote, with what the forge says of it; and what no run of a workflow can lose."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.kit import events
from tests.kit.story import NUMBER, VALUES, Story

ZEROS = "0" * 40


@pytest.fixture
def recorded(story: Story) -> Story:
    """A story whose log is begun, and whose workflow has the signing key."""
    story.log()
    key = story.repo.git("config", "envgit.signingKey")
    story.actions.secrets["ENVGIT_SIGNING_KEY"] = open_text(key)
    return story


def open_text(path: str) -> str:
    with open(path) as file:
        return file.read()


def entries(story: Story) -> list[dict]:
    """The entries at the remote, oldest first."""
    tree = ["git", "-C", str(story.actions.bare)]
    names = subprocess.run(
        [*tree, "ls-tree", "-r", "--name-only", "envgit-audit", "entries/"], capture_output=True, text=True, check=True
    )
    return [
        json.loads(
            subprocess.run([*tree, "show", f"envgit-audit:{name}"], capture_output=True, text=True, check=True).stdout
        )
        for name in sorted(names.stdout.split())
    ]


def merged(story: Story, number: int = NUMBER, **approvals: str) -> str:
    """Land the proposal by a merge commit, as GitHub's button does, and say so at the forge."""
    story.repo.git("switch", "-q", "main")
    commit = story.repo.merge("feature", author="bob")
    story.repo.git("push", "-q", "origin", "main")
    story.actions.github.pull(
        number,
        head_sha=story.repo.git("rev-parse", "feature"),
        base_sha=story.repo.git("rev-parse", "main~1"),
        merged_by="bob",
        merge_commit_sha=commit,
        state="closed",
    )
    for login, sha in approvals.items():
        story.actions.github.review(number, login, commit=sha)
    return commit


def test_a_merge_gets_an_entry_with_all_that_the_forge_says(recorded: Story) -> None:
    """The entry says who pushed, by which run, of which pull request, who wrote, merged and approved which commit."""
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.propose()
    recorded.review()
    head = recorded.repo.git("rev-parse", "feature")
    before = recorded.repo.git("rev-parse", "main")
    commit = merged(recorded, carol=head)
    step = recorded.actions.push(recorded.repo, before, pusher="bob", run=7_140)
    assert step.exit == 0, step.log
    entry = entries(recorded)[-1]
    assert entry["source"]["commit"] == commit
    assert entry["source"]["pushed_by"] == "bob"
    assert entry["recorder"] | {"tool": ""} == {"tool": "", "actor": "alice", "run": "7140.1"}
    review = entry["review"]
    assert (review["pull_request"], review["author"], review["merged_by"]) == (NUMBER, "alice", "bob")
    assert [(one["login"], one["commit"]) for one in review["approvals"]] == [("carol", head)]
    assert json.loads(step.outputs["entries"]) == [entry["sequence"]]
    assert (
        step.outputs["audit-commit"] == recorded.repo.git("ls-remote", "origin", "refs/heads/envgit-audit").split()[0]
    )
    assert "canary" not in step.everything
    (body,) = recorded.comments
    assert (
        f"✅ Merged as `{commit[:7]}`, recorded as entry {entry['sequence']} (approved by carol at `{head[:7]}`)"
        in body
    )
    assert "`API_KEY`" in body  # what was reviewed stays to be read


def test_the_comment_keeps_its_last_word(recorded: Story) -> None:
    """A review that comes late does not overwrite what says that the merge is recorded."""
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.propose()
    recorded.review()
    before = recorded.repo.git("rev-parse", "main")
    merged(recorded)
    recorded.actions.push(recorded.repo, before)
    recorded.review(run=99_999)
    assert "✅ Merged as" in recorded.comments[0]


def test_a_direct_push_is_told_as_one(recorded: Story) -> None:
    """A commit without a pull request has a review that names none."""
    before = recorded.repo.head
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.land()
    recorded.actions.push(recorded.repo, before)
    review = entries(recorded)[-1]["review"]
    assert "pull_request" not in review and "unavailable" not in review


def test_without_an_identity_it_records_keyless(recorded: Story) -> None:
    """Teams keep production's key out of CI: the entry is made from the ciphertext, and completed by one who has the key."""
    del recorded.actions.secrets["SOPS_AGE_KEY"]
    before = recorded.repo.head
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.land()
    step = recorded.actions.push(recorded.repo, before)
    assert step.exit == 0
    changes = {
        change["variable"]: change["kind"] for file in entries(recorded)[-1]["files"] for change in file["changes"]
    }
    assert changes["API_KEY"] == "opaque"
    recorded.repo.git("fetch", "-q", "origin")
    recorded.cli.identity(recorded.repo.key.identity)
    recorded.cli.ok("record", "--supplement", "--push")
    assert entries(recorded)[-1]["kind"] == "supplement"
    assert recorded.cli.ok("blame", "API_KEY", "--json").json["changes"][0]["kind"] == "changed"


@pytest.mark.parametrize("fault", ["down", "broken", "forbidden", "none"])
def test_the_entry_is_made_whatever_the_forge_answers(
    recorded: Story, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where GitHub cannot be asked the entry says so, and a person with a token completes it later."""
    github = recorded.actions.github
    before = recorded.repo.head
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.propose()
    merged(recorded, carol=recorded.repo.git("rev-parse", "feature"))
    match fault:
        case "down":
            github.fail("GET", "/commits/", 500, times=20)
        case "broken":
            github.malform("/commits/", times=20)
        case "forbidden":
            github.forbid("GET", "/commits/", times=20)
        case "none":
            recorded.actions.secrets["ENVGIT_GITHUB_TOKEN"] = ""
    step = recorded.actions.push(recorded.repo, before)
    assert step.exit == 0, step.log
    assert entries(recorded)[-1]["review"]["unavailable"]
    github._faults.clear()
    monkeypatch.setenv("GH_TOKEN", github.token)
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/platform")
    recorded.repo.git("fetch", "-q", "origin")
    recorded.cli.ok("record", "--supplement", "--reviews", "--push")
    assert entries(recorded)[-1]["review"]["approvals"][0]["login"] == "carol"
    last = recorded.cli.ok("blame", "API_KEY").out
    assert f"PR {NUMBER}, approved by carol" in last
    assert "nothing to record" in recorded.cli.ok("record", "--supplement", "--reviews", "--push").out


def test_a_person_without_a_token_is_told_where_it_goes(recorded: Story) -> None:
    """--reviews without a token is one line that names the variable."""
    assert "GH_TOKEN" in recorded.cli.fails(2, "record", "--reviews")


def test_runs_that_never_ran_are_caught_up_with(recorded: Story) -> None:
    """Three pushes, of which only the last has a run: three entries; the run of the first, late, adds nothing."""
    first = recorded.repo.head
    for number in range(2, 5):
        recorded.env({**VALUES, "API_KEY": f"canary-key-{number}"})
        recorded.land()
    number = len(entries(recorded))
    recorded.actions.push(recorded.repo, recorded.repo.git("rev-parse", "main~1"), pusher="dave")
    made = entries(recorded)[number:]
    assert len(made) == 3
    # Who pushed the commits of other pushes this event does not say.
    assert [entry["source"].get("pushed_by", "") for entry in made] == ["", "", "dave"]
    step = recorded.actions.push(recorded.repo, first)
    assert json.loads(step.outputs["entries"]) == []
    assert len(entries(recorded)) == number + 3


@pytest.mark.parametrize("before", [ZEROS, "dead" * 10])
def test_a_before_that_is_nothing_does_not_matter(recorded: Story, before: str) -> None:
    """`before` all zeros, or gone after a force-push: what is missing is told by the log."""
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.land()
    step = recorded.actions.push(recorded.repo, before, pusher="dave")
    assert step.exit == 0, step.log
    assert entries(recorded)[-1]["source"]["pushed_by"] == "dave"


def test_a_force_push_is_recorded_as_a_rewrite(recorded: Story) -> None:
    """A force-push leaves the old entries and adds one that says what took their place."""
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    gone = recorded.land()
    recorded.log()
    recorded.repo.git("reset", "-q", "--hard", "HEAD~1")
    recorded.env({**VALUES, "API_KEY": "canary-key-3"})
    recorded.repo.commit("Another")
    recorded.repo.git("push", "-qf", "origin", "main")
    step = recorded.actions.push(recorded.repo, gone, forced=True)
    assert step.exit == 0, step.log
    assert "rewrite" in [entry["kind"] for entry in entries(recorded)]


def test_a_deleted_source_branch_is_said_and_loses_nothing(recorded: Story) -> None:
    """A push that deletes the source branch records nothing, ends well and warns."""
    number = len(entries(recorded))
    payload = events.push(recorded.repo.head, ZEROS, deleted=True)
    step = recorded.actions.run(recorded.actions.checkout(recorded.repo.head), "push", payload)
    assert step.exit == 0, step.log
    assert any(line.startswith("::warning") and "deleted" in line for line in step.annotations)
    assert len(entries(recorded)) == number


def test_a_push_to_another_branch_records_nothing(recorded: Story) -> None:
    """Only the source branch is recorded."""
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.propose()
    number = len(entries(recorded))
    step = recorded.actions.push(recorded.repo, ZEROS, ref="refs/heads/feature")
    assert step.exit == 0
    assert "is not the source branch" in step.log
    assert len(entries(recorded)) == number


def test_without_a_log_the_job_says_so_and_ends_well(story: Story) -> None:
    """CI never begins a log: where there is none it says who does."""
    step = story.actions.push(story.repo, ZEROS)
    assert step.exit == 0
    assert any("no log yet" in line for line in step.annotations)
    assert story.repo.git("ls-remote", "origin", "refs/heads/envgit-audit") == ""


def test_without_a_signing_key_the_job_is_red_and_says_what_to_set(recorded: Story) -> None:
    """A missing key is one line and an issue; nothing is lost."""
    del recorded.actions.secrets["ENVGIT_SIGNING_KEY"]
    step = recorded.actions.push(recorded.repo, recorded.repo.head)
    assert step.exit == 3
    assert "ENVGIT_SIGNING_KEY" in step.err


def test_another_trust_root_stops_the_job(recorded: Story) -> None:
    """A log that does not begin as the organisation's variable says is not built on."""
    number = len(entries(recorded))
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.land()
    step = recorded.actions.push(
        recorded.repo, recorded.repo.git("rev-parse", "main~1"), trust_root="sha256:" + "0" * 64
    )
    assert step.exit == 3
    assert "nothing is built on it" in step.err
    assert len(entries(recorded)) == number


def test_a_refused_push_is_red_with_an_issue_that_closes_again(recorded: Story) -> None:
    """A ruleset refuses the branch: red, the server's words, one issue; the next good run records all and closes it."""
    recorded.actions.server.refuse("refs/heads/envgit-audit", "Commits must have verified signatures", "acme-platform")
    for number in (2, 3):
        before = recorded.repo.head
        recorded.env({**VALUES, "API_KEY": f"canary-key-{number}"})
        recorded.land()
        step = recorded.actions.push(recorded.repo, before)
        assert step.exit == 4
        assert "Commits must have verified signatures" in step.err
        assert any(line.startswith("::error") for line in step.annotations)
    (issue,) = recorded.actions.github.issues
    assert issue["state"] == "open"
    assert "Commits must have verified signatures" in issue["body"]
    (recorded.actions.bare / "hooks" / "pre-receive").unlink()
    number = len(entries(recorded))
    step = recorded.actions.push(recorded.repo, before)
    assert step.exit == 0
    assert len(entries(recorded)) == number + 2
    assert recorded.actions.github.issues[0]["state"] == "closed"
    assert "canary" not in issue["body"]


def test_a_token_that_may_not_write_issues_is_only_warned_of(recorded: Story) -> None:
    """Without issues: write the job does its work, and a warning names the permission."""
    recorded.actions.github.forbid("GET", "/issues")
    before = recorded.repo.head
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    recorded.land()
    step = recorded.actions.push(recorded.repo, before)
    assert step.exit == 0
    assert any("issues%3A write" in line or "issues: write" in line for line in step.annotations)


def test_eight_pushes_at_once(recorded: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight runs at the same time, one for each of eight pushes: eight entries, a linear branch, each exactly once."""
    actions = recorded.actions
    number = len(entries(recorded))
    heads = []
    for value in range(8):
        recorded.env({**VALUES, "API_KEY": f"canary-key-at-once-{value}"})
        heads.append((recorded.repo.head, recorded.land()))
    jobs = []
    for before, after in heads:
        environ = actions.environ("push", events.push(before, after))
        jobs.append((actions.start(actions.checkout(after), environ), environ))
    steps = [actions.wait(*job) for job in jobs]
    assert [step.exit for step in steps] == [0] * 8, [step.err for step in steps]
    made = entries(recorded)[number:]
    assert [entry["source"]["commit"] for entry in made] == [after for _before, after in heads]
    parents = recorded.repo.git("ls-remote", "origin", "refs/heads/envgit-audit").split()[0]
    count = subprocess.run(
        ["git", "-C", str(actions.bare), "rev-list", "--count", "--first-parent", parents],
        capture_output=True,
        text=True,
        check=True,
    )
    total = subprocess.run(
        ["git", "-C", str(actions.bare), "rev-list", "--count", parents], capture_output=True, text=True, check=True
    )
    assert count.stdout == total.stdout == f"{number + 8}\n"
    told = [sequence for step in steps for sequence in json.loads(step.outputs["entries"])]
    assert sorted(told) == list(range(number, number + 8))


def test_a_shallow_checkout_records_all_the_same(recorded: Story) -> None:
    """A checkout of one commit, several commits behind: the history is fetched."""
    before = recorded.repo.head
    for number in (2, 3, 4):
        recorded.env({**VALUES, "API_KEY": f"canary-key-{number}"})
        recorded.land()
    number = len(entries(recorded))
    step = recorded.actions.push(recorded.repo, before, depth=1)
    assert step.exit == 0, step.log
    assert len(entries(recorded)) == number + 3


def test_a_partial_checkout_records_all_the_same(recorded: Story) -> None:
    """A checkout without the contents of files, as the ready-made workflow makes it."""
    before = recorded.repo.head
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    after = recorded.land()
    number = len(entries(recorded))
    path = recorded.actions.folder / "partial"
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", "--no-local", "-b", "main", recorded.actions.url, str(path)],
        check=True,
    )
    recorded.actions.server.requests.clear()
    step = recorded.actions.run(path, "push", events.push(before, after))
    assert step.exit == 0, step.log
    # Not a request for each file of the log.
    assert len(recorded.actions.server.requests) < 24, recorded.actions.server.requests
    assert len(entries(recorded)) == number + 1


def test_dispatch_catches_up_and_schedule_verifies(recorded: Story) -> None:
    """workflow_dispatch records what is missing; schedule verifies, and says it where something is."""
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    head = recorded.land()
    step = recorded.actions.run(recorded.actions.checkout(head), "schedule", events.schedule())
    assert step.exit == 4, step.log
    (issue,) = recorded.actions.github.issues
    assert issue["state"] == "open"
    step = recorded.actions.run(recorded.actions.checkout(head), "workflow_dispatch", events.workflow_dispatch())
    assert step.exit == 0, step.log
    step = recorded.actions.run(recorded.actions.checkout(head), "schedule", events.schedule())
    assert step.exit == 0, step.log
    assert recorded.actions.github.issues[0]["state"] == "closed"


def test_a_tampered_log_is_red_with_an_issue(recorded: Story) -> None:
    """Somebody drops the last entry: the scheduled check is red, and an issue says what."""
    recorded.env({**VALUES, "API_KEY": "canary-key-2"})
    head = recorded.land()
    recorded.log()
    bare = str(recorded.actions.bare)
    subprocess.run(["git", "-C", bare, "update-ref", "refs/heads/envgit-audit", "envgit-audit~1"], check=True)
    step = recorded.actions.run(recorded.actions.checkout(head), "schedule", events.schedule())
    assert step.exit == 4, step.log  # without a pin a log that lacks its end is one that nobody continued yet
    assert recorded.actions.github.issues[0]["state"] == "open"
