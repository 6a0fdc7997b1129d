"""The stand-in for GitHub: it sees what GitHub's description forbids, pages as GitHub does, and fails as it is told."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.kit import events
from tests.kit.github import LONGEST_BODY, GitHub, description, operations

REPO = "/repos/acme/platform"
A, B, C, D = (letter * 40 for letter in "abcd")


@dataclass
class Client:
    """A client that has no opinion of what it sends."""

    github: GitHub

    def __call__(self, method: str, path: str, body: Any = None, token: str = "ghs_test", **headers: str) -> Got:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        if token:
            given["Authorization"] = f"Bearer {token}"
        address = path if path.startswith("http") else self.github.url + path
        try:
            with urllib.request.urlopen(urllib.request.Request(address, data, given, method=method), timeout=5) as got:
                return Got(got.status, got.read(), got.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Got(error.code, error.read(), error.headers)


@dataclass
class Got:
    """What came back."""

    status: int
    body: bytes
    headers: Any

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@pytest.fixture
def github() -> Iterator[GitHub]:
    """GitHub with one pull request."""
    running = GitHub()
    running.pull(7, head_sha=A, base_sha=B)
    yield running
    running.close()


@pytest.fixture
def ask(github: GitHub) -> Client:
    """Who asks."""
    return Client(github)


READS = [
    "",
    "/actions/organization-variables",
    "/actions/secrets",
    "/actions/variables",
    f"/commits/{A}/pulls",
    "/environments/envgit",
    "/environments/envgit/deployment-branch-policies",
    "/environments/envgit/secrets",
    "/issues",
    "/issues/7/comments",
    "/keys",
    "/pulls",
    "/pulls/7",
    "/pulls/7/reviews",
    "/rules/branches/main",
    "/rulesets",
]


def _furnished(github: GitHub) -> None:
    github.pull(6, head_sha=C, base_sha=B, head_repo="mallory/platform", merged_by="bob", merge_commit_sha=D)
    github.pull(5, head_sha=C, base_sha=B, head_repo=None, author="mallory")
    github.comment(7, "Looks good")
    github.comment(7, "A report", "github-actions[bot]")
    github.review(7, "carol", commit=A)
    github.issue("Something is wrong", labels=["envgit"])
    github.rules["main"] = [{"type": "deletion"}, {"type": "non_fast_forward"}]
    github.rulesets = [{"id": 3, "name": "envgit", "rules": [{"type": "deletion"}]}]
    github.environments["envgit"] = {}
    github.policies["envgit"] = ["main"]
    github.environment_secrets["envgit"] = github.secrets = ["SOPS_AGE_KEY"]
    github.variables = github.org_variables = {"ENVGIT_LOG": "main"}
    github.keys = [{"title": "envgit", "key": "ssh-ed25519 AAAA", "read_only": False}]


@pytest.mark.parametrize("path", READS)
def test_every_read_answers_as_github_describes(github: GitHub, ask: Client, path: str) -> None:
    """What a test puts in comes out whole enough for GitHub's own schema."""
    _furnished(github)
    assert ask("GET", REPO + path).status == 200
    assert github.violations == []


def test_every_operation_of_the_description_has_an_answer(github: GitHub, ask: Client) -> None:
    """An operation that refresh.py keeps is one that the stand-in knows."""
    for operation in operations():
        path = re.sub(r"\{(\w+)\}", "1", operation.key.partition(" ")[2].replace("{owner}/{repo}", "acme/platform"))
        ask(operation.method, path, {} if "requestBody" in operation.described else None)
    assert not [text for text in github.violations if "broke" in text or "no operation" in text]
    assert len(github.requests) == len(operations()) == 24


