"""Own the log that nobody signed: git history recorded into memory, so that it can be asked like a real one."""

from __future__ import annotations

from envgit import ui
from envgit.audit.entry import GenesisSource
from envgit.log.append import Appender, Pen, genesis_entry, this_tool
from envgit.log.branch import Log
from envgit.log.files import Keys
from envgit.log.record import Recorder
from envgit.log.session import Session, readable_config
from envgit.log.snapshots import Snapshots
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader

# Nothing of such a log is kept, so that it has no time of its own.
NEVER = "1970-01-01T00:00:00Z"


def unsigned(run: Session) -> Log:
    """Record the whole history of the source branch into memory and return it as a log without a ref."""
    config = readable_config(run)
    head = run.source_head(config.branch)
    keyring = Keyring.discover(run.environ, run.home)
    pen = Pen(None, NEVER, this_tool())
    appender = Appender.begin(
        genesis_entry("local/history", GenesisSource(config.branch, head, None), config, pen), pen
    )
    recorder = Recorder(run.repo, Snapshots(run.repo, Reader(keyring)), Keys(keyring), appender.log)
    with ui.progress("reading git history", recorder.distance(head)) as advance:
        for step in recorder.missing(head, advance):
            for planned in recorder.describe(step):
                appender.append(planned.kind, planned.body)
    return appender.log
