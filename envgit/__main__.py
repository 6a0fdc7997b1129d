"""Run the command line: `python -m envgit`."""

import sys

from envgit.cli import main

if __name__ == "__main__":
    sys.exit(main())
