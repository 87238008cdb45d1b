"""Entry point of `python -m studio COMMAND`."""

from __future__ import annotations

import sys

from studio.commands import main

if __name__ == "__main__":
    sys.exit(main())
