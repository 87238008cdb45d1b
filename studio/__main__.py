"""Entry point of `python -m studio COMMAND`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from studio.commands import main

        sys.exit(main())
    except KeyboardInterrupt:  # Ctrl+C during the imports
        sys.exit(130)