def test_right_writes_are_no_violations(github: GitHub, ask: Client) -> None:
    """Every write that the description allows is done, answered and kept."""
    comment = ask("POST", f"{REPO}/issues/7/comments", {"body": "one"})
    assert comment.status == 201
    assert comment.json["user"]["type"] == "Bot"
    assert ask("PATCH", f"{REPO}/issues/comments/{comment.json['id']}", {"body": "two"}).status == 200
    assert [each["body"] for each in github.comments[7]] == ["two"]
    issue = ask("POST", f"{REPO}/issues", {"title": "T", "body": "B", "labels": ["envgit"]})
    assert issue.status == 201
    closed = ask("PATCH", f"{REPO}/issues/{issue.json['number']}", {"state": "closed", "state_reason": "completed"})
    assert closed.json["closed_at"]
    branches = {"protected_branches": False, "custom_branch_policies": True}
    environment = ask("PUT", f"{REPO}/environments/envgit", {"deployment_branch_policy": branches})
    assert environment.json["protection_rules"][0]["type"] == "branch_policy"
    policies = f"{REPO}/environments/envgit/deployment-branch-policies"
    assert [ask("POST", policies, {"name": "main"}).status for _time in range(2)] == [200, 303]
    assert github.violations == []


def test_a_ruleset_made_gives_its_branches_rules(github: GitHub, ask: Client) -> None:
    """A ruleset's rules hold for the branches it names; the list of rulesets leaves them out; a name is taken once."""
    named = {"ref_name": {"include": ["refs/heads/envgit"], "exclude": []}}
    ruleset = {"name": "envgit", "enforcement": "active", "conditions": named, "rules": [{"type": "deletion"}]}
    assert ask("POST", f"{REPO}/rulesets", ruleset).status == 201
    assert [rule["type"] for rule in ask("GET", f"{REPO}/rules/branches/envgit").json] == ["deletion"]
    assert ask("GET", f"{REPO}/rules/branches/main").json == []
    assert "rules" not in ask("GET", f"{REPO}/rulesets").json[0]
    assert ask("POST", f"{REPO}/rulesets", ruleset).json["errors"] == ["Name must be unique"]
    assert github.violations == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "/issues/7/comments", {"text": "x"}, 422, "'body' is a required property"),
        ("POST", "/issues/7/comments", {"body": 1}, 422, "1 is not of type 'string'"),
        ("POST", "/issues/7/comments", {"body": "x", "pinned": True}, 201, "pinned is not one of GitHub's"),
        ("POST", "/issues/7/comments", b"{", 400, "the body is no JSON"),
        ("POST", "/issues/7/comments", None, 422, "a body is missing"),
        ("POST", "/rulesets", {"name": "x", "enforcement": "on"}, 422, "'on' is not one of"),
        ("GET", "/issues/seven/comments", None, 404, "parameter issue_number"),
        ("GET", "/pulls?state=merged", None, 200, "parameter state"),
        ("GET", "/pulls?sha=x", None, 200, "sha is not one of GitHub's"),
        ("GET", "/pulls?per_page=500", None, 200, "GitHub gives 100 at most"),
        ("GET", "/pulls/7", {"body": "x"}, 200, "a body where none belongs"),
        ("DELETE", "/issues/comments/1", None, 404, "no operation that is known"),
        ("GET", "/issue/7", None, 404, "no operation that is known"),
    ],
)
def test_a_wrong_request_is_a_violation(
    github: GitHub, ask: Client, method: str, path: str, body: Any, status: int, told: str
) -> None:
    """What the description does not allow is noted, and answered as GitHub would."""
    assert ask(method, REPO + path, body).status == status
    assert told in "\n".join(github.violations)


def test_a_wrong_answer_is_a_violation(github: GitHub, ask: Client) -> None:
    """A test that puts in what GitHub would never answer learns of it."""
    github.pulls[7]["state"] = "merged"
    ask("GET", f"{REPO}/pulls/7")
    assert github.violations == [
        "GET /repos/{owner}/{repo}/pulls/{pull_number}: answer 200: $.state: 'merged' is not one of ['open', 'closed']"
    ]


