"""Own every way into git: pygit2 for what is read and written here, the `git` program for what goes over the network."""
