"""Measure envgit beside what one would do without it, in one run, on the real history of tests/data/langfuse."""