@pytest.mark.parametrize(("version", "status"), [("2022-11-28", 200), ("2026-03-10", 400)])
def test_only_the_version_that_is_described_is_served(github: GitHub, ask: Client, version: str, status: int) -> None:
    """The version after the one described leaves fields out: who asks for it is not held to the wrong schema."""
    assert ask("GET", f"{REPO}/pulls/7", X_GitHub_Api_Version=version).status == status
    assert bool(github.violations) == (status == 400)


def test_who_asks_is_asked_for_a_token(github: GitHub, ask: Client) -> None:
    """A wrong token is 401; without one a private repository is not there, and another repository never is."""
    assert ask("GET", REPO, token="ghs_other").json["message"] == "Bad credentials"
    assert ask("GET", REPO, token="").status == 404
    assert ask("GET", "/user", token="").status == 401
    assert ask("GET", "/repos/acme/other").status == 404
    assert github.violations == []


def test_who_says_not_what_it_is_is_refused(github: GitHub) -> None:
    """A request without a User-Agent is GitHub's oldest refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", int(github.url.rpartition(":")[2]))
    connection.request("GET", REPO, headers={"Authorization": "Bearer ghs_test"})
    assert connection.getresponse().status == 403
    connection.close()
    assert github.violations == [f"GET {REPO}: no User-Agent, which GitHub asks for"]


def test_a_workflow_learns_its_name_from_graphql_alone(github: GitHub, ask: Client) -> None:
    """The token of an installation may not read /user, and viewer answers it; a person's token reads both."""
    query = {"query": "query { viewer { login } }"}
    assert ask("GET", "/user").json["message"] == "Resource not accessible by integration"
    assert ask("POST", "/graphql", query).json == {"data": {"viewer": {"login": "github-actions[bot]"}}}
    github.login = "alice"
    assert ask("GET", "/user").json["login"] == "alice"
    assert github.violations == []
    ask("POST", "/graphql", {"query": "{ repository { id } }"})
    assert len(github.violations) == 1


def test_pages_are_followed_by_their_links(github: GitHub, ask: Client) -> None:
    """A client that follows `next` sees each once; the links name the repository by its number, as GitHub's do."""
    for index in range(65):
        github.comment(7, str(index))
    seen, address = [], f"{REPO}/issues/7/comments"
    while address:
        got = ask("GET", address)
        seen.append(len(got.json))
        links = {name: url for url, name in re.findall(r'<([^>]+)>; rel="(\w+)"', got.headers.get("Link", ""))}
        assert set(links) == [{"next", "last"}, {"prev", "next", "last", "first"}, {"prev", "first"}][len(seen) - 1]
        address = links.get("next", "")
        assert not address or address.startswith(f"{github.url}/repositories/")
    assert seen == [30, 30, 5]
    assert len(ask("GET", f"{REPO}/issues/7/comments?per_page=100").json) == 65
    assert "Link" not in ask("GET", f"{REPO}/issues/7/comments?per_page=100").headers
    assert {request.path for request in github.requests} == {f"{REPO}/issues/7/comments"}
    assert github.violations == []


def test_counted_lists_page_too(github: GitHub, ask: Client) -> None:
    """Variables come ten at a time with their count beside them."""
    github.variables = {f"V{index}": "x" for index in range(12)}
    got = ask("GET", f"{REPO}/actions/variables").json
    assert (got["total_count"], len(got["variables"])) == (12, 10)
    assert len(ask("GET", f"{REPO}/actions/variables?page=2").json["variables"]) == 2


@pytest.mark.parametrize(("length", "status"), [(LONGEST_BODY, 201), (LONGEST_BODY + 1, 422)])
def test_a_comment_has_a_longest(github: GitHub, ask: Client, length: int, status: int) -> None:
    """GitHub counts characters, and refuses the one too many."""
    got = ask("POST", f"{REPO}/issues/7/comments", {"body": "é" * length})
    assert got.status == status
    assert status == 201 or "too long (maximum is 65536 characters)" in got.json["errors"][0]["message"]
    assert len(github.comments.get(7, [])) == (status == 201)
    assert github.violations == []


