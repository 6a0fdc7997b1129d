"""What a pull request gets: the comment, the summary, annotations and outputs, from real repositories over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit import events
from tests.kit.sops import new_key
from tests.kit.story import CONFIG, NUMBER, VALUES, Story


def rows(body: str) -> list[list[str]]:
    """Return the cells of the comment's first table."""
    lines = [line for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_a_change_gets_one_comment_that_names_it_and_no_value(story: Story) -> None:
    """Two variables change: the comment has their two rows, shows the revealed one, and no other value leaves the job."""
    story.log()
    story.env({**VALUES, "DATABASE_URL": "postgres://canary-2/db", "DEBUG": True})
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    (body,) = story.comments
    assert "### envgit: 2 variables change in `production`" in body
    assert [row[1:3] for row in rows(body)] == [["`DATABASE_URL`", "new value"], ["`DEBUG`", "`false` → `true`"]]
    assert all("hour" in row[3] or "day" in row[3] for row in rows(body))
    assert "audit log: 3 entries" in body
    assert "canary" not in step.everything
    assert not story.actions.github.mentions("canary")
    assert set(step.masked) >= {"postgres://canary-1/db", "postgres://canary-2/db", "canary-key-1"}
    assert "false" not in step.masked


def test_the_same_text_is_in_summary_file_and_comment(story: Story) -> None:
    """Summary, file and comment say the same but for the hidden first line."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    (body,) = story.comments
    assert body.partition("\n")[2] == step.summary
    assert Path(step.outputs["markdown"]).read_text() == body
    assert step.outputs["comment-id"] == str(story.actions.github.comments[NUMBER][0]["id"])
    assert step.outputs["changed"] == "true"
    assert json.loads(step.outputs["counts"]) == {"changed": 1}
    assert step.report["files"][0]["changes"][0]["variable"] == "API_KEY"


def test_a_whole_checkout_stays_whole(story: Story) -> None:
    """Where the log is here already, none of its history is cut off."""
    story.log()
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    assert story.review().exit == 0
    (checkout,) = (path for path in story.actions.folder.glob("checkout-*") if path.is_dir())
    assert not (checkout / ".git" / "shallow").exists()


def test_a_second_run_edits_the_one_comment(story: Story) -> None:
    """A push to the branch edits the comment that is there."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.review()
    story.env({**VALUES, "API_KEY": "canary-key-2", "NEW": "canary-new"})
    story.propose()
    story.review()
    (body,) = story.comments
    assert "`NEW`" in body


def test_an_older_run_leaves_a_newer_comment_alone(story: Story) -> None:
    """A slow run of an older push must not overwrite what a newer one said."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.review(run=9_000)
    newer = story.comments
    step = story.review(run=8_999)
    assert step.exit == 0
    assert story.comments == newer
    story.review(run=9_000, attempt=2)
    assert "run=9000.2" in story.comments[0]


def test_nothing_is_said_where_no_environment_changes(story: Story) -> None:
    """A pull request that touches no environment gets neither comment nor summary."""
    story.repo.write("README", "text")
    story.propose()
    step = story.review()
    assert (step.exit, story.comments, step.summary, step.annotations) == (0, [], "", [])
    assert step.outputs["changed"] == "false"


def test_always_comments_all_the_same(story: Story) -> None:
    """With comment: always one reads that nothing changes."""
    story.repo.write("README", "text")
    story.propose()
    story.review(comment="always")
    assert "### envgit: no environment changes" in story.comments[0]


def test_off_writes_no_comment(story: Story) -> None:
    """With comment: off the summary has the text, and GitHub is not asked anything."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review(comment="off")
    assert story.comments == []
    assert "`API_KEY`" in step.summary
    assert story.actions.github.requests == []


def test_a_change_that_went_away_leaves_one_line(story: Story) -> None:
    """When a later push takes the change back, the comment is one line with a check mark."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.review()
    story.repo.git("reset", "-q", "--hard", "main")
    story.repo.write("README", "text")
    story.propose()
    story.review()
    head = story.repo.head[:7]
    assert story.comments[0].splitlines()[1:] == [f"✅ No environment changes any more ({head})."]


def test_a_marker_that_somebody_pasted_is_not_ours(story: Story) -> None:
    """A person's comment with our marker is left alone, whatever it says of runs."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    marker = f"<!-- envgit:1 key=envgit-audit base={'a' * 7} head={'b' * 7} run=99999999.1 -->"
    story.actions.github.comment(NUMBER, f"{marker}\nmine", login="mallory")
    story.review()
    assert [comment["user"]["login"] for comment in story.actions.github.comments[NUMBER]] == [
        "mallory",
        "github-actions[bot]",
    ]


@pytest.mark.parametrize("login", ["envgit-bot[bot]", "robot"])
def test_another_token_finds_its_own_comment(story: Story, login: str) -> None:
    """An App's token, or a user's, edits that account's comment and nobody else's."""
    story.actions.github.login = login
    story.actions.secrets["ENVGIT_JOB_TOKEN"] = "another"
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.review()
    story.review()
    assert len(story.comments) == 1


def test_without_a_key_the_ciphertext_is_compared(story: Story) -> None:
    """Without an identity the comment says new ciphertext, never changed, and how to find out; the log says since when values stand."""
    story.log()
    story.env({**VALUES, "DATABASE_URL": "postgres://canary-2/db", "NEW": "canary-new"})
    story.propose()
    del story.actions.secrets["SOPS_AGE_KEY"]
    step = story.review()
    (body,) = story.comments
    cells = {row[1]: row for row in rows(body)}
    assert "have new ciphertext in `production`" in body
    assert cells["`DATABASE_URL`"][2] == "new ciphertext"
    assert "its value stands since 2026-01-05 (entry 1)" in cells["`DATABASE_URL`"][4]
    assert cells["`NEW`"][2] == "added"
    assert "whether *values* changed is not known" in body
    assert step.masked == step.masked[:1]  # the token alone


def test_without_a_key_the_log_knows_a_revert(story: Story) -> None:
    """A keyless review of a revert says which recorded file it is, and of each variable whether its value is another."""
    old = dict(VALUES)
    story.log()
    first = story.repo.head
    story.env({**old, "API_KEY": "canary-key-2"})
    story.land()
    story.log()
    story.repo.git("checkout", "-q", first, "--", "envs")
    story.propose()
    del story.actions.secrets["SOPS_AGE_KEY"]
    story.review()
    (body,) = story.comments
    assert "`production` becomes, byte for byte, what it was after entry 1 of the log" in body
    cells = {row[1]: row for row in rows(body)}
    assert "is back (entry 1)" in cells["`API_KEY`"][4] or "the value of entry 1 is back" in cells["`API_KEY`"][4]
    assert "the value that it has now" in cells["`DATABASE_URL`"][4]


def test_a_value_that_comes_back_is_pointed_out(story: Story) -> None:
    """The value that was replaced last week is back: a warning with the entry that gave it."""
    story.log()
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.land()
    story.log()
    story.env(VALUES)
    story.propose()
    step = story.review()
    (row,) = rows(story.comments[0])
    assert row[0] == "🟡"
    assert "is back (entry 1)" in row[4]
    assert step.exit == 0
    assert story.review(fail_on="warning").exit == 1


def test_a_removed_recipient_is_told_by_its_consequence(story: Story) -> None:
    """A recipient goes, the data key stays: what that means, how many values stay live, and since when."""
    leaver = new_key()
    story.env(VALUES, story.repo.key, leaver)
    story.land()
    story.log()
    story.env({**VALUES, "API_KEY": "canary-key-2"}, story.repo.key)
    story.propose()
    story.review()
    (body,) = story.comments
    assert "**Access to `production`** (`envs/production.yaml`)" in body
    assert f"{leaver.recipient[:8]}…{leaver.recipient[-3:]}" in body
    assert "### envgit: 1 variable changes in `production`, and so does who can open it (1 warning)" in body
    assert "The **data key was not rotated**." in body
    assert "**2 values** that a removed recipient could open stay live" in body
    assert "| `DATABASE_URL` | 2026-01-0" in body


def test_a_change_on_the_base_since_is_pointed_out(story: Story) -> None:
    """The base branch changed the same variable after the branch was made: a warning at its row."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.repo.git("switch", "-q", "main")
    story.env({**VALUES, "API_KEY": "canary-key-3"})
    story.land("Meanwhile")
    story.log()
    story.review()
    (row,) = rows(story.comments[0])
    assert "`main` changed it too since the merge base, in `" in row[4]
    assert "the base branch has changed 1 of these variables since" in story.comments[0]


def test_the_pull_request_that_brings_envgit_in_is_told_so(story: Story) -> None:
    """Without a configuration on the base one line says what the merge will record."""
    story.repo.git("rm", "-q", ".envgit.yaml")
    story.land("Without")
    story.repo.write(".envgit.yaml", CONFIG)
    story.propose()
    story.review()
    (body,) = story.comments
    assert "**This brings envgit in.**" in body
    assert "each change to `production` is recorded" in body


def test_a_proposal_cannot_reveal_by_its_own_configuration(story: Story) -> None:
    """`reveal: ["*"]` in the head shows nothing, and is pointed out."""
    story.repo.write(".envgit.yaml", CONFIG.replace("[DEBUG]", '["*"]'))
    story.repo.write(".sops.yaml", "creation_rules:\n  - path_regex: x\n    age: age1\n")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    (body,) = story.comments
    assert "canary" not in body
    assert "canary" not in step.everything
    assert "`.envgit.yaml` is edited here" in body
    assert "Values that would be shown from then on: `*`" in body
    assert "`.sops.yaml` is edited here" in body


def test_a_proposal_that_edits_its_own_workflow_is_pointed_out(story: Story) -> None:
    """Whoever edits the workflow edits the review: a warning says so."""
    story.repo.write(".github/workflows/ci.yml", "jobs: {x: {steps: [{uses: envgit/envgit@v1}]}}\n")
    story.propose()
    story.review()
    assert "`.github/workflows/ci.yml` is edited here" in story.comments[0]


def test_a_file_that_was_changed_by_hand_turns_the_job_red(story: Story) -> None:
    """A MAC that does not match is an error: red, with an annotation on the file, and what to do in the comment."""
    path = story.repo.path / "envs/production.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("API_KEY")))
    story.propose()
    step = story.review()
    assert step.exit == 1
    assert "**The MAC of `production` does not match**" in story.comments[0]
    assert any(line.startswith("::error file=envs/production.yaml") for line in step.annotations)
    assert story.review(fail_on="never").exit == 0


def test_plaintext_committed_by_mistake_is_an_error_and_never_repeated(story: Story) -> None:
    """A file that is no longer encrypted is an error; its values stay out of everything."""
    story.repo.write("envs/production.yaml", "API_KEY: canary-plain-text\n")
    story.propose()
    step = story.review()
    assert step.exit == 1
    assert "### envgit: `production` is committed in clear" in story.comments[0]
    assert "change each at its source" in story.comments[0]
    assert "canary" not in step.everything
    del story.actions.secrets["SOPS_AGE_KEY"]
    story.review()
    assert "### envgit: `production` is committed in clear" in story.comments[0]
    assert "**1 file could not be compared**" in story.comments[0]
    assert "as it was" not in story.comments[0]
    assert not story.actions.github.mentions("canary")


def test_a_file_that_is_mended_is_compared_with_nothing(story: Story) -> None:
    """Where the base's file cannot be read, no variable is called added and nobody is said to gain access; who has it is told."""
    whole = (story.repo.path / "envs/production.yaml").read_bytes()
    story.repo.write("envs/production.yaml", "API_KEY: canary-plain-text\n")
    story.land("Oops")
    story.repo.write("envs/production.yaml", whole)
    story.propose()
    step = story.review()
    comment = story.comments[0]
    assert "### envgit: `production` could not be read before (1 warning)" in comment
    assert "**1 file could not be compared**" in comment
    assert "can open them" in comment
    assert "added" not in comment
    assert "canary" not in step.everything


def test_a_revealed_name_that_holds_a_secret_too_is_not_shown(story: Story) -> None:
    """DEBUG may be shown, but not where it holds what DATABASE_URL holds."""
    story.env({**VALUES, "DEBUG": "postgres://canary-1/db"})
    story.propose()
    step = story.review()
    assert "not shown: a name that `reveal` does not list holds the same" in story.comments[0]
    assert "canary" not in step.everything


def test_two_environments_have_a_column(story: Story) -> None:
    """With more than one environment each row says which; those to which nothing happens are named once."""
    for name in ("staging", "test"):
        story.env({"A": "canary-aaaaaaaa"}, name=name)
    story.land()
    story.env({"A": "canary-bbbbbbbb"}, name="staging")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.review()
    (body,) = story.comments
    assert "| | Environment | Variable |" in body
    assert "2 variables change in `production`, `staging`" in body
    assert "Nothing changes in `test`." in body


def test_a_fork_gets_the_summary_and_no_request(story: Story) -> None:
    """A run of a fork may not comment: it asks nothing of GitHub, and says where the comment comes from."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    del story.actions.secrets["SOPS_AGE_KEY"]
    step = story.review(head_repo="mallory/platform")
    assert step.exit == 0
    assert "`API_KEY`" in step.summary
    assert story.actions.github.requests == []
    assert any("fork" in line for line in step.annotations)


def test_the_second_stage_comments_for_a_fork(story: Story) -> None:
    """After the fork's run the second workflow writes the comment, from what git has and from nothing that the run left."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    del story.actions.secrets["SOPS_AGE_KEY"]
    head = story.repo.git("rev-parse", "feature")
    github = story.actions.github
    github.pull(
        416,
        head_sha=head,
        base_sha=story.repo.git("rev-parse", "main"),
        head_ref="patch-1",
        head_repo="mallory/platform",
    )
    story.repo.git("push", "-q", "origin", "feature:refs/pull/416/head")
    payload = events.workflow_run(head, "patch-1", "mallory/platform")
    step = story.actions.run(story.actions.checkout(story.repo.git("rev-parse", "main")), "workflow_run", payload)
    assert step.exit == 0, step.log
    assert "`API_KEY`" in github.comments[416][0]["body"]
    # A pull request of the repository itself has the comment of its own run.
    payload = events.workflow_run(head, "feature", "acme/platform")
    story.actions.run(story.actions.checkout(story.repo.git("rev-parse", "main")), "workflow_run", payload)
    assert story.comments == []


def test_the_merge_queue_is_checked_without_a_comment(story: Story) -> None:
    """A group of the merge queue is reviewed, red for an error, and gets no comment."""
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    head, base = story.repo.git("rev-parse", "feature"), story.repo.git("rev-parse", "main")
    step = story.actions.run(story.actions.checkout(head), "merge_group", events.merge_group(base, head))
    assert step.exit == 0, step.log
    assert "`API_KEY`" in step.summary
    assert story.actions.github.requests == []


def test_a_long_comment_is_cut_in_a_fixed_order_and_says_so(story: Story) -> None:
    """3,000 changes do not fit: what matters least goes first, the comment says what was cut, the summary has all."""
    many = {f"VARIABLE_WITH_A_LONG_NAME_{number}": f"canary-{number}" for number in range(3_000)}
    story.env({**VALUES, **many})
    story.land()
    story.env({**VALUES, **{name: value + "x" for name, value in many.items()}})
    story.propose()
    step = story.review()
    (body,) = story.comments
    assert len(body) <= 60_000
    assert "**Cut to fit: all but 400 rows" in body
    assert "This comment is complete" not in body
    assert "2,600 more variables change" in body
    assert "VARIABLE_WITH_A_LONG_NAME_2999" in step.summary
    assert "canary" not in step.everything


def test_a_shallow_checkout_is_deepened(story: Story) -> None:
    """A checkout of one commit suffices: the history is fetched, and the log says how to have it at once."""
    story.repo.write("README", "one commit more")
    story.propose()
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review(depth=1)
    assert step.exit == 0, step.log
    assert "`API_KEY`" in story.comments[0]
    assert "this checkout is shallow" in step.log


def test_a_tampered_ciphertext_is_not_called_harmless(story: Story) -> None:
    """One ciphertext is changed by hand under its old nonce: keyless nothing says that a rotation did it; with a key the MAC tells."""
    path = story.repo.path / "envs/production.yaml"
    head, found, rest = path.read_text().partition("API_KEY: ENC[AES256_GCM,data:")
    path.write_text(head + found + ("B" if rest[0] == "A" else "A") + rest[1:])
    story.propose()
    step = story.review()
    assert step.exit == 1
    assert "No identity in this job" not in story.comments[0]
    del story.actions.secrets["SOPS_AGE_KEY"]
    story.review()
    assert "`API_KEY` | new ciphertext" in story.comments[0]
    assert "as a rotation" not in story.comments[0]


def test_files_that_come_or_go_whole_are_told_as_such(story: Story) -> None:
    """A new environment and a deleted one are said in the first line, with how many variables each has."""
    story.env({"A": "canary-aaaaaaaa"}, name="old")
    story.land()
    story.env({"B": "canary-bbbbbbbb", "C": "canary-cccccccc"}, name="new")
    story.repo.git("rm", "-q", "envs/old.yaml")
    story.propose()
    story.review()
    assert "### envgit: `new` is new (2 variables), `old` is deleted (1 variable)" in story.comments[0]
    assert "can open it" in story.comments[0]


def test_a_file_that_was_recorded_is_known_whatever_the_keys_since(story: Story) -> None:
    """The old file comes back byte for byte after a change of recipients: also with a key a warning says that its value is back."""
    story.log()
    first = story.repo.head
    story.env({**VALUES, "API_KEY": "canary-key-2"}, story.repo.key, new_key())
    story.land()
    story.log()
    story.repo.git("checkout", "-q", first, "--", "envs")
    story.propose()
    story.review()
    assert "becomes, byte for byte, what it was after entry 1 of the log" in story.comments[0]
    (row,) = [row for row in rows(story.comments[0]) if row[1] == "`API_KEY`"]
    assert row[0] == "🟡"
    assert "entry 1" in row[4]


def test_a_first_configuration_hides_nothing_from_its_own_review(story: Story) -> None:
    """Without a configuration on the base every file with a sops block is looked at, whatever the proposal's own names."""
    story.repo.git("rm", "-q", ".envgit.yaml")
    story.land("Without")
    story.repo.write(".envgit.yaml", "version: 1\nenvironments: elsewhere/{environment}.yaml\n")
    story.env({**VALUES, "API_KEY": "canary-key-2"})
    story.propose()
    story.review()
    assert "`API_KEY`" in story.comments[0]


def test_a_widened_reveal_that_equals_a_short_secret_refuses_nothing(story: Story) -> None:
    """A name that the proposal would reveal may be spelled like some short value."""
    story.env({**VALUES, "OTHER": "info"})
    story.land()
    story.repo.write(".envgit.yaml", CONFIG.replace("[DEBUG]", "[DEBUG, info]"))
    story.env({**VALUES, "OTHER": "info", "API_KEY": "canary-key-2"})
    story.propose()
    step = story.review()
    assert step.exit == 0, step.log
    assert "Values that would be shown from then on: `info`" in story.comments[0]
