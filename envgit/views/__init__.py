"""Own what a person or a program is shown of a result: plain lines for a terminal, and one JSON document each.

A view is handed values that are already redacted. It escapes what an attacker can name, and never fetches, decrypts or compares.
"""
