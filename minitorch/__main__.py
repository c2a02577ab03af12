"""``python -m minitorch script.py``: runs a program written for PyTorch on minitorch. See ``_launcher``."""

import sys

from minitorch._launcher import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
