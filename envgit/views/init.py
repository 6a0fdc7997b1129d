"""Own what `envgit init` shows: what was found and written, the trust root, and the steps that are left."""

from __future__ import annotations

from collections.abc import Iterator

from envgit.escape import terminal
from envgit.log.setup import Check
from envgit.log.setup_github import ENVIRONMENT
from envgit.log.start import Found, Started
from envgit.log.workflows import pinned
from envgit.views.blame import column
from envgit.words import count, label, recipient

SHOWN_AT_MOST = 30


def document(begun: Started) -> dict[str, object]:
    """Return the document `envgit.init/1`."""
    return {
        "schema": "envgit.init/1",
        "trust_root": begun.genesis,
        "origin": begun.origin,
        "branch": begun.branch,
        "audit_branch": begun.audit_branch,
        "config": begun.config_path,
        "config_written": begun.config_written,
        "signing_key": begun.key_path,
        "signer": begun.signer,
        "root": begun.root or None,
        "workflows": list(begun.written),
        "action": begun.action,
        "environments": [
            {"environment": found.environment, "unit": found.unit, "path": terminal(found.path), "opens": found.opens}
            for found in begun.found
        ],
    }


def lines(begun: Started) -> Iterator[str]:
    """Return the lines of a terminal."""
    yield from _environments(begun)
    yield ""
    for path, what in _written(begun):
        yield f"wrote {path} (not committed): {what}"
    if begun.key_made:
        yield f"signing key  {begun.key_path} (readable by you alone)"
    root = f"root {begun.root} (your SSH key)" if begun.root else "no root: no ed25519 SSH key of yours was found"
    yield f"branch {begun.audit_branch}, entry 0 (genesis); signer {begun.signer}, {root}"
    yield ""
    yield f"trust root  {begun.genesis}"
    yield "  Keep it where this repository cannot change it, such as the team's password manager:"
    yield "  all that verify says rests on it."
    yield ""
    yield from _next(begun)


def _written(begun: Started) -> Iterator[tuple[str, str]]:
    if begun.config_written:
        yield begun.config_path, "what is audited"
    for path in begun.written:
        forks = "forks" in path
        yield (
            path,
            "the same comment for forks and bots"
            if forks
            else "comment on pull requests, record on main, anchor and verify every Monday",
        )


def _environments(begun: Started) -> Iterator[str]:
    names = column((_name(found) for found in begun.found), 40)
    paths = column((terminal(found.path) for found in begun.found), 60)
    yield f"{count(len(begun.found), 'environment file')}, found by {'their sops blocks' if begun.by_block else begun.config_path}"
    for found in begun.found[:SHOWN_AT_MOST]:
        who = ", ".join(recipient(text, begun.names) for text in found.recipients[:3])
        more = f" and {len(found.recipients) - 3} more" if len(found.recipients) > 3 else ""
        opens = "" if found.opens else "; no identity here opens it"
        yield f"  {_name(found):<{names}}  {terminal(found.path):<{paths}}  for {who}{more}, as the file says{opens}"
    if len(begun.found) > SHOWN_AT_MOST:
        yield f"  and {len(begun.found) - SHOWN_AT_MOST} more"


def _name(found: Found) -> str:
    return terminal(label((found.environment, found.unit)))


def _next(begun: Started) -> Iterator[str]:
    yield "next"
    yield "  envgit record                         the past, with your identity: sign an entry for every change so far"
    if added := [path for path, _what in _written(begun)]:
        yield f"  git add {' '.join(added)} && git commit -m 'Audit the environments with envgit'"
    if begun.remote:
        yield f"  git push {begun.remote} {begun.branch} && envgit record --push"
        yield "                                        share the log; protect its branch from deletion and force-pushes"
    yield "  envgit init --check                   looks at all that is to be done, on GitHub too"
    if begun.workflows:
        yield from _on_github(begun)
    yield "worth a thought"
    if begun.root:
        yield "  two roots survive a lost laptop: envgit signers add --root BOB.pub"
    else:
        yield "  without a root, whoever holds the signing key decides who signs: envgit signers add --root YOUR.pub"
    yield "  a witness lets even a first visitor see a rewrite: docs/witness.md"
    if begun.workflows:
        yield "  values compared in pull requests need an identity of their own, never production's: docs/action.md#review-identity"
        yield "  an organisation that demands verified signatures refuses this branch: docs/action.md#verified"


def _on_github(begun: Started) -> Iterator[str]:
    """Return what an administrator does, once, for the workflows to work."""
    yield "on GitHub (gh fills in {owner} and {repo} inside a clone from there)"
    yield f"  gh api -X PUT repos/{{owner}}/{{repo}}/environments/{ENVIRONMENT} \\"
    yield "      -F 'deployment_branch_policy[protected_branches]=false' \\"
    yield "      -F 'deployment_branch_policy[custom_branch_policies]=true'"
    yield f"  gh api -X POST repos/{{owner}}/{{repo}}/environments/{ENVIRONMENT}/deployment-branch-policies -f name={begun.branch}"
    yield f"  gh secret set ENVGIT_SIGNING_KEY --env {ENVIRONMENT} < {begun.key_path}"
    yield "  envgit init --print-ruleset | gh api -X POST repos/{owner}/{repo}/rulesets --input -"
    yield f"  gh variable set ENVGIT_TRUST_ROOT --org ORGANISATION --visibility all --body {begun.genesis}"
    if not pinned(begun.action):
        yield f"  pin the workflows: {begun.action} is a tag, which can be moved; git ls-remote names its commit"


def check_lines(found: list[Check]) -> Iterator[str]:
    """Return a line for each step of the set-up."""
    for step in found:
        mark = {True: "done", False: "todo", None: "  - "}[step.done]
        yield f"{mark}  {step.what}" + (f": {step.hint}" if step.hint and step.done is not True else "")


def check_document(found: list[Check]) -> dict[str, object]:
    """Return the document `envgit.init-check/1`."""
    return {
        "schema": "envgit.init-check/1",
        "steps": [{"step": step.what, "done": step.done, "hint": step.hint} for step in found],
    }