def test_comments_of_others_stay(github: GitHub, ask: Client) -> None:
    """Another's comment is not changed, and one that is not there is not found; nor is a number that nothing has."""
    comment = github.comment(7, "mine", "alice")
    assert ask("PATCH", f"{REPO}/issues/comments/{comment['id']}", {"body": "yours"}).status == 403
    assert ask("PATCH", f"{REPO}/issues/comments/1", {"body": "yours"}).status == 404
    assert ask("POST", f"{REPO}/issues/99/comments", {"body": "x"}).status == 404
    assert github.comments[7][0]["body"] == "mine"
    assert github.violations == []


def test_a_pull_request_is_found_by_its_commits(github: GitHub, ask: Client) -> None:
    """Head, merge and the commits named lead to it; lists leave out who merged it; issues have it among them."""
    github.pull(8, head_sha=C, base_sha=B, merged_by="bob", merge_commit_sha=D, commits=["e" * 40])
    for sha in (C, D, "e" * 40):
        (found,) = ask("GET", f"{REPO}/commits/{sha}/pulls").json
        assert found["number"] == 8
        assert "merged_by" not in found
        assert found["merged_at"]
    assert ask("GET", f"{REPO}/commits/{'9' * 40}/pulls").json == []
    assert ask("GET", f"{REPO}/pulls/8").json["merged_by"]["login"] == "bob"
    assert [pull["number"] for pull in ask("GET", f"{REPO}/pulls").json] == [7]
    assert [pull["number"] for pull in ask("GET", f"{REPO}/pulls?head=acme:feature&state=all").json] == [8, 7]
    assert "pull_request" in ask("GET", f"{REPO}/issues").json[0]
    assert github.violations == []


@pytest.mark.parametrize("status", [403, 404, 422, 429, 500, 502, 503])
def test_it_fails_as_often_as_it_is_told(github: GitHub, ask: Client, status: int) -> None:
    """A fault hits what matches it, a number of times; nothing is done meanwhile."""
    github.fail("POST", r"/comments$", status, times=2, headers={"Retry-After": "1"})
    assert ask("GET", f"{REPO}/issues/7/comments").status == 200
    got = [ask("POST", f"{REPO}/issues/7/comments", {"body": "x"}) for _time in range(3)]
    assert [each.status for each in got] == [status, status, 201]
    assert got[0].headers["Retry-After"] == "1"
    assert len(github.comments[7]) == 1
    assert github.violations == []


def test_it_may_do_what_it_says_it_did_not(github: GitHub, ask: Client) -> None:
    """A write may have happened although its answer was an error or was lost."""
    github.fail("POST", "/comments", 502, done=True)
    github.drop("/comments", done=True)
    assert ask("POST", f"{REPO}/issues/7/comments", {"body": "x"}).headers["Content-Type"] == "text/html"
    with pytest.raises(http.client.RemoteDisconnected):
        ask("POST", f"{REPO}/issues/7/comments", {"body": "x"})
    assert len(github.comments[7]) == 2


def test_limits_are_told_as_github_tells_them(github: GitHub, ask: Client) -> None:
    """The second limit says how long to wait, and the first when there are requests again."""
    github.secondary_limit("POST", "/comments", retry_after=3)
    github.primary_limit("POST", "/comments", reset=1795176000)
    second = ask("POST", f"{REPO}/issues/7/comments", {"body": "x"})
    assert (second.status, second.headers["Retry-After"]) == (403, "3")
    assert "secondary rate limit" in second.json["message"]
    first = ask("POST", f"{REPO}/issues/7/comments", {"body": "x"})
    assert (first.headers["X-RateLimit-Remaining"], first.headers["X-RateLimit-Reset"]) == ("0", "1795176000")


