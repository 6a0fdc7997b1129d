"""Own `envgit signers`: who may sign, and the roots' decisions on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from envgit import ui
from envgit.audit.entry import Signer, Signers
from envgit.audit.sshsig import line_fingerprint
from envgit.commands.options import as_json, session
from envgit.errors import UsageError
from envgit.escape import terminal
from envgit.log import roots
from envgit.log.branch import Log
from envgit.log.recording import check_sound
from envgit.log.roots import Proposal
from envgit.log.session import Session
from envgit.log.signer import KINDS
from envgit.views.log import configured
from envgit.words import count


def _deciding(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--push", is_flag=True, help="Begin from the remote's log, and push."),
        click.option(
            "-o", "--output", metavar="FILE", default="", help="Write the proposal here, for the next root to approve."
        ),
        click.option(
            "--root-key",
            "root_keys",
            metavar="FILE",
            multiple=True,
            help="A root's key, or the .pub of one in an agent; else git's signing key and ~/.ssh are looked at.",
        ),
    ):
        command = option(command)
    return command


@click.group("signers", invoke_without_command=True, short_help="who may sign: list, add, revoke; what roots approve")
@as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> int | None:
    """List who may sign entries, and who decides on that. A change of it is an entry that the roots approve, one vote a person.

    Roots sign with their own SSH keys, by ssh-keygen: agents and hardware keys work.
    """
    if ctx.invoked_subcommand is not None:
        return None
    log = session(ctx).require_log()
    if as_json:
        ui.document(_document(log))
    else:
        ui.out(_lines(log))
    return 0


@command.command("add")
@click.argument("key")
@click.option("--root", is_flag=True, help="A person's key, which may change who signs; else one that signs entries.")
@click.option("--name", default="", help="Whose it is; the key's comment where left out.")
@click.option("--email", default="", help="The address that the signer's commits have.")
@click.option("--threshold", type=int, help="How many persons have to approve from then on.")
@_deciding
@click.pass_context
def add(ctx: click.Context, /, key: str, root: bool, name: str, email: str, threshold: int | None, **how: Any) -> int:
    """Add KEY, a public key's file or its line: a signer, or with --root a root."""
    run = session(ctx)
    log = run.require_log()
    line, comment = roots.key_of(key)
    if not (name or comment):
        raise UsageError("the key has no comment: say whose it is with --name")
    if root:
        return _decided(run, log, roots.with_root(log, line, name or comment, threshold), **how)
    return _decided(run, log, roots.with_signer(log, line, name or comment, email), **how)


@command.command("revoke")
@click.argument("key")
@click.option(
    "--from", "since", type=int, help="The first entry for which it is no good: the next one, or one in the past."
)
@click.option(
    "--reapprove-to",
    type=int,
    metavar="N",
    help="Of those in the past, entries before N stand: the roots looked at them.",
)
@click.option("--threshold", type=int, help="How many persons have to approve from then on.")
@_deciding
@click.pass_context
def revoke(
    ctx: click.Context, /, key: str, since: int | None, reapprove_to: int | None, threshold: int | None, **how: Any
) -> int:
    """Revoke KEY, by its name, fingerprint, line or file: a signer's from an entry on, or a root's."""
    run = session(ctx)
    log = run.require_log()
    line = _line(log.state.signers, key)
    if any(root.key == line for root in log.state.signers.roots):
        if since is not None or reapprove_to is not None:
            raise UsageError("a root goes at once: --from and --reapprove-to are for signers")
        return _decided(run, log, roots.without_root(log, line, threshold), **how)
    return _decided(run, log, roots.without_signer(run, log, line, since, reapprove_to), **how)


@command.command("approve")
@click.argument("proposal", required=False)
@_deciding
@click.pass_context
def approve(ctx: click.Context, /, proposal: str | None, **how: Any) -> int:
    """Approve a PROPOSAL, a file; without one the configuration that waits in the log. With all approvals it is appended."""
    run = session(ctx)
    log = run.require_log()
    found = roots.read_proposal(proposal) if proposal else roots.pending(log)
    roots.checked(log, found)
    ui.say(f"this is what you approve: {_told(log, found)}")
    return _decided(run, log, found, **how)


