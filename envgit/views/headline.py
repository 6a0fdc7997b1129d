"""Own the first two lines of a review: does a reader have to care, and what happens to how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from envgit.escape import markdown
from envgit.gate import CLOSE, OPEN
from envgit.model import ChangeKind, EventKind
from envgit.render import Ours
from envgit.review.report import Code, FileReview, Gravity, Review
from envgit.words import count, plural

NAMED_AT_MOST = 3


def headline(review: Review) -> Ours:
    """Return the title: the gravest thing that happens, and where."""
    counts = Counter(note.gravity for note in review.every_note)
    alarm = [
        count(counts[Gravity.ERROR], "error") if counts[Gravity.ERROR] else "",
        count(counts[Gravity.WARNING], "warning") if counts[Gravity.WARNING] else "",
    ]
    said = ", ".join(filter(None, alarm))
    return Ours(_what(review) + (f" ({said})" if said else ""))


def _what(review: Review) -> str:
    """Return what happens, the gravest first: what is wrong, what comes or goes whole, which variables, whose access."""
    whole = [
        file for file in review.files if file.unread or _is(file, EventKind.CREATED) or _is(file, EventKind.DELETED)
    ]
    others = [file for file in review.files if file not in whole]
    parts = [*_wrong(review.files), *_whole(whole), *_variables(others)]
    if access := [file for file in others if file.granted or file.revoked]:
        same = {file.file.environment for file in access} == {file.file.environment for file in review.files}
        said = f"access to {places(access)} changes" + ("" if parts else ", no value does")
        parts.append("and so does who can open it" if len(parts) == 1 and same and len(access) == 1 else said)
    if parts:
        return ", ".join(parts)
    if again := [file for file in review.files if file.reencrypted]:
        return f"{places(again)} {plural(len(again), 'is', 'are')} encrypted again, no value changes"
    return f"only the form of {places(list(review.files))} changes" if review.files else "no environment changes"


def _is(file: FileReview, kind: EventKind) -> bool:
    return any(event.kind is kind for event in file.events)


def _wrong(files: Iterable[FileReview]) -> Iterator[str]:
    for code, said in (
        (Code.PLAINTEXT, "{} {} committed in clear"),
        (Code.UNREADABLE, "{0} cannot be read"),
        (Code.WAS_UNREADABLE, "{0} could not be read before"),
        (Code.MAC_INVALID, "the MAC of {0} does not match"),
    ):
        if found := [file for file in files if any(note.code is code for note in file.notes)]:
            yield said.format(places(found), plural(len(found), "is", "are"))


def _whole(files: list[FileReview]) -> Iterator[str]:
    for kind, what in ((EventKind.CREATED, "new"), (EventKind.DELETED, "deleted")):
        found = [file for file in files if _is(file, kind) and not file.unread]
        if found:
            number = f" ({count(sum(len(file.rows) for file in found), 'variable')})"
            known = not any(file.uncompared for file in found)
            yield f"{places(found)} {plural(len(found), 'is', 'are')} {what}{number if known else ''}"


def _variables(files: list[FileReview]) -> Iterator[str]:
    known = [file for file in files if any(row.kind is not ChangeKind.OPAQUE for row in file.rows)]
    opaque = [file for file in files if any(row.kind is ChangeKind.OPAQUE for row in file.rows)]
    if known:
        number = sum(row.kind is not ChangeKind.OPAQUE for file in known for row in file.rows)
        yield f"{count(number, 'variable')} {plural(number, 'changes', 'change')} in {places(known)}"
    if opaque:
        number = sum(row.kind is ChangeKind.OPAQUE for file in opaque for row in file.rows)
        what = f"{number:,}" if known else count(number, "variable")
        yield f"{what} {plural(number, 'has', 'have')} new ciphertext in {places(opaque)}"


def places(files: list[FileReview]) -> str:
    """Return the names of environments, a few and how many more, as Markdown."""
    names = list(dict.fromkeys(file.file.environment for file in files))
    shown = ", ".join(marked(name) for name in names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    return shown + (f" and {count(more, 'more environment')}" if more > 0 else "")


def marked(name: str) -> str:
    """Return a name as inert code, marked as one for the gate."""
    return f"{OPEN}{markdown(name)}{CLOSE}"


def summary(review: Review) -> Ours:
    """Return the line that counts what happens, and says where nothing does."""
    kinds = Counter(row.kind for file in review.files for row in file.rows)
    again = sum(len(file.reencrypted) for file in review.files)
    granted = sum(len(file.granted) for file in review.files)
    revoked = sum(len(file.revoked) for file in review.files)
    said = [f"{number:,} {_COUNTED.get(kind, str(kind))}" for kind, number in kinds.items()]
    said += [f"{again:,} only encrypted again"] if again else []
    said += [f"{count(granted, 'recipient')} added"] if granted else []
    said += [f"{count(revoked, 'recipient')} removed"] if revoked else []
    said += list(_files(review.files))
    unread = sum(file.uncompared for file in review.files)
    said += [f"{count(unread, 'file')} could not be compared"] if unread else []
    if not review.files:
        return Ours("No environment changes.")
    where = places(list(review.files))
    one = len({file.file.environment for file in review.files}) == 1
    line = f"**{', '.join(said) or 'no variable changed'}**, {'all ' if one and len(said) > 1 else ''}in {where}."
    return Ours(line + _others(review))


def _files(files: Iterable[FileReview]) -> Iterator[str]:
    kinds = Counter(event.kind for file in files for event in file.events)
    for kind, noun in ((EventKind.CREATED, "created"), (EventKind.DELETED, "deleted"), (EventKind.MOVED, "moved")):
        if kinds[kind]:
            yield f"{count(kinds[kind], 'file')} {noun}"


def _others(review: Review) -> str:
    if not review.others:
        return ""
    names = [marked(name) for name in review.others[:NAMED_AT_MOST]]
    more = f" and {len(review.others) - NAMED_AT_MOST:,} more" if len(review.others) > NAMED_AT_MOST else ""
    return f" Nothing changes in {', '.join(names)}{more}."


_COUNTED = {
    ChangeKind.OPAQUE: "with new ciphertext",
    ChangeKind.RETYPED: "of another type",
    ChangeKind.DISCLOSED: "in clear from now on",
    ChangeKind.CONCEALED: "encrypted from now on",
}
