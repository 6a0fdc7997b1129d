"""The attack suite: a good log, an attack by raw git objects, and what git and envgit say of it."""
