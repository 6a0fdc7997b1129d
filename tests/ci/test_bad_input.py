"""Bad input to the Action: one clear line, the right exit status, an annotation where a person will look, and nothing lost."""

from __future__ import annotations

import json

import pytest
import urllib3

from envgit.github import api
from tests.kit import events
from tests.kit.actions import Step
from tests.kit.story import NUMBER, VALUES, Story


@pytest.fixture
def proposed(story: Story) -> Story:
    """A pull request that changes one variable."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    return story


def said(step: Step, status: int) -> str:
    """Return the one line of an error, which is an annotation too."""
    assert step.exit == status, (step.exit, step.log)
    (line,) = [line for line in step.err.splitlines() if line.startswith("envgit: ")]
    assert any(text.startswith("::error") for text in step.annotations)
    assert "canary" not in step.log
    return line


def warned(step: Step) -> str:
    """Return the warnings of a job that is not red for them, and whose summary has the text all the same."""
    assert step.exit == 0, step.log
    assert "`API_KEY`" in step.summary
    return "\n".join(line for line in step.annotations if line.startswith("::warning"))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            lambda github: github.fail("GET", "/comments", 401, times=None),
            "the token is wrong or has expired; look at the input github-token",
        ),
        (lambda github: github.forbid("*", "/comments"), "the job needs the permission pull-requests%3A write"),
        (lambda github: github.forbid("POST", "/comments"), "the job needs the permission pull-requests%3A write"),
        (lambda github: github.fail("GET", "/comments", 500, times=None), "with 500"),
        (lambda github: github.fail("POST", "/comments", 422, times=None), "with 422"),
        (lambda github: github.malform("/comments", times=None), "with what is no JSON"),
        (lambda github: github.drop("/comments", times=None), "cannot be reached"),
        (
            lambda github: github.primary_limit("GET", "/comments", reset=1_795_000_000, times=None),
            "the rate limit is used up until",
        ),
    ],
)
def test_a_comment_that_cannot_be_written_is_a_warning(proposed: Story, fault, words: str) -> None:
    """Whatever GitHub answers, the job is not red, says why there is no comment, and the summary has it."""
    fault(proposed.actions.github)
    text = warned(proposed.review()).replace("%3A", ":")
    assert words.replace("%3A", ":") in text


def test_a_passing_fault_is_waited_out(proposed: Story) -> None:
    """502, 429 and a secondary rate limit that pass leave no trace but one comment."""
    github = proposed.actions.github
    github.fail("GET", "/comments", 502)
    github.secondary_limit("POST", "/comments", retry_after=0)
    github.fail("POST", "/comments", 429, headers={"Retry-After": "0"})
    step = proposed.review()
    assert len(proposed.comments) == 1
    assert not [line for line in step.annotations if line.startswith("::warning")]


def test_a_post_that_may_have_arrived_is_not_sent_again(proposed: Story) -> None:
    """GitHub writes the comment and its answer is lost: there is one comment, and the next run edits it."""
    proposed.actions.github.drop("/comments$", times=2, done=True)
    proposed.review()
    proposed.review()
    assert len(proposed.comments) == 1


def test_no_token_is_a_warning(proposed: Story) -> None:
    """An empty github-token is said; the summary has the text."""
    proposed.actions.secrets["ENVGIT_GITHUB_TOKEN"] = ""
    assert "github-token is empty" in warned(proposed.review())


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '"x"',
        "[" * 100_000,
        json.dumps({"number": 1, "action": "opened", "pull_request": {"base": [], "head": 3}}),
    ],
)
def test_a_hostile_event_file_is_one_line(proposed: Story, payload: str) -> None:
    """An event's file that is no such event is refused in one line."""
    checkout = proposed.actions.checkout(proposed.repo.head)
    assert "event" in said(proposed.actions.run(checkout, "pull_request", payload), 2)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("pull_request", "head", "sha"), "--upload-pack=touch x"),
        (("pull_request", "head", "sha"), "A" * 40),
        (("pull_request", "base", "sha"), None),
        (("pull_request", "base", "ref"), "main\n::error::x"),
        (("number",), -1),
        (("number",), True),
        (("number",), 2**70),
        (("action",), ["opened"]),
    ],
)
def test_a_field_of_the_wrong_form_is_one_line(proposed: Story, path: tuple[str, ...], value: object) -> None:
    """Each field that is used has a form, and the error names the field."""
    payload = events.pull_request(NUMBER, "opened", proposed.repo.head, proposed.repo.head, head_ref="feature")
    place = payload
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    line = said(proposed.actions.run(proposed.actions.checkout(proposed.repo.head), "pull_request", payload), 2)
    assert ".".join(path) in line


