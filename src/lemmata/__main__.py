"""`python -m lemmata`: the command line without its script."""

import sys

from lemmata.harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
