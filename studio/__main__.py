"""The command line: `python -m studio COMMAND`, the same path as the pages without a browser."""

from __future__ import annotations

import sys

from studio.commands import main

if __name__ == "__main__":
    sys.exit(main())
