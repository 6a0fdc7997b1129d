"""Own the golden log: every kind of entry, event and change once, hostile names among them."""

from __future__ import annotations

from envgit.audit import checkpoint, note
from envgit.audit.entry import (
    AnchorBody,
    AnchorType,
    Approval,
    Change,
    ChangeBody,
    ConfigBody,
    Event,
    FileChange,
    Merged,
    Restated,
    Review,
    RewriteBody,
    Root,
    Shown,
    Signer,
    Signers,
    SignersBody,
    Source,
    SupplementBody,
)
from envgit.audit.keyset import config_statement, signers_statement
from envgit.fingerprint import FingerprintKey, digest, state
from envgit.model import (
    ChangeKind,
    CommitId,
    Config,
    Digest,
    EnvironmentPattern,
    EventKind,
    Fingerprint,
    Person,
    Reason,
    Secret,
    ValueType,
)
from tests.kit.values import replace

from .approvals import approve, approve_by_hardware, hardware_line
from .chain import HARDWARE, KEY, ORIGIN, OTHER_KEY, SECOND_SIGNER, SIGNER, Chain, commit_id, genesis

FIRST_KEY = FingerprintKey.of(bytes(range(32)))
SECOND_KEY = FingerprintKey.of(bytes(range(32, 64)))
ALICE = Person("Alice Ömer", "alice@acme.example", "2026-11-20T14:02:11+01:00")
BOB = Person("bob", "bob@acme.example", "2026-11-19T18:40:00Z")
RECIPIENTS = (
    "age1htytmvg6p0mdedh6dj40rywmkzakwayuhnz5w0vlqz5w5dumhuqqgyruxa",
    "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
)
ALONE = RECIPIENTS[0]
# An age file for the first recipient, as age wrote it; what is in it is nobody's key.
WRAPPED = """-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA2czV0ZkRYT3QrbE85d3JY
alR0cFFQUjZJbWtSdnJVMTA2bDFUT1BiT3o0CmhWdXRqYW1yRExRL0pKeGpvNnU3
eW9Xd2FaN0kvak83ZWZFR2U0TFFhZUUKLT4gSCN1UURVdC1ncmVhc2UgWSBAXiYg
N1VWLEJCCnR4NWI3M3ZPSG9uZ213Ci0tLSBZVTRiVWZPM2hjUWt6bGdSeENMYWlk
UDlpNTY4N1R5NmVncS9xQjlsc3hjCg+esgK+2QmDIZ0M1AqMSBQJ0Q6inbWSSmnQ
GUr3oDe1U/S6+RZADzfZ2/qo05XB1REIPCPfIagpSnkuXTnhv6Q=
-----END AGE ENCRYPTED FILE-----
"""
HOSTILE = (
    ".",
    "..",
    "",
    "con",
    "COM1.txt",
    "a/b",
    "../../../etc/passwd",
    '["tls.crt"]',
    "hosts[0]",
    "trailing.",
    "new\nline\x1b[31m",
    "right-to-left \u202etxt.exe",
    "%41",
    "schlüssel",
    "x" * 250,
    "ü" * 100,
)


def mark(variable: str, value: str, kind: ValueType = ValueType.STR, key: FingerprintKey = FIRST_KEY) -> Fingerprint:
    """Return the fingerprint of a value."""
    return key.fingerprint(variable, kind, Secret(value.encode()))


def content(text: str) -> Digest:
    """Return the digest of a file that is not in the log, as ever."""
    return digest(text.encode())


def source(number: int, previous: int | None, author: Person = ALICE, **other: object) -> Source:
    """Return a step of the source branch."""
    return Source(
        "main",
        commit_id(number),
        commit_id(previous) if previous else None,
        author,
        "2026-11-20T14:02:54+01:00",
        **other,  # type: ignore[arg-type]
    )


def key_event(
    key: FingerprintKey,
    *restated: Restated,
    groups: int = 1,
    threshold: int = 1,
    recipients: tuple[str, ...] = RECIPIENTS,
) -> Event:
    """Return the event that brings a fingerprint key."""
    return Event(
        EventKind.FINGERPRINT_KEY,
        id=key.id,
        recipients=recipients,
        wrapped=(WRAPPED,) * groups,
        threshold=threshold,
        variables=restated,
    )