def test_what_is_forbidden_stays_so(github: GitHub, ask: Client) -> None:
    """A permission that a workflow has not got does not come with trying."""
    github.forbid("*", "/environments/")
    got = [ask("GET", f"{REPO}/environments/envgit") for _time in range(3)]
    assert [each.json["message"] for each in got] == ["Resource not accessible by integration"] * 3


def test_answers_may_be_broken_late_or_lost(github: GitHub, ask: Client) -> None:
    """A body that is no JSON, a wait and a closed connection come once each, and then the answer does."""
    github.malform("/pulls/7$")
    github.stall("/pulls/7$", 0.2)
    github.drop("/pulls/7$")
    with pytest.raises(ValueError, match="Unterminated"):
        ask("GET", f"{REPO}/pulls/7").json  # noqa: B018
    begun = time.monotonic()
    assert ask("GET", f"{REPO}/pulls/7").json["number"] == 7
    assert time.monotonic() - begun > 0.19
    with pytest.raises(http.client.RemoteDisconnected):
        ask("GET", f"{REPO}/pulls/7")
    assert ask("GET", f"{REPO}/pulls/7").status == 200


def test_closing_does_not_wait_for_what_is_stalled(ask: Client) -> None:
    """A stalled answer does not hold up the end of a test."""
    running = GitHub()
    running.stall(".", 60)
    connection = http.client.HTTPConnection("127.0.0.1", int(running.url.rpartition(":")[2]))
    connection.request("GET", "/user")
    while not running.requests:
        time.sleep(0.01)
    begun = time.monotonic()
    running.close()
    connection.close()
    assert time.monotonic() - begun < 5


def test_requests_can_be_searched_for_a_value(github: GitHub, ask: Client) -> None:
    """A value is found in an address, a header or a body, however it is escaped there."""
    value = 'pä"ß word'
    ask("POST", f"{REPO}/issues/7/comments", {"body": f"see {value}"})
    ask("GET", f"{REPO}/rules/branches/p%C3%A4%22%C3%9F%20word")
    ask("GET", REPO, X_Note="word")
    assert [request.method for request in github.mentions(value)] == ["POST", "GET"]
    assert len(github.mentions("word")) == 3
    assert github.mentions("nothing of the kind") == []
    assert len(github.asked("POST", "comments$")) == 1


@pytest.mark.parametrize("head_repo", ["acme/platform", "mallory/platform", None])
@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "closed"])
def test_events_of_pull_requests_are_as_described(action: str, head_repo: str | None) -> None:
    """From a branch, a fork or a fork that is gone."""
    merged = {"merged": True, "merge_commit_sha": C} if action == "closed" else {}
    payload = events.pull_request(7, action, B, A, head_repo=head_repo, **merged)
    assert events.violation(f"pull-request-{action}", payload) == ""
    assert payload["pull_request"]["merged"] == (action == "closed")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("push", events.push(A, B)),
        ("push", events.push(events.NOBODY, B, ref="refs/heads/new", pusher="bob")),
        ("push", events.push(A, B, deleted=True)),
        ("push", events.push(A, B, forced=True)),
        ("merge-group-checks-requested", events.merge_group(B, A)),
        ("workflow-run-completed", events.workflow_run(A, "feature", "acme/platform", pull_requests=[7])),
        ("workflow-run-completed", events.workflow_run(A, "feature", "mallory/platform", conclusion="failure")),
        ("workflow-dispatch", events.workflow_dispatch({"pull-request": "7"})),
        ("workflow-dispatch", events.workflow_dispatch()),
    ],
)
def test_events_are_as_described(name: str, payload: dict[str, Any]) -> None:
    """Every other event that GitHub describes."""
    assert events.violation(name, payload) == ""


def test_a_wrong_event_is_seen() -> None:
    """The check of events can fail."""
    payload = events.push(A, B)
    payload["after"] = None
    assert "$.after" in events.violation("push", payload)


def test_both_descriptions_are_of_one_version() -> None:
    """One run of refresh.py wrote both."""
    assert description()["source"] == events.description()["source"]
    assert events.schedule()["schedule"]
