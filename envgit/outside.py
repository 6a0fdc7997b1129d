"""The checking of an envgit bundle by the standard library alone: one file, to be read at one sitting.

    python3 verify_bundle.py BUNDLE.json --trust-root sha256:... [--commits] [--policy FILE]

The trust root is the hash of the log's first entry: have it from elsewhere than the bundle. From these two it proves
that the log began with the trusted entry, and that as many roots approved each key set as it and the one before ask
for; that the entries `since` to `until` - 1 are all there, in order, under the checkpoint; that each was signed by a
key that might sign it, and that is not revoked there; that the listed commits are those that the entries name; and,
with a policy (c2sp.org/tlog-policy), that its witnesses saw the log. It does not prove that what entries say is true,
nor when they were made; its last lines say what it did not check. It ends with 0: proved; 1: something is false, and
is named; 2: usage; 3: this cannot be read as a bundle.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from base64 import b64decode, b64encode
from collections import Counter
from hashlib import sha256, sha512
from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any

MAX_FILE, MAX_ENTRY, MAX_ARMOR, NEVER = 512 << 20, 16 << 20, 8192, 2**53

# Shapes of JSON: a type, a pattern, [shape of each], {field: shape}. A field with ? may be left out, * allows others.
HEX, DIGEST, COMMIT = (re.compile(form) for form in ("[0-9a-f]{64}", "sha256:[0-9a-f]{64}", "[0-9a-f]{40}"))
SIGNER: Any = {"name": str, "email": str, "key": str, "kinds": [str], "from": int, "until?": int}
ROOTS: Any = {"version": int, "threshold": int, "roots": [{"name": str, "key": str}]}
KEY_SET: Any = {**ROOTS, "signers": [SIGNER], "reapproved?": [{"from": int, "size": int, "root": DIGEST}]}
ITEM: Any = {"sequence": int, "entry": str, "commit": str}
TOKEN: Any = {"size": int, "root": DIGEST, "token": str, "certificates": [str]}
HEAD: Any = {"schema": str, "origin": str, "genesis": DIGEST, "since": int, "until": int, "frontier": [HEX]}
LISTS: Any = {"checkpoint": str, "notes": [str], "tokens": [TOKEN], "commits": [COMMIT]}
BUNDLE: Any = {**HEAD, **LISTS, "entries": [ITEM], "keys": [{**ITEM, "proof": [str]}]}
ENTRY: Any = {"version": int, "origin": str, "sequence": int, "kind": str, "recorded_at": str, "*": None}
SIDE: Any = {"commit": COMMIT, "*": None}
STEP: Any = {**ENTRY, "source": {**SIDE, "merged?": [SIDE]}}
KINDS: Any = {
    "genesis": {**ENTRY, "signers": KEY_SET},
    "change": STEP,
    "config": STEP,
    "rewrite": {**ENTRY, "to": COMMIT},
    "supplement": ENTRY,
    "signers": {**ENTRY, "signers": KEY_SET, "approvals?": [str]},
    "anchor": {**ENTRY, "size": int, "root": DIGEST, "type": str, "evidence": str},
}
MESSAGE = re.compile(r"[^\n]+ \[skip ci\]\n\n([^\n]+\n([0-9]+)\n([^\n]+)\n)\nEnvgit-Entry: (sha256:[0-9a-f]{64})\n")
VKEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")
NOTE = re.compile("([^\n]+\n(0|[1-9][0-9]{0,15})\n([^\n]+)\n)\n((?:\u2014 [^\\s+]+ [^\\s]+\n)+)")
Key = tuple[str, bytes]  # whose signatures stand under notes: a name; a byte for the type, and the public key


class Refused(Exception):
    """The bundle is refused: an exit status, and why."""


def need(holds: object, code: str, sequence: int | None, words: str) -> None:
    """Refuse the bundle as false unless something holds; `code` is a word of docs/format.md."""
    if not holds:
        raise Refused(1, f"{'' if sequence is None else f'entry {sequence}: '}{code}: {words}")


def main(argv: list[str] | None = None) -> int:
    """Check the bundle that the arguments name, print what is proved, and return the exit status."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("verify_bundle", description=__doc__, formatter_class=layout, allow_abbrev=False)
    parser.add_argument("bundle", metavar="BUNDLE.json")
    parser.add_argument("--trust-root", required=True, metavar="sha256:...", help="the hash of the log's first entry")
    parser.add_argument("--commits", action="store_true", help="list the commits that the entries cover")
    parser.add_argument("--policy", metavar="FILE", help="witnesses and their quorum")
    given = parser.parse_args(argv)
    if not re.fullmatch("sha256:[0-9a-f]{64}", given.trust_root):
        parser.error("--trust-root is sha256: and 64 lower-case hex digits")
    try:
        policy = None if given.policy is None else Path(given.policy).read_bytes().decode()
        quorum("quorum none" if policy is None else policy, set())
    except (OSError, ValueError) as error:
        parser.error(f"--policy: {shown(str(error))}")
    try:
        with Path(given.bundle).open("rb") as file:
            bundle = read_json(file.read(MAX_FILE + 1), MAX_FILE, BUNDLE)
        lines = verify(bundle, given.trust_root, policy) + (bundle["commits"] if given.commits else [])
        sys.stdout.write("".join(f"{shown(line)}\n" for line in lines))
        sys.stdout.flush()
    except Refused as refused:
        status, words = refused.args
    except (MemoryError, OSError, ValueError) as error:
        status, words = 3, f"this cannot be read as a bundle: {error}"
    else:
        return 0
    sys.stderr.write(f"verify_bundle: {shown(words)}\n")
    return int(status)


