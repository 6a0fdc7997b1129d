"""Own `init`: what is found in a repository, what is written once, and what is left for people to do.

It asks nothing. A log that stands alone and unpushed may be begun anew; any other is left as it is.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from envgit import config as configuration
from envgit.audit.canonical import FormatError
from envgit.audit.entry import Entry, GenesisSource, Root, Signer, Signers
from envgit.audit.people import clean_email, clean_name
from envgit.audit.sshsig import fingerprint, public_bytes
from envgit.discover import patterns
from envgit.errors import CannotTell, LogError, RepositoryError, UsageError
from envgit.git.lock import locked
from envgit.log.append import Appender, Pen, genesis_entry, this_tool
from envgit.log.branch import locate
from envgit.log.clock import now
from envgit.log.difference import recipient_names
from envgit.log.names import origin_of
from envgit.log.pins import Pin, Pins
from envgit.log.selection import Selection, config_at
from envgit.log.session import Session
from envgit.log.signer import KEY_SETTING, KINDS, SIGNER_EMAIL, key_directory, signing_key
from envgit.log.snapshots import Snapshots
from envgit.log.workflows import reference, wanted, workflow_files
from envgit.model import CommitId, Config, Digest
from envgit.signing import SigningKey
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader

FLUX = ("gotk-sync.yaml", "gotk-components.yaml")
SIGNER_NAME = "envgit"


@dataclass(frozen=True, slots=True)
class Holder:
    """The signing key, where it lies, and whether it was made just now."""

    key: SigningKey
    path: str
    made: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An environment as `init` found it: how many recipients its file names, and whether an identity here opens it."""

    environment: str
    unit: str
    path: str
    recipients: tuple[str, ...]
    opens: bool


@dataclass(frozen=True, slots=True)
class Started:
    """What `init` did: the trust root above all."""

    found: tuple[Found, ...]
    config_path: str
    config_written: bool
    key_path: str
    key_made: bool
    signer: str
    root: str
    genesis: Digest
    branch: str
    audit_branch: str
    origin: str
    remote: str | None
    by_block: bool
    names: Mapping[str, str]
    written: tuple[str, ...] = ()
    workflows: bool = False
    action: str = ""
    warning: str = ""


def start(
    run: Session, *, since: str = "", name: str = "", email: str = "", action: str = "", workflows: bool = True
) -> Started:
    """Set a repository up and begin its log; raise LogError where there is one that must not be replaced.

    `action` is what the workflows use; without `workflows` none are written.
    """
    repo = run.repo
    used = reference(action)
    if repo.is_empty:
        raise RepositoryError("this repository has no commit yet; commit an environment first")
    snapshots = Snapshots(repo, Reader(Keyring.discover(run.environ, run.home)))
    head = repo.resolve("HEAD")
    config, path, written = _config(run, snapshots, head)
    found = tuple(_found(snapshots, config, head))
    if not found:
        raise UsageError(
            f"no environment is at {head[:7]}: no file with a sops block"
            + (f" that {path} names" if config.environments else "; encrypt one with sops and commit it first")
        )
    branch_head = run.source_head(config.branch)
    begin = repo.resolve(since) if since else None
    if begin is not None and not repo.is_ancestor(begin, branch_head):
        raise UsageError(f"{since!r} is not part of {config.branch}: the log can begin only at a commit of it")
    with locked(repo, config.audit_branch):
        replaced = _replaceable(run, config.audit_branch)
        if written is not None and repo.work_dir is not None:
            _write_new(repo.work_dir / path, written)
        added = _workflows(run, config.branch, used) if workflows else ()
        holder = _holder(run)
        root = _root(run)
        pen = Pen(holder.key, now(), this_tool())
        who = (name or SIGNER_NAME, email or SIGNER_EMAIL)
        genesis = _genesis(run, pen, config, root, who, GenesisSource(config.branch, branch_head, begin))
        appender = Appender.begin(genesis, pen, repo, f"refs/heads/{config.audit_branch}")
        appender.flush()
    hash_ = Digest(f"sha256:{appender.leaf.hex()}")
    warning = _remember(run, Pin(hash_, 1, appender.log.state.root.hex(), now()))
    return Started(
        found,
        path,
        written is not None,
        holder.path,
        holder.made,
        fingerprint(public_bytes(holder.key.public_line)),
        fingerprint(public_bytes(root)) if root else "",
        hash_,
        config.branch,
        config.audit_branch,
        genesis.origin,
        run.remote,
        written is not None or not config.environments,
        recipient_names(run),
        added,
        workflows and wanted(run.named) and repo.work_dir is not None,
        used,
        warning or (f"begun anew: the trust root {replaced} is void" if replaced else ""),
    )


def _workflows(run: Session, branch: str, action: str) -> tuple[str, ...]:
    """Write the workflows that are not there yet, where the forge may be GitHub, and return their paths."""
    top = run.repo.work_dir
    if top is None or not wanted(run.named):
        return ()
    fresh = {path: text for path, text in workflow_files(branch, action).items() if not (top / path).exists()}
    for path, text in fresh.items():
        _write_new(top / path, text)
    return tuple(fresh)