def _decided(run: Session, log: Log, proposal: Proposal, *, push: bool, output: str, root_keys: tuple[str, ...]) -> int:
    """Gather the approvals that are to be had here; append where they are all, else hand the proposal on."""
    check_sound(run, log)  # before anybody signs anything
    found = roots.approved(run, log, proposal, root_keys)
    if lacking := found.lacks(log):
        path = Path(output or "envgit-proposal.json")
        try:
            path.write_text(found.text(), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
        ui.error(f"approved by {lacking}; {path} goes to the next root: envgit signers approve {path}")
        return 4
    told = _told(log, found)  # afterwards the log is another
    done = roots.applied(run, found, push=push)
    for warning in done.warnings:
        ui.say(f"warning: {warning}")
    where = " and pushed" if done.pushed else ""
    ui.out(f"{told}: entry {done.entries - 1}{where}")
    return 0


def _told(log: Log, proposal: Proposal) -> str:
    """Return in one line what a proposal does."""
    if proposal.config is not None:
        return f"the configuration of entry {proposal.of} comes into force: {configured(proposal.config)}"
    if proposal.signers is None:
        return "nothing"
    return f"key set, version {proposal.signers.version}: " + ", ".join(
        _differences(log.state.signers, proposal.signers)
    )


def _differences(old: Signers, new: Signers) -> Iterator[str]:
    known = {signer.key: signer for signer in old.signers}
    for signer in new.signers:
        was = known.get(signer.key)
        if was is None:
            yield f"signer {_named(signer.name, signer.key)} from entry {signer.from_} on"
            if signer.kinds != KINDS:
                yield f"for {terminal(', '.join(signer.kinds))}"
            continue
        if was.until != signer.until:
            yield f"{_named(signer.name, signer.key)} revoked from entry {signer.until} on"
        if was._replace(until=None) != signer._replace(until=None):
            yield f"{_named(was.name, was.key)} becomes {terminal(f'{signer.name} <{signer.email}> for')} {terminal(', '.join(signer.kinds))}"
    for span in new.reapproved[len(old.reapproved) :]:
        yield f"entries {span.from_} to {span.size - 1} reapproved"
    yield from (f"root {_named(root.name, root.key)} added" for root in new.roots if root not in old.roots)
    yield from (f"root {_named(root.name, root.key)} gone" for root in old.roots if root not in new.roots)
    if old.threshold != new.threshold:
        yield f"{count(new.threshold, 'person')} to approve, {old.threshold} before"


def _named(name: str, key: str) -> str:
    return f"{terminal(name)} ({line_fingerprint(key)})"


def _line(signers: Signers, text: str) -> str:
    """Return the one key that a person means; raise UsageError where it is none, or several."""
    everybody = [(one.name, one.key) for one in signers.signers] + [(one.name, one.key) for one in signers.roots]
    found = {key for name, key in everybody if text in (name, key, line_fingerprint(key))}
    if not found and Path(text).is_file():
        line = roots.key_of(text)[0]
        found = {key for _name, key in everybody if key == line}
    if len(found) != 1:
        several = "several keys are" if found else "no key here is"
        raise UsageError(f"{several} {text[:80]!r}; name it by its fingerprint, as envgit signers shows it")
    return found.pop()


def _lines(log: Log) -> Iterator[str]:
    signers = log.state.signers
    yield f"key set, version {signers.version}; {_threshold(signers)}"
    for signer in signers.signers:
        yield f"signer  {_named(signer.name, signer.key)}  {_range(signer)}: {terminal(', '.join(signer.kinds))}"
    for root in signers.roots:
        yield f"root    {_named(root.name, root.key)}"
    for span in signers.reapproved:
        yield f"entries {span.from_} to {span.size - 1} were reapproved by the roots"
    if (waiting := log.state.record.config_pending) is not None:
        yield f"the configuration of entry {waiting} waits for the roots: envgit signers approve"


def _threshold(signers: Signers) -> str:
    if not signers.threshold:
        return "no root decides: whoever holds a signing key may change it"
    return f"{count(signers.threshold, 'person')} of {len({root.name for root in signers.roots})} approve a change"


def _range(signer: Signer) -> str:
    end = f" to {signer.until - 1}, revoked" if signer.until is not None else " on"
    return f"from entry {signer.from_}{end}"


def _document(log: Log) -> dict[str, object]:
    signers = log.state.signers
    return {
        "schema": "envgit.signers/1",
        "version": signers.version,
        "threshold": signers.threshold,
        "roots": [
            {"name": root.name, "key": root.key, "fingerprint": line_fingerprint(root.key)} for root in signers.roots
        ],
        "signers": [
            {
                "name": one.name,
                "email": one.email,
                "key": one.key,
                "fingerprint": line_fingerprint(one.key),
                "kinds": list(one.kinds),
                "from": one.from_,
                "until": one.until,
            }
            for one in signers.signers
        ],
        "reapproved": [{"from": span.from_, "size": span.size, "root": span.root} for span in signers.reapproved],
        "config_pending": log.state.record.config_pending,
    }
