"""Own the SOPS file format, as a library of its own: what a file holds, for whom, and whether it is as sops wrote it.

It knows neither git nor the network nor the terminal, and importing it loads nothing: name the module that is needed.
"""
