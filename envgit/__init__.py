"""Audit the environment variables that live in git as SOPS files: signed, in your own repository, never showing a value."""

__version__ = "0.1.0"
