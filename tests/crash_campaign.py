"""`python -m tests.crash_campaign [EVERY]`: end the studio's work on an outputs folder at each point, count the losses.

With EVERY, such as 10, only each tenth point is tried. Prints a line for each loss, then the numbers; exits with 1 if
there was a loss.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.crash_points import MODES, Journal, losses, run_to, work


def campaign(folder: Path, every: int = 1) -> Iterator[tuple[int, str, list[str]]]:
    """Yield each point and mode with what was lost there."""
    for mode in MODES:
        point = 0
        while True:
            outputs, journal = folder / "outputs", Journal(folder / "journal")
            shutil.rmtree(outputs, ignore_errors=True)
            journal.path.unlink(missing_ok=True)
            if not run_to(point, mode, lambda outputs=outputs, journal=journal: work(outputs, journal)):
                break
            yield point, mode, list(losses(outputs, journal))
            point += every


def main() -> int:
    """Run the campaign and return the exit code."""
    began, points, lost = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="crashes-") as folder:
        for point, mode, found in campaign(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 1):
            points += 1
            lost += len(found)
            for sentence in found:
                print(f"{mode} change {point}: {sentence}", flush=True)
    print(f"{points} points, losses {lost}, {time.monotonic() - began:.0f} s")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