def read_json(data: bytes, most: int, shape: Any) -> Any:
    """Return JSON of a shape; raise ValueError for any other, for what is too large or deep, and for a key that repeats."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise ValueError("a key stands twice")
        return found

    def whole(digits: str) -> int:  # what has a fraction or an exponent is no integer for int() either
        if len(digits) > 17 or abs(int(digits)) >= NEVER:
            raise ValueError("a number is too large")
        return int(digits)

    if len(data) > most:
        raise ValueError(f"it has more than {most >> 20} MiB")
    try:
        text = data.decode()
        value = json.loads(text, object_pairs_hook=once, parse_int=whole, parse_float=whole, parse_constant=whole)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not fits(value, shape):
        raise ValueError("a field is missing, not known, or of another type")
    return value


def fits(value: Any, shape: Any) -> bool:
    """Tell whether a JSON value has a shape."""
    if isinstance(shape, dict):
        known = {name.rstrip("?"): of for name, of in shape.items() if name != "*"}
        whole = isinstance(value, dict) and ("*" in shape or value.keys() <= known.keys())
        return whole and all(fits(value[n], known[n]) if n in value else f"{n}?" in shape for n in known)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    return type(value) is shape and not (shape is str and re.search("[\ud800-\udfff]", value))  # half a character


def verify(bundle: Any, trust_root: str, policy: str | None) -> list[str]:
    """Check all of a bundle, in order; refuse it at the first thing that is false, or return what is proved."""
    since, until, frontier = bundle["since"], bundle["until"], [bytes.fromhex(text) for text in bundle["frontier"]]
    right = bundle["schema"] == "envgit.bundle/1" and 0 <= since < until
    if not right or len(frontier) != sum(since >> bit & 1 for bit in range(53)):
        raise Refused(3, "this is of another schema, holds no entries, or has no frontier of those before")
    need(bundle["genesis"] == trust_root, "wrong-genesis", None, f"the bundle is of log {bundle['genesis']}")
    # What is known of the log so far: its root by size, the key set in force, who signed what, which commits it covers.
    log = Namespace(origin=bundle["origin"], genesis=trust_root, frontier=frontier, roots={since: joined(frontier)})
    log.keys, log.signed, log.times, log.covered, log.notes = {}, {}, [], {}, []
    for item in bundle["keys"]:
        inside = max(log.signed, default=-1) < item["sequence"] < since
        need(inside, "wrong-sequence", item["sequence"], "it has no place among the keys")
        accept(log, item, item["sequence"])
    for sequence, item in enumerate(bundle["entries"], since):
        accept(log, item, sequence)
    end = since + len(bundle["entries"])
    need(end == until, "wrong-sequence", end, f"the entries end there, and not at {until}")
    need(bundle["checkpoint"] == checkpoint(log, until), "forked", None, "the checkpoint is not that of the entries")
    for item in bundle["keys"]:
        root = from_proof(leaf(item), item["sequence"], until, list(map(unbase64, item["proof"])))
        need(root == log.roots[until], "forked", item["sequence"], "it is not in the tree of the checkpoint")
    check_revocations(log)
    need(bundle["commits"] == list(log.covered), "uncovered", None, "the commits are not those that the entries name")
    notes = check_notes(log, [*log.notes, *bundle["notes"]], policy)
    return [*report(log, since, until), *notes, *check_tokens(log, bundle["tokens"])]


def accept(log: Any, item: Any, sequence: int) -> None:
    """Check an entry and the commit that signs it; of one before `since` the tree is not known."""
    inside = sequence in log.roots
    if inside:
        log.frontier.append(leaf(item))
        for _ in range((~sequence & (sequence + 1)).bit_length() - 1):  # while two trees are of one size
            log.frontier[-2:] = [node(*log.frontier[-2:])]
        log.roots[sequence + 1] = joined(log.frontier)
    plain, armored = check_commit(log, item, sequence)
    entry = read_entry(log, item, sequence)
    line, kind, before = signed_by(armored, "git", plain), entry["kind"], log.keys
    sets = [before]
    need(line.startswith("ssh-ed25519 "), "bad-signature", sequence, "the signature of its commit is not good")
    if kind in ("genesis", "signers"):
        log.keys = successor(log, entry, sequence) if log.keys else entry["signers"]
        if sequence == 0 or before["threshold"]:  # else whoever pushes could bring a key of his own
            sets.append(log.keys)
    signers = [s for keys in sets for s in keys.get("signers", []) if s["key"] == line and kind in s["kinds"]]
    names = [s["name"] for s in signers if s["from"] <= sequence < s.get("until", NEVER)]
    need(names, "unknown-signer", sequence, f"{fingerprint(line)} may not sign entries of kind {kind} there")
    log.signed[sequence] = (line, names[0])
    if not inside:
        return
    log.times.append(entry["recorded_at"])
    step = {"commit": entry["to"]} if kind == "rewrite" else entry["source"] if kind in ("change", "config") else {}
    log.covered.update(dict.fromkeys(one["commit"] for one in (*step.get("merged", []), step) if one))
    if kind == "anchor":
        right = entry["root"] == digest(log.roots.get(entry["size"], bytes.fromhex(entry["root"][7:])))
        need(
            right and 0 <= entry["size"] <= sequence, "false-anchor", sequence, "the log had another root at that size"
        )
        log.notes += [entry["evidence"]] if entry["type"] != "rfc3161" else []


def check_commit(log: Any, item: Any, sequence: int) -> tuple[bytes, str]:
    """Return a commit without its signature, and that; its message has to name this entry and the log up to it."""
    head, _, message = item["commit"].partition("\n\n")
    head, _, armored = head.partition("\ngpgsig ")
    need("\n" not in armored.replace("\n ", ""), "bad-signature", sequence, "another header follows the signature")
    found = MESSAGE.fullmatch(message)
    need(found, "not-an-entry", sequence, "the message of its commit is not that of an entry")
    said, size, root, named = found.groups() if found else ("", "", "", "")
    hashed = digest(leaf(item))
    need(named == hashed, "entry-altered", sequence, f"its hash is {hashed}, signed was {named}")
    need(size == str(sequence + 1), "wrong-sequence", sequence, f"its commit has the checkpoint of {size} entries")
    right = said == checkpoint(log, sequence + 1, unbase64(root))
    need(right, "commit-altered", sequence, "its commit has another checkpoint than that of the entries up to it")
    return f"{head}\n\n{message}".encode(), armored.replace("\n ", "\n")


def read_entry(log: Any, item: Any, sequence: int) -> Any:
    """Return an entry: canonical JSON, of this log and number, and of a kind that is known."""
    try:
        entry = read_json(item["entry"].encode(), MAX_ENTRY, ENTRY)
        known = entry["version"] == 1 and entry["kind"] in KINDS
        right = canonical(entry) == item["entry"].encode() and (not known or fits(entry, KINDS[entry["kind"]]))
    except (RecursionError, ValueError) as error:
        raise Refused(1, f"entry {sequence}: malformed-entry: {error}") from None
    need(right, "malformed-entry", sequence, "it is not canonical, or a field is missing, unknown, or of another type")
    if not known:
        raise Refused(3, f"entry {sequence} is of a version or kind that only a newer program knows")
    number, first, hashed = item["sequence"], entry["kind"] == "genesis", digest(leaf(item))
    need(number == sequence, "wrong-sequence", sequence, f"in its place stands entry {number}")
    need(entry["sequence"] == sequence, "wrong-sequence", sequence, f"it says that it is entry {entry['sequence']}")
    need(entry["origin"] == log.origin, "wrong-origin", sequence, f"it is of the log {entry['origin']}")
    need(first or log.keys, "wrong-genesis", sequence, "no genesis comes before it")
    need(not first or not log.keys, "second-genesis", sequence, "it is a second genesis")
    need(not first or hashed == log.genesis, "wrong-genesis", sequence, f"the log began with {hashed}")
    if sequence not in log.roots and entry["kind"] not in ("genesis", "signers"):
        raise Refused(3, f"entry {sequence} stands among the keys and brings none")
    return entry


def successor(log: Any, entry: Any, sequence: int) -> Any:
    """Return the key set that an entry brings, where it may follow the one before, and the roots of both approved it."""
    new, old = entry["signers"], log.keys
    need(new["version"] == old["version"] + 1, "signers-version", sequence, f"it comes after version {old['version']}")
    were, spans, more = {s["key"]: s for s in old["signers"]}, old.get("reapproved", []), new.get("reapproved", [])
    people, keys = {root["name"] for root in new["roots"]}, [one["key"] for one in new["roots"] + new["signers"]]
    right = bool(people or old["threshold"]) <= new["threshold"] <= len(people) and len(set(keys)) == len(keys)
    right = right and were.keys() <= {s["key"] for s in new["signers"]} and more[: len(spans)] == spans
    for signer in new["signers"]:
        was = were.get(signer["key"], {"from": signer["from"]})
        right = right and signer["from"] == was["from"] and 1 <= signer.get("until", NEVER) <= was.get("until", NEVER)
    for span in more[len(spans) :]:  # of sizes before `since` the root is not known
        root = log.roots.get(span["size"], bytes.fromhex(span["root"][7:]))
        right = right and 0 <= span["from"] < span["size"] <= sequence and span["root"] == digest(root)
    need(right, "wrong-signers", sequence, "it takes something back, allows a key too much, or vouches for what is not")
    said = canonical({"genesis": log.genesis, "kind": "signers", "origin": log.origin, "signers": new})
    lines = {signed_by(text, "envgit-approval", said) for text in entry.get("approvals", [])}
    roots = {root["key"] for root in old["roots"] + new["roots"]}
    need(lines <= roots, "unapproved-signers", sequence, "an approval is not good, or by no root")
    for asked in (old, new):
        by = {root["name"] for root in asked["roots"] if root["key"] in lines}
        need(len(by) >= asked["threshold"], "unapproved-signers", sequence, f"no more than {len(by)} roots approved it")
    return new


def check_revocations(log: Any) -> None:
    """Hold every entry against the last key set: none is by a key revoked from it on, unless roots vouch for it."""
    until = {signer["key"]: signer["until"] for signer in log.keys["signers"] if "until" in signer}
    late = [n for n, (line, _) in log.signed.items() if n >= until.get(line, NEVER)]
    late = [n for n in late if not any(span["from"] <= n < span["size"] for span in log.keys.get("reapproved", []))]
    need(not late, "revoked-signer", min(late, default=None), f"signed by a key that is revoked there, as are {late}")


def check_notes(log: Any, notes: list[str], policy: str | None) -> list[str]:
    """Check signed notes over checkpoints of this log (c2sp.org/signed-note), and that a policy's quorum is reached."""
    own = {(log.origin, b"\1" + unbase64(s["key"][12:])[-32:]) for s in log.keys["signers"] if "anchor" in s["kinds"]}
    sizes, reached, keys = [], [], own | (quorum(policy, set())[1] if policy is not None else set())
    for note in dict.fromkeys(notes):
        found = NOTE.fullmatch(note)
        text, size, root, lines = found.groups() if found else ("", "0", "", "")
        right, about = text == checkpoint(log, int(size), unbase64(root)), f"a note over {size} entries is not"
        need(right, "false-anchor", None, f"{about} over a checkpoint of this log")
        good = set()
        for name, mark in (line.split(" ")[1:] for line in lines.split("\n")[:-1]):
            for key in [key for key in keys if (key[0], key_id(*key)) == (name, unbase64(mark)[:4])]:
                time, signature = b"", unbase64(mark)[4:]
                if key[1][0] == 4:  # a cosignature (c2sp.org/tlog-cosignature), which begins with its time
                    time, signature = b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8], "big"), signature[8:]
                right = ed25519(key[1][1:], time + text.encode(), signature)
                need(right, "false-anchor", None, f"{about} signed by {name}")
                good.add(key)
        need(good & own, "false-anchor", None, f"{about} signed by the log")
        sizes.append(int(size))
        reached += [int(size)] if policy is not None and int(size) in log.roots and quorum(policy, good)[0] else []
    need(reached or policy is None, "false-anchor", None, "no note here has the quorum that the policy asks for")
    said = [f"the witnesses that the policy asks for saw its first {max(reached)} entries"] if reached else []
    beyond = {size: "" if size in log.roots else ", which are not here to compare" for size in sorted(sizes)}
    return said + [f"the log signed a note over its first {size} entries{more}" for size, more in beyond.items()]