def granted(*recipients: str) -> tuple[Event, ...]:
    """Return one event a recipient."""
    return tuple(Event(EventKind.ACCESS_GRANTED, recipient=recipient) for recipient in recipients)


def added(variable: str, value: str, previous: int | None = None, **other: object) -> Change:
    """Return the change that brings a variable."""
    return Change(
        variable,
        ChangeKind.ADDED,
        ValueType.STR,
        after=mark(variable, value),
        previous=previous,
        **other,  # type: ignore[arg-type]
    )


def golden() -> Chain:
    """Return the golden log, made anew."""
    chain = Chain()
    signers = Signers(1, 0, (Root("Alice", OTHER_KEY.public_line),), (SIGNER,))
    patterns = (EnvironmentPattern("envs/{environment}.yaml"), EnvironmentPattern("k8s/*.yaml", "cluster"))
    config = Config(environments=patterns, reveal=("DEBUG", "FEATURE_*"))
    chain.add(genesis(config=config, signers=signers))
    for body in (*_first(), *_middle(), *_last()):
        chain.add(body)
    _authority(chain)
    return chain


def _authority(chain: Chain) -> None:
    """Change the key set, approve the configuration that waits, and anchor the log: what follows from outside."""
    assert chain.state is not None
    old = chain.state.signers
    assert chain.made[0].entry.sequence == 0
    first = Digest(f"sha256:{chain.made[0].leaf.hex()}")
    second = Signer("envgit 2", "envgit@envgit.invalid", SECOND_SIGNER.public_line, SIGNER.kinds, 16)
    roots = (*old.roots, Root("Bob", hardware_line(HARDWARE)))
    new = replace(old, version=2, threshold=1, roots=roots, signers=(*old.signers, second))
    statement = signers_statement(ORIGIN, first, new)
    chain.add(SignersBody(new, (approve(OTHER_KEY, statement), approve_by_hardware(HARDWARE, statement))))
    asked = chain.made[13].entry.body
    assert isinstance(asked, ConfigBody)
    assert asked.config is not None
    approvals = (approve(OTHER_KEY, config_statement(ORIGIN, first, 13, asked.config)),)
    chain.add(ConfigBody(source(13, 13), asked.config, in_force=True, of=13, approvals=approvals))
    assert chain.state is not None
    text = checkpoint.body(ORIGIN, chain.state.size, chain.state.root)
    key = note.NoteKey(ORIGIN, note.ED25519, KEY.public)
    signed = note.joined(text, (note.Line(ORIGIN, key.id, KEY.sign(text.encode())),))
    root = Digest(f"sha256:{chain.state.root.hex()}")
    chain.add(AnchorBody(chain.state.size, root, AnchorType.NOTE, signed))


