"""`.sops.yaml` is read as sops reads it, and gives names to recipients."""

from __future__ import annotations

import pytest

from envgit.errors import ConfigError
from envgit.model import Rules
from envgit.sops.creation_rules import creation_rules, matching, names_of_recipients
from envgit.sops.reader import Reader
from tests.kit.sops import new_key

A, B, C = (new_key().recipient for _ in range(3))
FILE = f"""keys:
    - &alice {A}
    - &ci {B} # CI of the team
    # a comment above names nobody
    - {C} # Carol Jones
creation_rules:
    - path_regex: ^envs/prod
      age: >-
          {A},
          {B}
      encrypted_regex: ^secret
      mac_only_encrypted: true
    - path_regex: \\.yaml$
      shamir_threshold: 2
      key_groups:
          - age: [*alice]
          - age: [*ci, {C}]
            pgp: [ABCD]
          - hc_vault: []
    - age: *alice
"""


def test_rules_are_read_in_order():
    """Recipients come as text, list, alias or group, each with the rule of what is encrypted."""
    first, second, third = creation_rules(FILE.encode())
    assert (first.recipients, first.rules) == ((A, B), Rules("encrypted_regex", "^secret", mac_only_encrypted=True))
    assert (second.groups, second.threshold) == (((A,), (B, C, "pgp:ABCD"), ()), 2)
    assert (third.path_regex, third.groups, third.threshold) == ("", ((A,),), 1)


@pytest.mark.parametrize(
    ("path", "number"), [("envs/production.yaml", 0), ("x/envs/prod.yaml", 1), ("a.yaml", 1), ("a.json", 2), ("", 2)]
)
def test_the_first_rule_that_matches_wins(path, number):
    """Patterns are tried in order and match anywhere in the path."""
    found = creation_rules(FILE.encode())
    assert matching(found, path) is found[number]
    assert matching(found[:1], "other") is None


def test_a_new_file_falls_under_the_rule_that_sops_takes(sops):
    """What we say of a path is what sops encrypts it by."""
    first = f"  - path_regex: prod\n    age: {A},{sops.key.recipient}\n    encrypted_suffix: _x\n"
    text = f"creation_rules:\n{first}  - age: {B}\n"
    (sops.folder / ".sops.yaml").write_text(text)
    for path in ("a-prod.yaml", "dev.yaml"):
        (sops.folder / path).write_text("a: 1\nb_x: 2\n")
        snapshot = Reader(None).read(sops.ok("encrypt", path))
        rule = matching(creation_rules(text.encode()), path)
        assert (snapshot.recipients, snapshot.rules) == (tuple(sorted(rule.recipients)), rule.rules)


def test_people_have_names_by_comment_or_anchor():
    """A comment behind a recipient names it, before an anchor."""
    assert names_of_recipients(FILE.encode()) == {A: "alice", B: "CI of the team", C: "Carol Jones"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"a: [",
        b"- x",
        f"- {A} # \x1b[31m".encode(),
        f"- {A} # {'x' * 99}".encode(),
        f"- {A} # `@all`".encode(),
    ],
    ids=range(7),
)
def test_what_is_no_name_names_nobody(data):
    """An unreadable file, and a comment that is no plain name, give no names."""
    assert names_of_recipients(data) == {}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"creation_rules: x\n", r"\.sops\.yaml:1: what ought to be a list"),
        (b"creation_rules:\n  - x\n", r"\.sops\.yaml:2: a creation rule"),
        (b"creation_rules:\n  - path_regex: '(?=x)'\n", r"\.sops\.yaml:2: a path_regex"),
        (b"creation_rules:\n  - encrypted_regex: a\n    encrypted_suffix: b\n", "more than one rule"),
        (b"a: [\n", r"\.sops\.yaml:2: it is no valid YAML"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_line(data, problem):
    """What sops would refuse is refused, with file and line."""
    with pytest.raises(ConfigError, match=problem):
        creation_rules(data)


def test_no_rules_are_no_error():
    """A file without rules, or an empty one, has none."""
    assert creation_rules(b"") == creation_rules(b"stores: {}\n") == ()