def key_id(name: str, key: bytes) -> bytes:
    """Return the four bytes by which a note names a key; `key` begins with its type."""
    return sha256(name.encode() + b"\n" + key).digest()[:4]


def quorum(policy: str, signed: set[Key]) -> tuple[bool, set[Key]]:
    """Tell whether the witnesses with these keys are enough, and return all witnesses' keys; raise ValueError."""
    keys: set[Key] = set()
    known, seen, used, asked = {"none"}, {"none"}, {"none"}, []
    for number, line in enumerate(policy.split("\n"), 1):
        word, name, *rest = (*filter(None, re.split("[ \t]+", line)), "", "")
        right, fresh, rest = word in ("", "log") or word[0] == "#", name not in known, rest[:-2]
        if word == "witness" and fresh and len(rest) in (1, 2):
            found = VKEY.fullmatch(rest[0])
            key = (found[1], unbase64(found[3])) if found else ("", b"")
            right = found is not None and key_id(*key).hex() == found[2] and key[1][:1] == b"\4"
            right = right and len(key[1]) == 33 and all(key[1] != other[1] for other in keys)
            keys.add(key)
            seen |= {name} if key in signed else set()
        elif word == "group" and fresh and rest:
            least, members = {"any": "1", "all": str(len(rest) - 1)}.get(rest[0], rest[0]), set(rest[1:])
            right = members <= known - used and len(members) == len(rest) - 1
            right = right and least.isdecimal() and least.isascii() and 1 <= int(least[:9]) <= len(members)
            seen |= {name} if right and len(members & seen) >= int(least) else set()
            used |= members
        elif word == "quorum":
            right = not fresh and not rest
            asked.append(name)
        known |= {name} if word in ("witness", "group") else set()
        if not right or re.search("[\0-\x08\x0b-\x1f\x7f]", line):
            raise ValueError(f"line {number} is not as c2sp.org/tlog-policy has it")
    if len(asked) != 1:
        raise ValueError("there is not one quorum")
    return asked[0] in seen, keys


