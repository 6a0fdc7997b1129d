"""A second verifier of logs, written from docs/format.md alone: slow, simple, and without a line of envgit's code."""
