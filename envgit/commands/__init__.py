"""Own the commands, one a module: each wires doors to use cases, prints, and returns an exit status."""