def check_tokens(log: Any, tokens: Any) -> list[str]:
    """Check that timestamp tokens are over checkpoints of this log; return how what they say of the time is checked."""
    lines = []
    for number, token in enumerate(tokens):
        size, root = token["size"], bytes.fromhex(token["root"][7:])
        text, data = checkpoint(log, size, root).encode(), unbase64(token["token"])
        made = [hashed for hashed in (sha256(text).digest(), sha512(text).digest()) if hashed in data]
        right = made and token["root"] == digest(log.roots.get(size, root))
        need(right, "false-anchor", None, f"tokens[{number}] is not over a checkpoint of this log")
        command = f"openssl ts -verify -digest {made[0].hex()} -in TOKEN -CAfile CA -untrusted CERTIFICATES"
        lines.append(f"its time is judged by your authorities, tokens[{number}]: {command}")
    return lines


def report(log: Any, since: int, until: int) -> list[str]:
    """Return what is proved, line by line, and what is not."""
    signed = Counter(pair for sequence, pair in log.signed.items() if sequence >= since)
    return [
        f"proved: entries {since} to {until - 1} of {log.origin}, which began with {log.genesis}",
        f"checkpoint: {until} entries, root {b64encode(log.roots[until]).decode()}",
        f"recorded from {log.times[0]} to {log.times[-1]}, as the recorder says",
        *(f"signed by {name}, {fingerprint(line)}: {number} entries" for (line, name), number in signed.items()),
        f"key set: version {log.keys['version']}; to change it, {log.keys['threshold']} of its roots have to approve",
        f"covered: {len(log.covered)} commits of the source branch (--commits lists them)",
        "not checked: the trees, the source repository, whether what the entries say is so, the time of anything",
        *([f"not checked: that no key set was left out at the end of those before entry {since}"] if since else []),
    ]


