"""Own the README of the audit branch: what a stranger reads who comes upon it. Its digest stands in genesis, so it never changes."""

from __future__ import annotations

TEXT = b"""# The audit log of this repository's environments

This branch is written by [envgit](https://pypi.org/project/envgit/). Each commit is one entry: what one change of the
source branch did to the environment variables that are kept in SOPS files. It shares no history with the source, and nothing
is ever rewritten. No value is here, and none can be computed from what is here: `fingerprint` is a keyed hash, whose key is wrapped for
exactly the recipients of the file that it speaks of.

    log.json                    origin, size, Merkle frontier, configuration and signers in force
    entries/00/00/42.json       entry 42, canonical JSON (RFC 8785)
    supplements/00/00/42.json   the entries that tell later what entry 42 could not
    environments/NAME+UNIT/     where each file and variable stands, derived from the entries

Check it with `envgit verify`, or with stock git alone:

    git show HEAD:log.json                                   # the signers' keys, under signers
    echo 'envgit@envgit.invalid ssh-ed25519 AAAA...' > allowed_signers
    git -c gpg.format=ssh -c gpg.ssh.allowedSignersFile=allowed_signers verify-commit HEAD

The second line of the commit message's body is the number of entries, the third the Merkle root over all of them (RFC 6962), the last
the SHA-256 of the entry: together a C2SP checkpoint, signed. Good signatures alone do not show that an entry is missing: `envgit verify`
rebuilds every commit and compares it with the source branch and with what your machine saw before.

Do not commit here by hand, and do not merge this branch anywhere.
"""
