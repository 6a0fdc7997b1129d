"""Stand in for GitHub's REST API on the loopback: each request and answer is held to GitHub's own description.

The description is tests/data/github/openapi.json. What breaks it is not an exception here, where nobody would see
it, but a line in `GitHub.violations`, which a test asserts is empty.
"""

from __future__ import annotations

import json
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

SECONDS = 60
DESCRIPTION = Path(__file__).parents[1] / "data" / "github" / "openapi.json"
LONGEST_BODY = 65_536
MOST_PER_PAGE = 100
# What the description is of. The version after it leaves out fields that this one requires: `merge_commit_sha`.
API_VERSION = "2022-11-28"
DOCUMENTATION = "https://docs.github.com/rest"
# A repository's number: `Link` headers name the repository by it, as GitHub's do.
REPOSITORY = 1296269

NOT_FOR_INTEGRATIONS = "Resource not accessible by integration"
SECONDARY_LIMIT = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to "
    "GitHub Support for help, please include the request ID 0400:2A1B:1F:3C:65."
)
PRIMARY_LIMIT = (
    "API rate limit exceeded for installation ID 1. If you reach out to GitHub Support for help, please include the "
    "request ID 0400:2A1B:1F:3C:65."
)
MESSAGES = {
    400: "Problems parsing JSON",
    401: "Bad credentials",
    403: NOT_FOR_INTEGRATIONS,
    404: "Not Found",
    409: "Conflict",
    410: "This issue was deleted",
    422: "Validation Failed",
    429: SECONDARY_LIMIT,
    500: "Server Error",
    502: "Server Error",
    503: "Service Unavailable",
}

Json = dict[str, Any]


@dataclass
class Request:
    """What a client sent; `path` names the repository by its name even where the client followed a `Link`."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]
    target: str = ""

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    def mentions(self, text: str) -> bool:
        """Tell whether a text is anywhere in the request, escaped as JSON or as an address or not at all."""
        raw = "\n".join(
            [self.target, unquote(self.target), *self.headers.values(), self.body.decode("utf-8", "replace")]
        )
        return text in raw or (bool(self.body) and any(text in each for each in _strings(self.body)))


@dataclass
class Answer:
    """What a client gets: `data` is written as JSON unless it is bytes already."""

    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong with the requests that match, for a number of times (None: always)."""

    method: str
    pattern: str
    times: int | None
    answer: Answer | None = None
    seconds: float = 0
    dropped: bool = False
    done: bool = False


class Refused(Exception):
    """The answer is not what was asked for."""

    def __init__(self, status: int, message: str = "", errors: list[Any] | None = None) -> None:
        told: Json = {"message": message or MESSAGES[status], "documentation_url": DOCUMENTATION, "status": str(status)}
        super().__init__(told["message"])
        self.answer = Answer(status, told if errors is None else {**told, "errors": errors})


# What GitHub describes.


@dataclass(frozen=True)
class Operation:
    """One operation of the description, and what matches its path."""

    key: str
    method: str
    pattern: re.Pattern[str]
    described: Json


@cache
def description() -> Json:
    """The description, read once a run."""
    document: Json = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return document


@cache
def operations() -> tuple[Operation, ...]:
    """The operations; those with fewer parameters in their path come first, as `comments` is no issue's number."""
    made = []
    for key, described in description()["operations"].items():
        method, _space, path = key.partition(" ")
        # A branch may have slashes in its name, and GitHub takes them as they are.
        pattern = re.sub(
            r"\\{(\w+)\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] == 'branch' else '[^/]+'})", re.escape(path)
        )
        made.append(Operation(key, method, re.compile(pattern + r"\Z"), described))
    return tuple(sorted(made, key=lambda each: each.key.count("{")))


@cache
def _registry() -> Any:
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    return Registry().with_resource("urn:github", DRAFT202012.create_resource(description()))


@cache
def _validator(*keys: str) -> Any:
    from jsonschema import Draft202012Validator

    pointer = "/".join(quote(key.replace("~", "~0").replace("/", "~1")) for key in keys)
    # No format checker: GitHub's formats (uri, date-time) say what a text is for, and not what is refused.
    return Draft202012Validator({"$ref": f"urn:github#/{pointer}"}, registry=_registry())


def faults_of(value: Any, *keys: str) -> str:
    """Return what is wrong with a value, by the schema at a place in the description; nothing where it is right."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator(*keys).iter_errors(value))
    return f"{error.json_path}: {error.message[:300]}" if error else ""


def component(name: str, /, **ours: Any) -> Json:
    """Return the smallest object that is a schema's, with fields of our own laid over it."""
    return filled(description(), name, ours)


def filled(document: Json, name: str, ours: Json) -> Json:
    """Return the smallest object that is a schema's of some document, an object even where it may be null."""
    schema = document["components"]["schemas"][name]
    if schema.get("type") == ["object", "null"]:
        schema = {**schema, "type": "object"}
    made: Json = overlaid(smallest(document, schema), ours)
    return made