def leaf(item: Any) -> bytes:
    """Return the hash of an entry as a leaf (RFC 6962, as all of the tree)."""
    return sha256(b"\0" + item["entry"].encode()).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return sha256(b"\1" + left + right).digest()


def joined(frontier: list[bytes]) -> bytes:
    """Return the root over perfect trees, largest first."""
    root = frontier[-1] if frontier else sha256().digest()
    for left in reversed(frontier[:-1]):
        root = node(left, root)
    return root


def from_proof(root: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to from a leaf, empty where it is too short or too long."""
    if size == 1 or not proof:
        return b"" if size > 1 or proof else root
    half = 1 << ((size - 1).bit_length() - 1)
    if index < half:
        return node(from_proof(root, index, half, proof[:-1]), proof[-1])
    return node(proof[-1], from_proof(root, index - half, size - half, proof[:-1]))


def checkpoint(log: Any, size: int, root: bytes = b"") -> str:
    """Return the checkpoint of so many entries; `root` is used where the log's is not known."""
    return f"{log.origin}\n{size}\n{b64encode(log.roots.get(size, root)).decode()}\n"


def signed_by(armored: str, namespace: str, message: bytes) -> str:
    """Return the line of the key whose good signature this is (OpenSSH's PROTOCOL.sshsig), empty where it is none."""
    blob = unbase64("".join(armored[:MAX_ARMOR].split("\n")[1:-1]))
    lines = re.findall(".{1,70}", b64encode(blob).decode())
    exact = armored == "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"])
    fields, said = strings(blob[10:]), [namespace.encode(), b"", b"sha512"]
    if not exact or blob[:10] != b"SSHSIG\0\0\0\1" or len(fields) != 5 or fields[1:4] != said:
        return ""
    data = b"SSHSIG" + b"".join(len(part).to_bytes(4, "big") + part for part in (*said, sha512(message).digest()))
    key, signature = strings(fields[0]), fields[4]
    if key[:1] == [b"sk-ssh-ed25519@openssh.com"] and len(key) == 3 and len(signature) > 5 and signature[-5] & 1:
        data = sha256(key[2]).digest() + signature[-5:] + sha256(data).digest()  # a flag says that the key was touched
        signature = signature[:-5]
    elif key[:1] != [b"ssh-ed25519"] or len(key) != 2:
        return ""
    made = strings(signature)
    good = len(made) == 2 and made[0] == key[0] and ed25519(key[1], data, made[1])
    return f"{key[0].decode()} {b64encode(fields[0]).decode()}" if good else ""


