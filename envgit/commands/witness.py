"""Own `envgit witness`: what a scheduled job in another owner's repository runs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from envgit import ui
from envgit.commands.options import as_json
from envgit.errors import UsageError
from envgit.escape import terminal
from envgit.log.trust import parse
from envgit.log.witness import Witness, Witnessed, witnessed
from envgit.log.workflows import reference, witness_workflow
from envgit.signing import WITNESS, load
from envgit.words import count


@click.command("witness", short_help="verify another owner's log, and cosign it")
@click.argument("url", required=False)
@click.option("--trust-root", metavar="HASH", default="", help="The log's genesis hash, as its owner told you.")
@click.option("--branch", default="envgit-audit", show_default=True, help="The log's branch.")
@click.option("--store", metavar="DIR", default="logs", show_default=True, help="Where this witness keeps what it saw.")
@click.option("--name", default="", help="What this witness is called: its repository's address, without https://.")
@click.option("--vkey", is_flag=True, help="Print the line for a policy by which others know this witness, and end.")
@click.option("--print-workflow", is_flag=True, help="Print the workflow for the witness's repository, and end.")
@as_json
def command(
    url: str | None,
    trust_root: str,
    branch: str,
    store: str,
    name: str,
    vkey: bool,
    print_workflow: bool,
    as_json: bool,
) -> int:
    """Fetch the log at URL, verify it whole, compare it with what was seen last, and keep the checkpoint, cosigned.

    The witness's key is an ed25519 key of its own, in ENVGIT_WITNESS_KEY or ENVGIT_WITNESS_KEY_FILE. Exit status 1 means that the log is
    not the one that was seen, or not sound: nothing is cosigned then.
    """
    if print_workflow:
        ui.out(witness_workflow(reference("")).rstrip("\n"))
        return 0
    witness = _witness(name)
    if vkey:
        ui.out(f"witness {witness.name.rsplit('/', 1)[-1]} {witness.note_key.vkey}")
        return 0
    if not url:
        raise UsageError("name the log's repository: envgit witness https://github.com/acme/platform --trust-root HASH")
    if not trust_root:
        raise UsageError("--trust-root is needed: a witness that takes any log for the log proves nothing")
    genesis = parse(trust_root, "--trust-root")
    found = witnessed(url, branch, genesis, Path(store), witness, int(datetime.now(UTC).timestamp()))
    if as_json:
        ui.document(_document(found))
    return _said(found, quiet=as_json)


def _document(found: Witnessed) -> dict[str, object]:
    return {
        "schema": "envgit.witness/1",
        "ok": not found.problems and found.newer_from is None,
        "size": found.size,
        "before": found.before,
        "problems": [{"code": str(one.code), "sequence": one.sequence, "detail": one.detail} for one in found.problems],
        "note": str(found.path),
    }


def _said(found: Witnessed, *, quiet: bool) -> int:
    for problem in () if quiet else found.problems:
        ui.say(f"error: {terminal(problem.detail)} [{problem.code}]")
    if found.problems:
        ui.error("not cosigned; tell the log's owner, and keep what is here: docs/runbook.md#forked")
        return 1
    if found.newer_from is not None:
        ui.error(f"not cosigned: needs a newer envgit from entry {found.newer_from}")
        return 4
    if not quiet:
        seen = f"{found.before} were seen before" if found.before is not None else "seen for the first time"
        ui.out(f"{count(found.size, 'entry')} verified, {seen}; cosigned in {found.path}")
    return 0


def _witness(name: str) -> Witness:
    key = load(os.environ, None, WITNESS)
    if key is None:
        raise UsageError("no witness's key: set ENVGIT_WITNESS_KEY; ssh-keygen -t ed25519 -N '' -f FILE makes one")
    called = name or os.environ.get("ENVGIT_WITNESS_NAME", "")
    if not called or any(sign.isspace() or sign == "+" for sign in called):
        raise UsageError("say what this witness is called, without spaces or +: --name github.com/other/witness")
    return Witness(called, key[0])