def _first() -> tuple[ChangeBody, ...]:
    rows = [
        ("DATABASE_URL", "str", mark("DATABASE_URL", "one")),
        ("DEBUG", "bool", mark("DEBUG", "false", ValueType.BOOL)),
    ]
    created = FileChange(
        "production",
        "envs/production.yaml",
        None,
        content("1"),
        state(FIRST_KEY.id, rows),
        key=FIRST_KEY.id,
        events=(Event(EventKind.CREATED), *granted(*RECIPIENTS), key_event(FIRST_KEY)),
        changes=(
            added("DATABASE_URL", "one"),
            Change(
                "DEBUG",
                ChangeKind.ADDED,
                ValueType.BOOL,
                after=mark("DEBUG", "false", ValueType.BOOL),
                clear=True,
                shown=Shown(after="false"),
            ),
        ),
    )
    review = Review(
        412,
        "alice",
        "bob",
        (Approval("bob", commit_id(2), "2026-11-20T12:00:00Z"),),
        "2026-11-23T20:51:07Z",
    )
    merged = FileChange(
        "production",
        "envs/production.yaml",
        content("1"),
        content("2"),
        None,
        key=FIRST_KEY.id,
        changes=(
            Change(
                "DATABASE_URL",
                ChangeKind.CHANGED,
                ValueType.STR,
                before=mark("DATABASE_URL", "one"),
                after=mark("DATABASE_URL", "two"),
                previous=1,
                by=commit_id(2),
            ),
            Change(
                "DEBUG",
                ChangeKind.REMOVED,
                ValueType.BOOL,
                before=mark("DEBUG", "false", ValueType.BOOL),
                shown=Shown(before="false"),
                previous=1,
            ),
        ),
    )
    api = FileChange(
        "production",
        "services/api/envs/production.yaml",
        None,
        content("api 1"),
        None,
        unit="api",
        key=SECOND_KEY.id,
        events=(Event(EventKind.CREATED), *granted(ALONE), key_event(SECOND_KEY, recipients=(ALONE,))),
        changes=(Change("TOKEN", ChangeKind.ADDED, ValueType.STR, after=mark("TOKEN", "t", key=SECOND_KEY)),),
    )
    hostile = FileChange(
        "../eu/con",
        "envs/\udcff%/con.yaml",  # a path whose bytes are no UTF-8
        None,
        content("hostile"),
        None,
        unit="a+b",
        key=FIRST_KEY.id,
        events=(Event(EventKind.CREATED), *granted(ALONE), key_event(FIRST_KEY, recipients=(ALONE,))),
        changes=tuple(added(name, "x") for name in HOSTILE),
    )
    mallory = Person("mallory", "unknown@envgit.invalid", "1969-12-31T23:59:59-14:00")
    return (
        ChangeBody(source(1, None), (created,)),
        ChangeBody(source(3, 1, BOB, pushed_by="bob", merged=(Merged(commit_id(2), ALICE),)), (merged, api), review),
        ChangeBody(source(4, 3, mallory), (hostile,), Review(unavailable="no token")),
    )


def _middle() -> tuple[ChangeBody | SupplementBody, ...]:
    kinds = FileChange(
        "production",
        "envs/production.yaml",
        content("2"),
        content("3"),
        None,
        key=FIRST_KEY.id,
        changes=(
            Change(
                "DB_URL",
                ChangeKind.RENAMED,
                ValueType.STR,
                from_="DATABASE_URL",
                before=mark("DATABASE_URL", "two"),
                after=mark("DB_URL", "two"),
                previous=2,
            ),
            added("DEBUG", "1", previous=2),
            added("LEVEL", "info"),
        ),
    )
    more = FileChange(
        "production",
        "envs/production.yaml",
        content("3"),
        content("4"),
        None,
        key=FIRST_KEY.id,
        events=(
            Event(EventKind.RULES_CHANGED, before="unencrypted_suffix", after="encrypted_regex"),
            Event(EventKind.DATA_KEY_ROTATED),
            Event(EventKind.MAC_INVALID),
        ),
        changes=(
            Change("DB_URL", ChangeKind.REENCRYPTED),
            Change(
                "DEBUG",
                ChangeKind.RETYPED,
                ValueType.INT,
                ValueType.STR,
                before=mark("DEBUG", "1"),
                after=mark("DEBUG", "1", ValueType.INT),
                previous=4,
            ),
            Change(
                "LEVEL",
                ChangeKind.DISCLOSED,
                ValueType.STR,
                before=mark("LEVEL", "info"),
                after=mark("LEVEL", "info"),
                clear=True,
                previous=4,
            ),
        ),
    )
    rotated = FileChange(
        "production",
        "environments/production.yaml",
        content("4"),
        content("5"),
        state(SECOND_KEY.id, [("DB_URL", "str", mark("DB_URL", "two", key=SECOND_KEY))]),
        key=SECOND_KEY.id,
        state_before=state(SECOND_KEY.id, [("DB_URL", "str", mark("DB_URL", "two", key=SECOND_KEY))]),
        events=(
            Event(EventKind.MOVED, from_="envs/production.yaml"),
            Event(EventKind.ACCESS_REVOKED, recipient=RECIPIENTS[1]),
            Event(EventKind.TEXT_CHANGED),
            key_event(
                SECOND_KEY,
                Restated("DB_URL", ValueType.STR, mark("DB_URL", "two", key=SECOND_KEY)),
                groups=3,
                threshold=2,
                recipients=(ALONE,),
            ),
        ),
        changes=(
            Change(
                "LEVEL",
                ChangeKind.CONCEALED,
                ValueType.STR,
                before=mark("LEVEL", "info"),
                after=mark("LEVEL", "info", key=SECOND_KEY),
                previous=5,
            ),
        ),
    )
    unread = FileChange(
        "production",
        "environments/production.yaml",
        content("5"),
        content("6"),
        None,
        key=SECOND_KEY.id,
        events=(Event(EventKind.UNREADABLE, reason=Reason.NO_IDENTITY),),
        changes=(
            Change("DB_URL", ChangeKind.OPAQUE, before=mark("DB_URL", "two", key=SECOND_KEY), previous=4),
            Change("LEVEL", ChangeKind.OPAQUE, before=mark("LEVEL", "info", key=SECOND_KEY), previous=6),
        ),
    )
    told = FileChange(
        "production",
        "environments/production.yaml",
        content("5"),
        content("6"),
        None,
        key=SECOND_KEY.id,
        changes=(
            Change(
                "DB_URL",
                ChangeKind.CHANGED,
                ValueType.STR,
                before=mark("DB_URL", "two", key=SECOND_KEY),
                after=mark("DB_URL", "three", key=SECOND_KEY),
                previous=4,
            ),
            Change("LEVEL", ChangeKind.REENCRYPTED, after=mark("LEVEL", "info", key=SECOND_KEY), previous=6),
        ),
    )
    return (
        ChangeBody(source(5, 4), (kinds,)),
        ChangeBody(source(6, 5), (more,)),
        ChangeBody(source(7, 6), (rotated,)),
        ChangeBody(source(8, 7), (unread,)),
        SupplementBody(7, (told,)),
        SupplementBody(1, review=Review(401, "alice", "bob", (), "2026-11-23T21:00:00Z")),
    )


