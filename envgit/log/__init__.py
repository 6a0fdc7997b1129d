"""Own the use cases: what the commands do with the doors and the pure parts. Nothing here parses arguments or prints."""