def smallest(document: Json, schema: Json) -> Any:
    """Return a value that a schema allows, with what it requires and no more."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for many in ("anyOf", "oneOf"):
        if many in schema:
            null = {"type": "null"} in schema[many]
            return None if null else smallest(document, schema[many][0])
    if "allOf" in schema:
        merged: Any = {}
        for each in schema["allOf"]:
            merged = overlaid(merged, smallest(document, each))
        return merged
    if "enum" in schema:
        return schema["enum"][0]
    types = schema.get("type", "object")
    if isinstance(types, list):
        return None
    if types == "object":
        properties = schema.get("properties", {})
        return {name: smallest(document, properties.get(name, {})) for name in schema.get("required", [])}
    text = {"date-time": "2026-11-20T10:00:00Z", "uri": "https://github.com/"}.get(schema.get("format", ""), "text")
    return {"string": text, "integer": 1, "number": 1, "boolean": False, "array": [], "null": None}[types]


def overlaid(under: Any, over: Any) -> Any:
    """Return one value laid over another: objects field by field, anything else whole."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{name: overlaid(under.get(name), value) for name, value in over.items()}}
    return over


# Who and what GitHub writes about.

# An account that is the same everywhere: who a workflow's token writes as.
_KNOWN = {"github-actions[bot]": 41898282}


def number_of(name: str) -> int:
    """Return the number that somebody or something has, the same in every run."""
    return _KNOWN.get(name.lower()) or zlib.crc32(name.lower().encode()) + 1


def user(login: str) -> Json:
    """Return an account as GitHub writes it."""
    bot = login.endswith("[bot]")
    plain = login.removesuffix("[bot]")
    page = f"https://github.com/{'apps/' if bot else ''}{plain}"
    api = f"https://api.github.com/users/{quote(login)}"
    kind = "Bot" if bot else "User"
    made = component("simple-user", login=login, id=number_of(login), type=kind, html_url=page, url=api)
    return {**made, "gravatar_id": "", "user_view_type": "public"}


def app(login: str) -> Json | None:
    """Return the app behind an account, for a `performed_via_github_app`; a person has none."""
    if not login.endswith("[bot]"):
        return None
    slug = login.removesuffix("[bot]")
    identifier = 15368 if slug == "github-actions" else number_of(slug)
    return component("nullable-integration", id=identifier, slug=slug, name=slug, owner=user("github"))


def repository(
    full_name: str, *, default_branch: str = "main", private: bool = True, home: str = "acme/platform"
) -> Json:
    """Return a repository as GitHub writes it; one that is not `home` is a fork of it."""
    owner, _slash, name = full_name.partition("/")
    page = f"https://github.com/{full_name}"
    ours: Json = {
        "id": REPOSITORY if full_name == home else number_of(full_name),
        "name": name,
        "full_name": full_name,
        "owner": user(owner),
        "private": private,
        "visibility": "private" if private else "public",
        "default_branch": default_branch,
        "fork": full_name != home,
        "html_url": page,
        "clone_url": f"{page}.git",
        "url": f"https://api.github.com/repos/{full_name}",
        "permissions": {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True},
    }
    if full_name == home:
        ours["owner"]["type"] = "Organization"
    return {**component("repository"), **component("full-repository"), **ours}


