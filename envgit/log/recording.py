"""Own `record`: catch the log up with the source branch under a lock, and where asked, with the remote's.

The branch moves only when everything it will point to is written, and only from where it was read: whoever is killed, refused or too
late leaves it as it was.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from envgit import ui
from envgit.errors import EnvgitError, Incomplete, LogError
from envgit.git.lock import locked
from envgit.git.remote import PushStatus, fetch, push
from envgit.git.repository import RefMoved
from envgit.log.append import Appender
from envgit.log.branch import Log, locate
from envgit.log.clock import now
from envgit.log.files import Keys
from envgit.log.pins import Pin, Pins
from envgit.log.record import Recorder
from envgit.log.session import Session
from envgit.log.signer import signing_key
from envgit.log.snapshots import Snapshots
from envgit.log.supplement import supplements
from envgit.model import CommitId
from envgit.sops.identities import Keyring
from envgit.sops.reader import Reader
from envgit.words import count

# Another writer wins at most once per round; eight at once are through long before.
PUSH_ATTEMPTS = 24
LONGEST_PAUSE = 2.0

# A killed backfill keeps what it had: the branch moves after so many entries, not only at the end.
BATCH = 1_000
