"""`python -m studio` run in a process of its own, as in a shell."""

from __future__ import annotations

import os
import subprocess
import sys

from studio.workspace import PROJECT


def run_studio(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command without a network and return its exit code and what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "studio", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )


def check_refused(answer: subprocess.CompletedProcess[str], says: str) -> None:
    """Check that a command refused bad input: exit code 2, and one line on stderr alone, which says this."""
    assert answer.returncode == 2, answer.stderr
    assert answer.stdout == ""
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    assert says in answer.stderr
