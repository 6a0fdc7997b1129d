"""Own the log that nobody signed: git history recorded into memory, so that it can be asked like a real one."""

from __future__ import annotations

from envgit import ui
from envgit.audit.entry import GenesisSource
from envgit.log.append import Appender, genesis_entry
from envgit.log.branch import Log
from envgit.log.files import Keys
from envgit.log.record import Recorder
from envgit.log.session import Session, readable_config
from envgit.log.snapshots import Snapshots
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader


def unsigned(run: Session) -> Log:
    """Record the whole history of the source branch into memory and return it as a log without a ref."""
    config = readable_config(run)
    head = run.source_head(config.branch)
    keyring = Keyring.discover(run.environ, run.home)
    snapshots = Snapshots(run.repo, Reader(keyring))
    source = GenesisSource(config.branch, head, None)
    appender = Appender.in_memory(genesis_entry(f"local/{run.named}", source, config, nonce="", recorded_at="1970-01-01T00:00:00Z"))
    recorder = Recorder(run.repo, snapshots, Keys(keyring), appender.log)
    with ui.progress("reading git history", run.repo.count_first_parents(head, None, None) or 0) as advance:
        for step in recorder.missing(head):
            for planned in recorder.describe(step):
                appender.append(planned.kind, planned.body)
            advance()
    return appender.log