def _remember(run: Session, pin: Pin) -> str:
    """Begin the pin of the new log, and return what is to be said where that cannot be done."""
    try:
        Pins(run.environ, run.home, run.named).begin(pin)
    except CannotTell as error:
        return f"begun, but not remembered: {error}"
    return ""


def _config(run: Session, snapshots: Snapshots, head: CommitId) -> tuple[Config, str, str | None]:
    """Return the configuration, its path, and its text where it is still to be written."""
    for path in configuration.PATHS:
        data = run.repo.work_file(path) if run.repo.work_dir else None
        if data is not None:
            return configuration.parse(data, path, run.default_branch, strict=True).config, path, None
    known = config_at(run.repo, head, run.default_branch)
    if known is not None:
        return known, configuration.PATHS[0], None
    tree = run.repo.commit(head).tree
    everything = [entry.path for entry in run.repo.files(tree, lambda _directory: True)]
    whole = Selection(run.repo, snapshots, Config())
    ours = [file.path for files in whole.files(tree).values() for file in files]
    config = Config(environments=patterns(ours, everything), branch=run.default_branch)
    # Flux applies every YAML at a source's root, and stops at one that is no manifest.
    flux = any(path.rsplit("/", 1)[-1] in FLUX for path in everything)
    comments = {"reveal": "names whose values comments and terminals may show, as DEBUG or FEATURE_*"}
    return config, configuration.PATHS[1 if flux else 0], configuration.render(config, comments)


def _found(snapshots: Snapshots, config: Config, head: CommitId) -> list[Found]:
    selection = Selection(snapshots.repo, snapshots, config)
    rows = []
    for (environment, unit), files in sorted(selection.files(snapshots.repo.commit(head).tree).items()):
        if len(files) > 1:
            selection.environments.assign(file.path for file in files)
        snapshot = snapshots.at(head, files[0].path)
        if snapshot is not None:
            rows.append(Found(environment, unit, files[0].path, snapshot.recipients, snapshot.reason is None))
    return rows


def _replaceable(run: Session, audit_branch: str) -> str:
    """Return the trust root of a lone genesis that is begun anew, empty where there is none; refuse any other log."""
    log = locate(run.repo, audit_branch, run.remote)
    if log is None:
        run.check_fetched(audit_branch)
        return ""
    pushed = run.remote and run.repo.ref(f"refs/remotes/{run.remote}/{audit_branch}")
    if log.size > 1 or pushed:
        raise LogError(
            f"{audit_branch} holds a log of {log.size} entries already; envgit record continues it, "
            "envgit init --check says what is left to do"
        )
    return log.genesis


def _write_new(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(text)
    except FileExistsError:
        return
    except OSError as error:
        raise RepositoryError(f"cannot write {path.name}: {error.strerror}") from None


def _holder(run: Session) -> Holder:
    known = signing_key(run)
    if known is not None:
        return Holder(known[0], known[1])
    directory = key_directory(run)
    path = directory / "signing-key"
    key = SigningKey.generate()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(key.to_openssh())
    except FileExistsError:
        raise UsageError(
            f"{path} exists, and this repository does not use it: git config {KEY_SETTING} {path} to use it, or move it away"
        ) from None
    except OSError as error:
        raise RepositoryError(f"cannot write the signing key to {path}: {error.strerror}") from None
    run.repo.set_config(KEY_SETTING, str(path))
    return Holder(key, str(path), made=True)


def _root(run: Session) -> str:
    """Return the public key that stands for a person: git's own signing key where it is an ed25519 SSH key, else ~/.ssh's."""
    candidates = []
    if run.repo.config("gpg.format") == "ssh" and (setting := run.repo.config("user.signingKey")):
        if setting.startswith(("ssh-", "key::")):
            candidates.append(setting.removeprefix("key::"))
        else:
            path = Path(os.path.expanduser(setting))  # noqa: PTH111 -- Path's own raises for an unknown user
            candidates.append(_text(path if path.suffix == ".pub" else path.with_name(path.name + ".pub")))
    candidates.append(_text(run.home / ".ssh" / "id_ed25519.pub"))
    for text in candidates:
        words = text.split()
        line = " ".join(words[:2])
        try:
            public_bytes(line)
        except FormatError:
            continue  # another kind of key, or a broken file
        return line
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _genesis(run: Session, pen: Pen, config: Config, root: str, who: tuple[str, str], source: GenesisSource) -> Entry:
    nonce = secrets.token_hex(16)
    base = origin_of(run.repo, run.remote)
    person = clean_name(run.repo.config("user.name") or "")
    signers = Signers(
        version=1,
        threshold=1 if root else 0,
        roots=(Root(person, root),) if root else (),
        signers=(Signer(clean_name(who[0]), clean_email(who[1]), pen.key.public_line if pen.key else "", KINDS, 0),),
    )
    origin = f"{base}/{config.audit_branch}" if base else f"local/{nonce}"
    return genesis_entry(origin, source, config, pen, nonce=nonce, signers=signers)