def test_a_missing_event_file_is_one_line(proposed: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file where the runner should have written one."""
    proposed.actions.secrets["GITHUB_EVENT_PATH"] = "/nowhere/event.json"
    assert "GITHUB_EVENT_PATH" in said(proposed.review(), 2)


@pytest.mark.parametrize(
    ("event", "words"), [("pull_request_target", "docs/action.md#forks"), ("issues", "it answers pull_request, push")]
)
def test_another_event_is_one_line(proposed: Story, event: str, words: str) -> None:
    """An event that is not answered says which are."""
    payload = events.pull_request(NUMBER, "opened", proposed.repo.head, proposed.repo.head, head_ref="feature")
    assert words in said(proposed.actions.run(proposed.actions.checkout(proposed.repo.head), event, payload), 2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("command", "go", "auto, review, record, verify"),
        ("comment", "yes", "changes, always, off"),
        ("fail_on", "errors", "error, warning, never"),
        ("audit_branch", "--force", "no name of a branch"),
        ("base", "$(id)", "no revision"),
        ("config", "../x", "no path"),
        ("trust_root", "abc", "the trust root"),
    ],
)
def test_a_wrong_input_is_one_line(proposed: Story, name: str, value: str, words: str) -> None:
    """Each input that is wrong is named, with what it may be."""
    if name == "trust_root":
        proposed.log()
        proposed.actions.secrets["ENVGIT_SIGNING_KEY"] = "x"
        step = proposed.actions.push(proposed.repo, "0" * 40, ref="refs/heads/main", trust_root=value)
    else:
        proposed.actions.secrets[f"ENVGIT_{name.upper()}"] = value
        step = proposed.review()
    assert words in said(step, 2)


def test_recording_a_proposal_is_refused(proposed: Story) -> None:
    """command: record on a pull request is an error: what has not landed is not recorded."""
    assert "only what has landed is recorded" in said(proposed.review(command="record"), 2)


def test_a_head_that_is_gone_is_said(proposed: Story) -> None:
    """The branch was force-pushed and the old head is nowhere: one line that says so."""
    payload = events.pull_request(NUMBER, "synchronize", proposed.repo.head, "de" * 20, head_ref="feature")
    line = said(proposed.actions.run(proposed.actions.checkout(proposed.repo.head), "pull_request", payload), 3)
    assert "dedeced"[:3] in line or "dedede" in line


def test_a_base_branch_that_is_gone_is_compared_with_as_it_was(proposed: Story) -> None:
    """The base branch was deleted meanwhile: the event's base stands in."""
    proposed.repo.git("push", "-q", "origin", "main:release")
    proposed.repo.git("fetch", "-q", "origin")
    base = proposed.repo.git("rev-parse", "main")
    head = proposed.repo.git("rev-parse", "feature")
    proposed.repo.git("push", "-q", "origin", ":release")
    payload = events.pull_request(NUMBER, "synchronize", base, head, head_ref="feature", base_ref="release")
    step = proposed.actions.run(proposed.actions.checkout(head), "pull_request", payload)
    assert step.exit == 0, step.log
    assert "`API_KEY`" in proposed.comments[0]


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 60_000,
        "x: &a [*a]\n" * 3,
        "\x00\x01",
        "sops:\n  mac: x\n" + "a:\n" * 2_000,
        "- " * 30_000 + "\nsops: {}\n",
        "k: !!python/object:os.system x\nsops: {}\n",
    ],
)
def test_a_hostile_file_in_the_head_is_a_row_of_the_comment(proposed: Story, text: str) -> None:
    """A head that holds a 60 KB nested file, or none that is one, is an error in the comment, and the other files are compared."""
    proposed.repo.write("envs/staging.yaml", text)
    proposed.propose()
    step = proposed.review()
    assert step.exit == 1, step.log
    assert "`API_KEY`" in proposed.comments[0]
    assert "**`staging` cannot be read**" in proposed.comments[0]


def test_a_wrong_configuration_in_the_head_is_pointed_out(proposed: Story) -> None:
    """A configuration that is wrong would change nothing: an error that says what is wrong."""
    proposed.repo.write(".envgit.yaml", "version: 2\n")
    proposed.propose()
    step = proposed.review()
    assert step.exit == 1
    assert "The configuration that this proposes is wrong" in proposed.comments[0]
    assert "`API_KEY`" in proposed.comments[0]


def test_a_wrong_configuration_on_the_base_is_a_warning(story: Story) -> None:
    """A base whose configuration is wrong counts as one without, and a warning says so."""
    story.repo.write(".envgit.yaml", "version: 2\n")
    story.land()
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert any("wrong configuration" in line for line in step.annotations)
    assert "`API_KEY`" in story.comments[0]


def test_symlinks_and_submodules_are_no_files(proposed: Story) -> None:
    """An environment that becomes a link to somewhere is an error, and the link is not followed."""
    (proposed.repo.path / "envs/staging.yaml").symlink_to("/etc/passwd")
    proposed.propose()
    step = proposed.review()
    assert step.exit == 1
    assert "root:" not in step.everything
    assert "symbolic link" in proposed.comments[0]


def test_outside_a_workflow_the_command_says_so(story: Story) -> None:
    """envgit ci on a person's machine is one line."""
    story.cli.directory = story.repo.path
    assert "no run of GitHub Actions" in story.cli.fails(2, "ci")


def test_an_api_that_does_not_answer_is_a_warning(proposed: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub takes the connection and says nothing: after a while a warning, and the summary has the text."""
    monkeypatch.setattr(api, "TIMEOUT", urllib3.Timeout(connect=1, read=0.2))
    monkeypatch.setattr(api, "TRIES", 1)
    proposed.actions.github.stall("/comments", 1, times=None)
    assert "it did not answer in time" in warned(proposed.review())


def test_git_that_is_not_let_in_is_one_line(story: Story) -> None:
    """A token that git's server refuses: one line, and an issue that says so; nothing is recorded."""
    story.log()
    head = story.repo.head
    checkout = story.actions.checkout(head)
    story.actions.server.token = "another"
    step = story.actions.run(checkout, "push", events.push("0" * 40, head))
    assert "cannot" in said(step, 3)
    assert len(story.actions.github.issues) == 1
