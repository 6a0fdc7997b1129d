"""What the tests build with: real repositories, the real sops, the command line, a real git server."""