def _last() -> tuple[ChangeBody | ConfigBody | RewriteBody, ...]:
    broken = FileChange(
        "production",
        "services/api/envs/production.yaml",
        content("api 1"),
        content("api 2"),
        None,
        unit="api",
        key=SECOND_KEY.id,
        events=(Event(EventKind.UNREADABLE, reason=Reason.PLAINTEXT),),
        changes=(Change("TOKEN", ChangeKind.REMOVED, previous=2),),
    )
    released = FileChange(
        "../eu/con",
        "envs/%FF%25/con.yaml",
        content("hostile"),
        None,
        None,
        unit="a+b",
        events=(Event(EventKind.RELEASED),),
    )
    staging = FileChange(
        "staging",
        "staging.yaml",
        None,
        content("staging 1"),
        state(FIRST_KEY.id, []),
        key=FIRST_KEY.id,
        events=(Event(EventKind.CREATED), *granted(ALONE), key_event(FIRST_KEY, recipients=(ALONE,))),
    )
    narrow = Config(environments=(EnvironmentPattern("{environment}.yaml"),), reveal=())
    forced = FileChange(
        "staging",
        "staging.yaml",
        content("staging 1"),
        content("staging 2"),
        None,
        key=FIRST_KEY.id,
        changes=(added("A", "a"),),
    )
    deleted = FileChange(
        "staging",
        "staging.yaml",
        content("staging 2"),
        None,
        None,
        events=(Event(EventKind.DELETED),),
        changes=(Change("A", ChangeKind.REMOVED, ValueType.STR, before=mark("A", "a"), previous=14),),
    )
    return (
        ChangeBody(source(9, 8), (broken,)),
        ConfigBody(source(9, 8), narrow, in_force=True, files=(released, staging)),
        ConfigBody(source(10, 9), None, in_force=False, problem="invalid"),
        ConfigBody(source(11, 10), Config(), in_force=False),
        RewriteBody("main", commit_id(11), CommitId(commit_id(12)), "2026-11-22T09:00:00Z", (forced,)),
        ChangeBody(source(13, 12), (deleted,)),
    )