class GitHub:
    """GitHub with one repository: what a test puts into its attributes is what it answers with."""

    def __init__(self, owner: str = "acme", repo: str = "platform") -> None:
        self.owner = owner
        self.repo = repo
        self.token = "ghs_test"
        self.login = "github-actions[bot]"
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.repository = repository(f"{owner}/{repo}", home=f"{owner}/{repo}")
        self.comments: dict[int, list[Json]] = {}
        self.pulls: dict[int, Json] = {}
        self.commits: dict[int, set[str]] = {}
        self.reviews: dict[int, list[Json]] = {}
        self.issues: list[Json] = []
        self.rules: dict[str, list[Json]] = {}
        self.rulesets: list[Json] = []
        self.environments: dict[str, Json] = {}
        self.policies: dict[str, list[Json]] = {}
        self.environment_secrets: dict[str, list[str]] = {}
        self.secrets: list[str] = []
        self.variables: dict[str, str] = {}
        self.org_variables: dict[str, str] = {}
        self.keys: list[Json] = []
        self._faults: list[Fault] = []
        self._ids = iter(range(1001, 1_000_000))
        self._ticks = iter(range(1_000_000))
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self._http.github = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def full_name(self) -> str:
        """The repository's name with its owner's."""
        return f"{self.owner}/{self.repo}"

    def close(self) -> None:
        """Stop serving; what is stalled is let go."""
        self._closing.set()
        self._http.shutdown()
        self._thread.join(SECONDS)
        self._http.server_close()

    def mentions(self, text: str) -> list[Request]:
        """Return the requests that have a text in them anywhere: none of them may have a value."""
        return [request for request in self.requests if request.mentions(text)]

    def asked(self, method: str, pattern: str = "") -> list[Request]:
        """Return the requests of a method whose path matches."""
        return [each for each in self.requests if each.method == method and re.search(pattern, each.path)]

    # What tests put in.

    def comment(self, number: int, body: str, login: str = "alice") -> Json:
        """Write a comment below an issue or a pull request, as somebody."""
        with self._lock:
            made = self._comment(number, body, login)
            self.comments.setdefault(number, []).append(made)
            return made

    def pull(
        self,
        number: int,
        *,
        head_sha: str,
        base_sha: str,
        head_ref: str = "feature",
        head_repo: str | None = "",
        author: str = "alice",
        merged_by: str | None = None,
        merge_commit_sha: str | None = None,
        state: str = "open",
        base_ref: str = "main",
        commits: Iterable[str] = (),
    ) -> Json:
        """Open a pull request, or have one that somebody merged.

        `commits` are others that GitHub finds it by; a `head_repo` of None is a fork that was deleted.
        """
        with self._lock:
            now = self._now()
            closed = state == "closed" or merged_by is not None
            ours: Json = {
                "id": next(self._ids),
                "number": number,
                "title": f"Pull request {number}",
                "body": None,
                "state": "closed" if closed else "open",
                "user": user(author),
                "html_url": f"https://github.com/{self.full_name}/pull/{number}",
                "url": f"{self._api()}/pulls/{number}",
                "issue_url": f"{self._api()}/issues/{number}",
                "head": self._end(self.full_name if head_repo == "" else head_repo, head_ref, head_sha, author),
                "base": self._end(self.full_name, base_ref, base_sha, author),
                "merged": merged_by is not None,
                "merged_by": user(merged_by) if merged_by else None,
                "merged_at": now if merged_by else None,
                "closed_at": now if closed else None,
                "merge_commit_sha": merge_commit_sha,
                "mergeable": None if closed else True,
                "mergeable_state": "unknown" if closed else "clean",
                "draft": False,
                "created_at": now,
                "updated_at": now,
            }
            self.pulls[number] = {**component("pull-request"), **ours}
            self.commits[number] = set(commits)
            return self.pulls[number]

    def review(
        self, number: int, login: str, state: str = "APPROVED", commit: str = "sha", at: str = "2026-11-20T10:00:00Z"
    ) -> Json:
        """Review a pull request, as somebody."""
        with self._lock:
            made = component(
                "pull-request-review",
                id=next(self._ids),
                user=user(login),
                body="",
                state=state,
                commit_id=commit,
                submitted_at=at,
                pull_request_url=f"{self._api()}/pulls/{number}",
                author_association="MEMBER",
            )
            self.reviews.setdefault(number, []).append(made)
            return made

    def issue(
        self, title: str, body: str = "", *, login: str = "alice", labels: Iterable[str] = (), state: str = "open"
    ) -> Json:
        """Open an issue, as somebody."""
        with self._lock:
            taken = [*self.pulls, *self.comments, *(each["number"] for each in self.issues)]
            made = self._issue(max(taken, default=0) + 1, title, body, login)
            made["labels"] = [self._label(name) for name in labels]
            made["state"] = state
            self.issues.append(made)
            return made

    # What goes wrong.

    def fail(
        self,
        method: str,
        pattern: str,
        status: int,
        *,
        times: int | None = 1,
        body: Any = None,
        headers: dict[str, str] | None = None,
        done: bool = False,
    ) -> None:
        """Answer the next requests with a status; `*` is any method; `done`: it happens nevertheless."""
        if body is None and status == 502:
            # What GitHub's front answers when nothing behind it does is a page.
            body, headers = b"<html><title>Unicorn!</title></html>", {"Content-Type": "text/html", **(headers or {})}
        told = Refused(status if status in MESSAGES else 500).answer.data if body is None else body
        answer = Answer(status, told.encode() if isinstance(told, str) else told, headers or {})
        self._faults.append(Fault(method, pattern, times, answer, done=done))

    def forbid(self, method: str, pattern: str, *, times: int | None = None) -> None:
        """Refuse what a workflow's token has no permission for."""
        self.fail(method, pattern, 403, times=times)

    def secondary_limit(self, method: str, pattern: str, *, retry_after: int = 60, times: int | None = 1) -> None:
        """Refuse as GitHub does those who write too fast."""
        body = Refused(403, SECONDARY_LIMIT).answer.data
        self.fail(method, pattern, 403, times=times, body=body, headers={"Retry-After": str(retry_after)})

    def primary_limit(self, method: str, pattern: str, *, reset: int, times: int | None = 1) -> None:
        """Refuse as GitHub does those who have no request left before a time, in seconds since 1970."""
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Used": "1000", "X-RateLimit-Reset": str(reset)}
        self.fail(method, pattern, 403, times=times, body=Refused(403, PRIMARY_LIMIT).answer.data, headers=headers)

    def malform(self, pattern: str, *, times: int | None = 1) -> None:
        """Answer 200 with what is not JSON, though it says that it is."""
        self._faults.append(Fault("*", pattern, times, Answer(200, b'{"id": 1, "body": "cut o')))

    def stall(self, pattern: str, seconds: float, *, times: int | None = 1) -> None:
        """Answer late."""
        self._faults.append(Fault("*", pattern, times, seconds=seconds))

    def drop(self, pattern: str, *, times: int | None = 1, done: bool = False) -> None:
        """Close the connection without an answer; with `done`, what was asked for happens all the same."""
        self._faults.append(Fault("*", pattern, times, dropped=True, done=done))

    # How a request is answered.

    def answer(self, request: Request) -> Answer | None:
        """Return the answer to a request; None is a connection closed without one."""
        with self._lock:
            self.requests.append(request)
            fault = self._fault(request)
            wanted = fault is None or fault.done or fault.seconds
            answered = self._answered(request) if wanted else self._only_checked(request)
        if fault is None:
            return answered
        if fault.seconds:
            self._closing.wait(fault.seconds)
        return None if fault.dropped else fault.answer or answered

    def _fault(self, request: Request) -> Fault | None:
        for fault in self._faults:
            if fault.method in ("*", request.method) and re.search(fault.pattern, request.path):
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                return fault
        return None

    def _only_checked(self, request: Request) -> Answer:
        """Hold a request that fails anyway to the description."""
        operation, parameters = self._operation(request)
        if operation:
            self._check_parameters(operation, parameters, request)
            self._check_body(operation, request)
        return Answer(200)

    def _answered(self, request: Request) -> Answer:
        operation: Operation | None = None
        try:
            self._allowed(request)
            if request.path == "/graphql":
                return self._graphql(request)
            operation, parameters = self._operation(request)
            if operation is None:
                raise Refused(404)
            if not self._check_parameters(operation, parameters, request):
                raise Refused(404)
            wrong = self._check_body(operation, request)
            if wrong:
                raise Refused(*wrong)
            if "owner" in parameters and self._elsewhere(parameters):
                raise Refused(404)
            answer = _ANSWERS[operation.described["operationId"]](self, request, parameters)
        except Refused as refused:
            answer = refused.answer
        # What was answered is as it was then, whatever a test or another request changes.
        answer.data = json.loads(json.dumps(answer.data))
        if operation:
            self._check_answer(operation, answer)
        return answer

    def _allowed(self, request: Request) -> None:
        if not request.headers.get("user-agent"):
            self.violations.append(f"{request.method} {request.path}: no User-Agent, which GitHub asks for")
            raise Refused(403, "Request forbidden by administrative rules.")
        version = request.headers.get("x-github-api-version", API_VERSION)
        if version != API_VERSION:
            self.violations.append(f"{request.method} {request.path}: version {version} of the API is not described")
            raise Refused(400, f"Version {version} is not supported.")
        scheme, _space, given = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            # A private repository is not there for who says not who they are.
            raise Refused(401, "Requires authentication") if request.path in ("/user", "/graphql") else Refused(404)
        if scheme.lower() not in ("bearer", "token") or given != self.token:
            raise Refused(401)

    def _elsewhere(self, parameters: dict[str, str]) -> bool:
        return f"{parameters['owner']}/{parameters['repo']}".lower() != self.full_name.lower()

    def _operation(self, request: Request) -> tuple[Operation | None, dict[str, str]]:
        if request.path == "/graphql":
            return None, {}
        for operation in operations():
            match = operation.pattern.match(request.path) if operation.method == request.method else None
            if match:
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
        self.violations.append(f"{request.method} {request.path}: no operation that is known")
        return None, {}

    def _check_parameters(self, operation: Operation, path: dict[str, str], request: Request) -> bool:
        """Return whether the path's parameters are any; GitHub finds nothing there where they are none."""
        given = {"path": path, "query": request.query}
        known, found = set(), True
        for index, parameter in enumerate(operation.described["parameters"]):
            where, name = parameter["in"], parameter["name"]
            known.add((where, name))
            if name not in given.get(where, {}):
                if parameter["required"] and where in given:
                    self._violation(operation, f"parameter {name} is missing")
                continue
            keys = ("operations", operation.key, "parameters", str(index), "schema")
            wrong = [faults_of(value, *keys) for value in _readings(given[where][name])]
            if all(wrong):
                self._violation(operation, f"parameter {name}: {wrong[0]}")
                found = found and where != "path"
        for name in request.query:
            if ("query", name) not in known:
                self._violation(operation, f"parameter {name} is not one of GitHub's")
        if _whole(request.query.get("per_page"), 1) > MOST_PER_PAGE:
            self._violation(operation, f"parameter per_page: GitHub gives {MOST_PER_PAGE} at most")
        return found

    def _check_body(self, operation: Operation, request: Request) -> tuple[int, str] | None:
        """Return the status and message that GitHub refuses a body with, if it does."""
        described = operation.described.get("requestBody")
        if not described:
            if request.body:
                self._violation(operation, "a body where none belongs")
            return None
        if not request.body:
            if described["required"]:
                self._violation(operation, "a body is missing")
                return 422, "Invalid request.\n\nFor 'links/0/schema', nil is not an object."
            return None
        try:
            body = request.json
        except ValueError:
            self._violation(operation, "the body is no JSON")
            return 400, MESSAGES[400]
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json":
            self._violation(operation, f"the body is said to be {kind or 'nothing'}, and not application/json")
        unknown = set(body) - _known_names(operation.key) if isinstance(body, dict) else ()
        for name in sorted(unknown):
            # GitHub ignores these. Who sends one believes that it does something.
            self._violation(operation, f"body: {name} is not one of GitHub's")
        wrong = faults_of(body, "operations", operation.key, "requestBody", "schema")
        if wrong:
            self._violation(operation, f"body: {wrong}")
            return 422, f"Invalid request.\n\n{wrong}"
        return None

    def _check_answer(self, operation: Operation, answer: Answer) -> None:
        status, data = str(answer.status), as_described(answer.data)
        described = operation.described["responses"]
        if status in described:
            if described[status] is None:
                wrong = "a body where none belongs" if data is not None and answer.status < 400 else ""
            else:
                wrong = faults_of(data, "operations", operation.key, "responses", status)
        elif answer.status >= 400:
            # GitHub gives these everywhere, and describes them in some places.
            wrong = faults_of(data, "components", "schemas", "basic-error")
        else:
            wrong = "a status that GitHub does not describe"
        if wrong:
            self._violation(operation, f"answer {status}: {wrong}")

    def _violation(self, operation: Operation, text: str) -> None:
        self.violations.append(f"{operation.key}: {text}")

    # What the answers are.

    def _graphql(self, request: Request) -> Answer:
        try:
            query = request.json["query"]
        except (ValueError, KeyError, TypeError):
            self.violations.append("POST /graphql: the body has no query")
            raise Refused(400) from None
        if request.method == "POST" and re.fullmatch(
            r"(query\s*\w*)?\s*\{\s*viewer\s*\{\s*login\s*\}\s*\}\s*", query.strip()
        ):
            return Answer(200, {"data": {"viewer": {"login": self.login}}})
        self.violations.append(f"{request.method} /graphql: a query that is not known: {query[:100]}")
        return Answer(200, {"errors": [{"message": "This is not what the stand-in knows"}]})

    def _user(self, request: Request, parameters: dict[str, str]) -> Answer:
        if self.login.endswith("[bot]"):
            raise Refused(403, NOT_FOR_INTEGRATIONS)
        return Answer(200, component("public-user", **user(self.login)))

    def _repository(self, request: Request, parameters: dict[str, str]) -> Answer:
        return Answer(200, self.repository)

    def _list_comments(self, request: Request, parameters: dict[str, str]) -> Answer:
        self._thing(number := int(parameters["issue_number"]))
        since = request.query.get("since", "")
        return self._page(request, [each for each in self.comments.get(number, []) if each["updated_at"] >= since])

    def _add_comment(self, request: Request, parameters: dict[str, str]) -> Answer:
        self._thing(number := int(parameters["issue_number"]))
        self._text(body := request.json["body"], "IssueComment")
        made = self.comment(number, body, self.login)
        return Answer(201, made, {"Location": made["url"]})

    def _change_comment(self, request: Request, parameters: dict[str, str]) -> Answer:
        for comment in (each for below in self.comments.values() for each in below):
            if str(comment["id"]) == parameters["comment_id"]:
                if comment["user"]["login"] != self.login:
                    own = self.login.endswith("[bot]")
                    raise Refused(403, NOT_FOR_INTEGRATIONS if own else "Must have admin rights to Repository.")
                self._text(request.json["body"], "IssueComment")
                comment.update(body=request.json["body"], updated_at=self._now())
                return Answer(200, comment)
        raise Refused(404)

    def _list_pulls(self, request: Request, parameters: dict[str, str]) -> Answer:
        state, head, base = (request.query.get(name) for name in ("state", "head", "base"))
        found = [
            pull
            for pull in self.pulls.values()
            if (state or "open") in (pull["state"], "all")
            and (not base or pull["base"]["ref"] == base)
            # GitHub ignores a head that does not say whose it is.
            and (not head or ":" not in head or pull["head"]["label"] == head)
        ]
        return self._page(request, _simple(_sorted(found, request.query)))

    def _pull(self, request: Request, parameters: dict[str, str]) -> Answer:
        number = int(parameters["pull_number"])
        if number not in self.pulls:
            raise Refused(404)
        return Answer(200, self.pulls[number])

    def _list_reviews(self, request: Request, parameters: dict[str, str]) -> Answer:
        number = int(parameters["pull_number"])
        if number not in self.pulls:
            raise Refused(404)
        return self._page(request, self.reviews.get(number, []))

    def _pulls_of_commit(self, request: Request, parameters: dict[str, str]) -> Answer:
        sha = parameters["commit_sha"]
        if not re.fullmatch(r"[0-9a-f]{4,64}", sha):
            raise Refused(422, f"No commit found for SHA: {sha}")
        found = [
            pull
            for number, pull in self.pulls.items()
            if sha in {pull["head"]["sha"], pull["merge_commit_sha"], *self.commits.get(number, ())}
        ]
        return self._page(request, _simple(found))

    def _list_issues(self, request: Request, parameters: dict[str, str]) -> Answer:
        query = request.query
        labels = {name for name in query.get("labels", "").split(",") if name}
        found = [
            issue
            for issue in [*self.issues, *map(self._issue_of_pull, self.pulls.values())]
            if query.get("state", "open") in (issue["state"], "all")
            and labels <= {label["name"] for label in issue["labels"]}
            and query.get("creator", issue["user"]["login"]) == issue["user"]["login"]
            and issue["updated_at"] >= query.get("since", "")
        ]
        return self._page(request, _sorted(found, query))

    def _add_issue(self, request: Request, parameters: dict[str, str]) -> Answer:
        given = request.json
        if not str(given["title"]).strip():
            raise Refused(422, errors=[{"resource": "Issue", "code": "missing_field", "field": "title"}])
        self._text(given.get("body") or "-", "Issue")
        names = [label if isinstance(label, str) else label["name"] for label in given.get("labels", [])]
        made = self.issue(str(given["title"]), given.get("body"), login=self.login, labels=names)
        return Answer(201, made, {"Location": made["url"]})

    def _change_issue(self, request: Request, parameters: dict[str, str]) -> Answer:
        given = request.json if request.body else {}
        for issue in self.issues:
            if str(issue["number"]) == parameters["issue_number"]:
                self._text(given.get("body") or "-", "Issue")
                issue.update(
                    {name: given[name] for name in ("title", "body", "state", "state_reason") if name in given}
                )
                if "labels" in given:
                    names = [label if isinstance(label, str) else label["name"] for label in given["labels"]]
                    issue["labels"] = [self._label(name) for name in names]
                issue["updated_at"] = self._now()
                issue["closed_at"] = issue["updated_at"] if issue["state"] == "closed" else None
                return Answer(200, issue)
        raise Refused(404)

    def _branch_rules(self, request: Request, parameters: dict[str, str]) -> Answer:
        branch = parameters["branch"]
        about = {"ruleset_source_type": "Repository", "ruleset_source": self.full_name, "ruleset_id": 1}
        found = [{**about, **rule} for rule in self.rules.get(branch, [])]
        for ruleset in map(self._ruleset, self.rulesets):
            if ruleset["enforcement"] == "active" and ruleset["target"] == "branch" and self._covers(ruleset, branch):
                found += [{**about, "ruleset_id": ruleset["id"], **rule} for rule in ruleset.get("rules", [])]
        return self._page(request, found)

    def _covers(self, ruleset: Json, branch: str) -> bool:
        named = (ruleset.get("conditions") or {}).get("ref_name", {})
        patterns = {"~ALL": "refs/heads/*", "~DEFAULT_BRANCH": f"refs/heads/{self.repository['default_branch']}"}

        def matches(side: str) -> bool:
            return any(fnmatchcase(f"refs/heads/{branch}", patterns.get(each, each)) for each in named.get(side, []))

        return matches("include") and not matches("exclude")

    def _list_rulesets(self, request: Request, parameters: dict[str, str]) -> Answer:
        targets = [name for name in request.query.get("targets", "").split(",") if name]
        # A list says which there are; what is in them is in each.
        kept = [
            {name: value for name, value in each.items() if name not in ("rules", "conditions", "bypass_actors")}
            for each in map(self._ruleset, self.rulesets)
            if not targets or each["target"] in targets
        ]
        return self._page(request, kept)

    def _add_ruleset(self, request: Request, parameters: dict[str, str]) -> Answer:
        given = request.json
        if any(each["name"] == given["name"] for each in self.rulesets):
            raise Refused(422, errors=["Name must be unique"])
        now = self._now()
        self.rulesets.append({**given, "id": next(self._ids), "created_at": now, "updated_at": now})
        return Answer(201, self._ruleset(self.rulesets[-1]))

    def _environment(self, request: Request, parameters: dict[str, str]) -> Answer:
        return Answer(200, self._environment_named(parameters["environment_name"]))

    def _put_environment(self, request: Request, parameters: dict[str, str]) -> Answer:
        name = parameters["environment_name"]
        given = (request.json if request.body else None) or {}
        policy = given.get("deployment_branch_policy")
        if policy and policy["protected_branches"] == policy["custom_branch_policies"]:
            raise Refused(422, "protected_branches and custom_branch_policies cannot have the same value")
        rules: list[Json] = []
        if given.get("wait_timer"):
            rules.append({"type": "wait_timer", "wait_timer": given["wait_timer"]})
        if given.get("reviewers"):
            people = [{"type": each["type"], "reviewer": self._reviewer(each)} for each in given["reviewers"]]
            alone = given.get("prevent_self_review", False)
            rules.append({"type": "required_reviewers", "reviewers": people, "prevent_self_review": alone})
        if policy:
            rules.append({"type": "branch_policy"})
        # What a request leaves out goes back to nothing.
        before = self.environments.get(name, {})
        self.environments[name] = {
            **{key: before[key] for key in ("id", "created_at") if key in before},
            "protection_rules": [{"id": next(self._ids), "node_id": "GA_text", **rule} for rule in rules],
            "deployment_branch_policy": policy,
            "updated_at": self._now(),
        }
        return Answer(200, self._environment_named(name))

    def _list_policies(self, request: Request, parameters: dict[str, str]) -> Answer:
        self._environment_named(name := parameters["environment_name"])
        rows = [component("deployment-branch-policy", **self._policy(each)) for each in self.policies.get(name, [])]
        return self._page(request, rows, "branch_policies")

    def _add_policy(self, request: Request, parameters: dict[str, str]) -> Answer:
        environment = self._environment_named(name := parameters["environment_name"])
        if not (environment.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
            raise Refused(404)
        given = request.json
        policy = {"name": given["name"], "type": given.get("type", "branch")}
        for each in map(self._policy, self.policies.get(name, [])):
            if {key: each.get(key, "branch") for key in policy} == policy:
                return Answer(303)
        made = {"id": next(self._ids), "node_id": "GP_text", **policy}
        self.policies.setdefault(name, []).append(made)
        return Answer(200, made)

    def _list_environment_secrets(self, request: Request, parameters: dict[str, str]) -> Answer:
        self._environment_named(name := parameters["environment_name"])
        names = self.environment_secrets.get(name, [])
        return self._page(request, [component("actions-secret", name=each) for each in names], "secrets")

    def _list_secrets(self, request: Request, parameters: dict[str, str]) -> Answer:
        return self._page(request, [component("actions-secret", name=each) for each in self.secrets], "secrets")

    def _list_variables(self, request: Request, parameters: dict[str, str]) -> Answer:
        return self._named_values(request, self.variables)

    def _list_org_variables(self, request: Request, parameters: dict[str, str]) -> Answer:
        return self._named_values(request, self.org_variables)

    def _named_values(self, request: Request, values: dict[str, str]) -> Answer:
        rows = [component("actions-variable", name=name, value=value) for name, value in values.items()]
        # Variables come ten at a time where nothing is said, and everything else thirty.
        return self._page(request, rows, "variables", usual=10)

    def _list_keys(self, request: Request, parameters: dict[str, str]) -> Answer:
        return self._page(request, [component("deploy-key", **key) for key in self.keys])

    # What they are made of.

    def _page(self, request: Request, rows: list[Any], under: str = "", usual: int = 30) -> Answer:
        size = min(max(_whole(request.query.get("per_page"), usual), 1), MOST_PER_PAGE)
        page = max(_whole(request.query.get("page"), 1), 1)
        last = max(-(-len(rows) // size), 1)
        shown = rows[(page - 1) * size : page * size]
        links = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page <= 1:
            links.pop("prev"), links.pop("first")
        if page >= last:
            links.pop("next"), links.pop("last")
        path = f"{self.url}/repositories/{REPOSITORY}{request.path.removeprefix(f'/repos/{self.full_name}')}"
        told = [
            f'<{path}?{urlencode({**request.query, "page": number})}>; rel="{name}"' for name, number in links.items()
        ]
        data = {"total_count": len(rows), under: shown} if under else shown
        return Answer(200, data, {"Link": ", ".join(told)} if told else {})

    def _thing(self, number: int) -> None:
        """Refuse a number that is neither an issue's nor a pull request's."""
        if number not in {*self.pulls, *self.comments, *(each["number"] for each in self.issues)}:
            raise Refused(404)

    def _text(self, body: str, resource: str) -> None:
        told = {"resource": resource, "code": "unprocessable", "field": "data"}
        if len(body) > LONGEST_BODY:
            text = f"Body is too long (maximum is {LONGEST_BODY} characters)"
            raise Refused(422, errors=[{**told, "message": text}])
        if not body.strip():
            raise Refused(422, errors=[{**told, "message": "Body cannot be blank"}])

    def _comment(self, number: int, body: str, login: str) -> Json:
        identifier, now = next(self._ids), self._now()
        return component(
            "issue-comment",
            id=identifier,
            body=body,
            user=user(login),
            created_at=now,
            updated_at=now,
            author_association="NONE" if login.endswith("[bot]") else "MEMBER",
            html_url=f"https://github.com/{self.full_name}/pull/{number}#issuecomment-{identifier}",
            url=f"{self._api()}/issues/comments/{identifier}",
            issue_url=f"{self._api()}/issues/{number}",
            performed_via_github_app=app(login),
        )

    def _issue(self, number: int, title: str, body: str | None, login: str) -> Json:
        now = self._now()
        return component(
            "issue",
            id=next(self._ids),
            number=number,
            title=title,
            body=body,
            user=user(login),
            state="open",
            state_reason=None,
            labels=[],
            created_at=now,
            updated_at=now,
            html_url=f"https://github.com/{self.full_name}/issues/{number}",
            url=f"{self._api()}/issues/{number}",
        )

    def _issue_of_pull(self, pull: Json) -> Json:
        """Return the issue that a pull request is as well: GitHub lists them as one."""
        urls = {name: pull[name] for name in ("url", "html_url", "diff_url", "patch_url")}
        same = ("id", "number", "title", "body", "user", "state", "created_at", "updated_at", "closed_at")
        return component("issue", **{name: pull[name] for name in same}, labels=pull["labels"], pull_request=urls)

    def _label(self, name: str) -> Json:
        about = {"description": None, "color": "ededed", "default": False, "node_id": "LA_text"}
        return {"id": number_of(name), "name": name, "url": f"{self._api()}/labels/{quote(name)}", **about}

    def _end(self, full_name: str | None, ref: str, sha: str, author: str) -> Json:
        owner = full_name.partition("/")[0] if full_name else author
        repo = repository(full_name, home=self.full_name) if full_name else None
        return {"label": f"{owner}:{ref}", "ref": ref, "sha": sha, "repo": repo, "user": user(owner)}

    def _ruleset(self, ruleset: Json) -> Json:
        made: Json = {**component("repository-ruleset"), "enforcement": "active", "source": self.full_name}
        return {**made, "source_type": "Repository", "target": "branch", **ruleset}

    def _environment_named(self, name: str) -> Json:
        if name not in self.environments:
            raise Refused(404)
        ours = {"id": number_of(name), "name": name, "protection_rules": [], "deployment_branch_policy": None}
        page = f"https://github.com/{self.full_name}/deployments/activity_log?environments_filter={quote(name)}"
        ours |= {"html_url": page, "url": f"{self._api()}/environments/{quote(name, '')}"}
        return {**component("environment"), **ours, **self.environments[name]}

    def _policy(self, policy: Json | str) -> Json:
        given = {"name": policy} if isinstance(policy, str) else policy
        return {"id": number_of(given["name"]), "node_id": "GP_text", "type": "branch", **given}

    def _reviewer(self, given: Json) -> Json:
        return {**(user("reviewer") if given["type"] == "User" else component("team")), "id": given["id"]}

    def _api(self) -> str:
        return f"{self.url}/repos/{self.full_name}"

    def _now(self) -> str:
        """The time, a second later whenever it is asked for: the same in every run."""
        at = datetime(2026, 11, 20, 10, tzinfo=UTC) + timedelta(seconds=next(self._ticks))
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")


_ANSWERS: dict[str, Callable[[GitHub, Request, dict[str, str]], Answer]] = {
    "actions/list-environment-secrets": GitHub._list_environment_secrets,
    "actions/list-repo-organization-variables": GitHub._list_org_variables,
    "actions/list-repo-secrets": GitHub._list_secrets,
    "actions/list-repo-variables": GitHub._list_variables,
    "issues/create": GitHub._add_issue,
    "issues/create-comment": GitHub._add_comment,
    "issues/list-comments": GitHub._list_comments,
    "issues/list-for-repo": GitHub._list_issues,
    "issues/update": GitHub._change_issue,
    "issues/update-comment": GitHub._change_comment,
    "pulls/get": GitHub._pull,
    "pulls/list": GitHub._list_pulls,
    "pulls/list-reviews": GitHub._list_reviews,
    "repos/create-deployment-branch-policy": GitHub._add_policy,
    "repos/create-or-update-environment": GitHub._put_environment,
    "repos/create-repo-ruleset": GitHub._add_ruleset,
    "repos/get": GitHub._repository,
    "repos/get-branch-rules": GitHub._branch_rules,
    "repos/get-environment": GitHub._environment,
    "repos/get-repo-rulesets": GitHub._list_rulesets,
    "repos/list-deploy-keys": GitHub._list_keys,
    "repos/list-deployment-branch-policies": GitHub._list_policies,
    "repos/list-pull-requests-associated-with-commit": GitHub._pulls_of_commit,
    "users/get-authenticated": GitHub._user,
}


@cache
def _known_names(key: str) -> frozenset[str]:
    schema = description()["operations"][key]["requestBody"]["schema"]
    return frozenset(_names(schema))


def _names(schema: Json) -> Iterator[str]:
    if "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    yield from schema.get("properties", {})
    for many in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(many, []):
            yield from _names(each)


def _readings(text: str) -> Iterator[Any]:
    """Return what a parameter may mean: addresses have no types."""
    if re.fullmatch(r"-?\d+", text):
        yield int(text)
    if text in ("true", "false"):
        yield text == "true"
    yield text


def as_described(data: Any) -> Any:
    """Return an answer without what GitHub answers although its description knows nothing of it."""
    if isinstance(data, list):
        return [as_described(each) for each in data]
    if not isinstance(data, dict):
        return data
    if any(isinstance(each, str) for each in data.get("errors", [])):
        return {name: value for name, value in data.items() if name != "errors"}
    if isinstance(data.get("head"), dict) and data["head"].get("repo", data) is None:
        # The fork is deleted, and its pull request is still there.
        return {**data, "head": {**data["head"], "repo": data["base"]["repo"]}}
    return data


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"-?\d+", text) else otherwise


def _sorted(rows: list[Json], query: dict[str, str]) -> list[Json]:
    by = {"updated": "updated_at"}.get(query.get("sort", ""), "created_at")
    return sorted(rows, key=lambda each: (each[by], each["number"]), reverse=query.get("direction", "desc") == "desc")


def _simple(pulls: Iterable[Json]) -> list[Json]:
    """Return pull requests as a list has them: without what takes GitHub a look at each."""
    only_alone = ("merged", "merged_by", "mergeable", "mergeable_state", "additions", "deletions", "changed_files")
    return [{name: value for name, value in pull.items() if name not in only_alone} for pull in pulls]


def _strings(body: bytes) -> Iterator[str]:
    try:
        left = [json.loads(body)]
    except ValueError:
        return
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left.extend([*each, *each.values()])
        elif isinstance(each, list):
            left.extend(each)
        else:
            yield str(each)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    github: GitHub

    def handle_error(self, request: Any, client_address: Any) -> None:
        import sys

        error = sys.exc_info()[1]
        # A client that gave up waiting is no failure of ours; anything else must not pass for an answer that was lost.
        if not isinstance(error, ConnectionError | TimeoutError):
            self.github.violations.append(f"the stand-in broke: {error!r}")


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave together: a kept connection waits for the second of two small packets otherwise.
        wbufsize = -1
        timeout = SECONDS

        def do_GET(self) -> None:
            self._answer()

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: requests are kept."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _mark, query = self.path.partition("?")
            path = path.replace(f"/repositories/{REPOSITORY}", f"/repos/{github.full_name}", 1)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = dict(parse_qsl(query, keep_blank_values=True))
            answer = github.answer(Request(self.command, path, asked, body, headers, self.path))
            if answer is None:
                self.close_connection = True
                return
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            data = answer.data if isinstance(answer.data, bytes) else json.dumps(answer.data).encode()
            if answer.data is None:
                data = b""
            self.send_response(answer.status)
            count = len(github.requests)
            usual = {
                "Content-Type": "application/json; charset=utf-8",
                "X-GitHub-Media-Type": "github.v3; format=json",
                "X-GitHub-Request-Id": f"0400:2A1B:{count:X}:3C:65",
                "X-RateLimit-Limit": "1000",
                "X-RateLimit-Remaining": str(max(1000 - count, 0)),
                "X-RateLimit-Used": str(count),
                "X-RateLimit-Reset": "1795176000",
                "X-RateLimit-Resource": "core",
            }
            for name, value in {**usual, **answer.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    return Handler