def strings(data: bytes) -> list[bytes]:
    """Return the strings, each after its length, that SSH's data is made of; none where the lengths do not fit."""
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < end:
            return []
        found.append(data[4:end])
        data = data[end:]
    return found


def fingerprint(line: str) -> str:
    """Return the fingerprint of a key's line, as ssh-keygen -l shows it."""
    return "SHA256:" + b64encode(sha256(unbase64(line.split(" ")[1])).digest()).decode().rstrip("=")


P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)


def add(p: Any, q: Any) -> Any:
    """Return the sum of any two points of edwards25519, each as (X, Y, Z, XY/Z)."""
    a, b, c, d = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0]), 2 * D * p[3] % P * q[3], 2 * p[2] * q[2]
    e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def point(data: bytes) -> Any:
    """Return the point that 32 bytes stand for, None where they stand for none or are not its only form."""
    y, odd = int.from_bytes(data, "little") & (1 << 255) - 1, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    x = x if x & 1 == odd else P - x
    return (x, y, 1, x * y % P) if y < P and x < P and x * x % P == square else None


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is good (RFC 8032, without the cofactor); no number or point has a second form."""
    key, scalar = point(public) if len(public) == 32 else None, int.from_bytes(signature[32:], "little")
    if key is None or len(signature) != 64 or scalar >= L:
        return False
    hashed = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % L
    minus, base, found = (P - key[0], key[1], 1, P - key[3]), point(b"\x58" + b"\x66" * 31), (0, 1, 1, 0)
    sums = (found, base, minus, add(base, minus))
    for bit in range(252, -1, -1):  # both products at once: scalar * base - hashed * key
        found = add(found, found)
        which = (scalar >> bit & 1) | (hashed >> bit & 1) << 1
        found = add(found, sums[which]) if which else found
    x, y = (part * pow(found[2], -1, P) % P for part in found[:2])
    for _ in range(3):
        key = add(key, key)
    return bool(key[0]) and (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]  # [8]key = 0: anybody's key


def digest(data: bytes) -> str:
    """Return a hash as the log writes it."""
    return f"sha256:{data.hex()}"


def unbase64(text: str) -> bytes:
    """Return the bytes of base64, empty for any text that is not the one form of them."""
    try:
        data = b64decode(text)
    except ValueError:
        return b""
    return data if b64encode(data).decode() == text else b""


def canonical(value: Any) -> bytes:
    """Return the canonical form of JSON (RFC 8785) that has ASCII keys, and integers for its only numbers."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def shown(text: str) -> str:
    """Return a text on one line, and in ASCII: nothing in it moves a cursor, reorders, or looks like another letter."""
    return ascii(text[:1000])[1:-1]


if __name__ == "__main__":
    sys.exit(main())
