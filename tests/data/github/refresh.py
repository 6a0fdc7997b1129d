"""Fetch GitHub's own description of its API anew, and keep of it what tests/kit/github.py and tests/kit/events.py need.

    python tests/data/github/refresh.py [VERSION]

`npm pack` gets the package: nothing of it is run, and npm's own settings say where it comes from. What is written is
plain JSON Schema (2020-12), without prose, sorted, one key a line: what GitHub changed can be read in a diff.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGE = "@octokit/openapi"
MEMBER = "package/generated/api.github.com.json"
REPO = "/repos/{owner}/{repo}"

OPERATIONS = {
    "/user": ["get"],
    REPO: ["get"],
    f"{REPO}/actions/organization-variables": ["get"],
    f"{REPO}/actions/secrets": ["get"],
    f"{REPO}/actions/variables": ["get"],
    f"{REPO}/commits/{{commit_sha}}/pulls": ["get"],
    f"{REPO}/environments/{{environment_name}}": ["get", "put"],
    f"{REPO}/environments/{{environment_name}}/deployment-branch-policies": ["get", "post"],
    f"{REPO}/environments/{{environment_name}}/secrets": ["get"],
    f"{REPO}/issues": ["get", "post"],
    f"{REPO}/issues/comments/{{comment_id}}": ["patch"],
    f"{REPO}/issues/{{issue_number}}": ["patch"],
    f"{REPO}/issues/{{issue_number}}/comments": ["get", "post"],
    f"{REPO}/keys": ["get"],
    f"{REPO}/pulls": ["get"],
    f"{REPO}/pulls/{{pull_number}}": ["get"],
    f"{REPO}/pulls/{{pull_number}}/reviews": ["get"],
    f"{REPO}/rules/branches/{{branch}}": ["get"],
    f"{REPO}/rulesets": ["get", "post"],
}
WEBHOOKS = [
    "merge-group-checks-requested",
    "pull-request-closed",
    "pull-request-opened",
    "pull-request-reopened",
    "pull-request-synchronize",
    "push",
    "workflow-dispatch",
    "workflow-run-completed",
]

# Prose, and what JSON Schema has no meaning for.
DROPPED = {"deprecated", "description", "example", "examples", "externalDocs", "nullable", "readOnly", "title"}
ONE = {"items", "additionalProperties", "not"}
MANY = {"allOf", "anyOf", "oneOf"}

Json = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Write the files of this folder, for the newest version or the one named."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = PACKAGE + (f"@{arguments[0]}" if arguments else "")
        subprocess.run(["npm", "pack", wanted, "--silent"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            api = json.loads(_member(package, MEMBER))
            version = json.loads(_member(package, "package/package.json"))["version"]
            licence = _member(package, "package/LICENSE")
    (HERE / "LICENSE").write_bytes(licence)
    source = {"package": PACKAGE, "version": version, "licence": "MIT: LICENSE in this folder"}
    _write("openapi.json", _kept(api, source, {"operations": _operations(api)}))
    hooks = {name: plain(_body(api["x-webhooks"][name]["post"])) for name in WEBHOOKS}
    _write("webhooks.json", _kept(api, source, {"webhooks": hooks}))
    return 0


def plain(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, prose goes."""
    if not isinstance(schema, dict):
        return schema
    made: Json = {}
    for key, value in schema.items():
        if key in DROPPED or key.startswith("x-"):
            continue
        if key == "properties":
            # These are names of GitHub's fields, `description` and `title` among them.
            made[key] = {name: plain(value[name]) for name in value}
        elif key in ONE:
            made[key] = plain(value)
        elif key in MANY:
            made[key] = [plain(each) for each in value]
        elif key == "$ref":
            made[key] = _pointer(value)
        else:
            made[key] = value
    return _nullable(made) if schema.get("nullable") else made


def _nullable(schema: Json) -> Json:
    if set(schema) & (MANY | {"$ref"}):
        return {"anyOf": [schema, {"type": "null"}]}
    if "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema


def _pointer(reference: str) -> str:
    assert reference.startswith("#/components/schemas/"), reference
    return reference


def _operations(api: Json) -> Json:
    return {
        f"{method.upper()} {path}": _operation(api, api["paths"][path], method)
        for path, methods in OPERATIONS.items()
        for method in methods
    }


def _operation(api: Json, path: Json, method: str) -> Json:
    operation = path[method]
    made: Json = {"operationId": operation["operationId"], "parameters": [], "responses": {}}
    for given in [*path.get("parameters", []), *operation.get("parameters", [])]:
        parameter = _resolved(api, given)
        kept = {"name": parameter["name"], "in": parameter["in"], "schema": plain(parameter["schema"])}
        made["parameters"].append({**kept, "required": parameter.get("required", False)})
    if "requestBody" in operation:
        made["requestBody"] = {
            "required": operation["requestBody"].get("required", False),
            "schema": plain(_body(operation)),
        }
    for status, given in operation["responses"].items():
        content = _resolved(api, given).get("content", {})
        # None: an answer without a body.
        made["responses"][status] = plain(content["application/json"]["schema"]) if content else None
    return made


def _body(operation: Json) -> Json:
    schema: Json = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def _resolved(api: Json, node: Json) -> Json:
    while "$ref" in node:
        target: Any = api
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _kept(api: Json, source: Json, made: Json) -> Json:
    """Return a document with every schema that it names, and that those name."""
    schemas: Json = {}
    open_ends = list(_names(made))
    while open_ends:
        name = open_ends.pop()
        if name not in schemas:
            schemas[name] = plain(api["components"]["schemas"][name])
            open_ends.extend(_names(schemas[name]))
    return {"source": source, "components": {"schemas": schemas}, **made}


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for value in node.values():
            yield from _names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _names(value)


def _member(package: tarfile.TarFile, name: str) -> bytes:
    opened = package.extractfile(name)
    assert opened is not None, name
    return opened.read()


def _write(name: str, document: Json) -> None:
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (HERE / name).write_text(text, encoding="utf-8")
    print(f"{name}: {len(text.encode()):,} bytes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
