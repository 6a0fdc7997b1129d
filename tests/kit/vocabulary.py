"""Collect the words of our own texts, for templates/vocabulary.txt: run `python -m tests.kit.vocabulary` after changing a text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
VOCABULARY = ROOT / "templates" / "vocabulary.txt"
SPEAKING = ("ci", "github", "review", "views", "words.py", "log/recording.py", "log/trust.py", "git/remote.py")
# An environment may be called so, and these stand in every text.
NAMES = ("production", "staging", "development", "main", "test")


def words() -> list[str]:
    """Return every word of the templates and of what the job's modules say, sorted."""
    found = set(NAMES)
    for path in (ROOT / "templates").glob("*.md.j2"):
        found |= set(_words(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text(), flags=re.DOTALL)))
    for place in SPEAKING:
        path = ROOT / "envgit" / place
        for module in [path] if path.is_file() else path.glob("*.py"):
            for node in ast.walk(ast.parse(module.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found |= set(_words(node.value))
    return sorted(found | {f"{word}s" for word in ("hour", "day", "minute", "year", "warning", "error")} | {"entries"})


def _words(text: str) -> Iterator[str]:
    yield from (word.lower() for word in re.findall(r"[A-Za-z]+", text))


if __name__ == "__main__":
    VOCABULARY.write_text("".join(f"{word}\n" for word in words()))
