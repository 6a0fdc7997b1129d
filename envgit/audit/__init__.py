"""The bytes of the log and the rules of its verifier: pure functions, no git library, no clock, no file, no network."""
