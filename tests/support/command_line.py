"""`python -m studio` run in a process of its own, as in a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from studio.workspace import PROJECT


def run_studio(*arguments: str, before: Sequence[str] = (), **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command without a network and return its exit code and what it printed.

    `before` is a program that starts it, `options` are those of `subprocess.run`.
    """
    return subprocess.run(
        [*before, sys.executable, "-m", "studio", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **{"cwd": PROJECT, "env": os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(PROJECT)}} | options,
    )


def bound_by_permissions() -> Sequence[str]:
    """Return the program that starts another one without root's right to read and write everything; none if not root.

    Skips a test where the permissions of files bind nobody.
    """
    if os.name != "posix":
        pytest.skip("permissions are those of POSIX")
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("permissions do not bind root, and there is no setpriv")
    return "setpriv", "--bounding-set=-dac_override,-dac_read_search"


def check_refused(answer: subprocess.CompletedProcess[str], says: str) -> None:
    """Check that a command refused bad input: exit code 2, and one line on stderr alone, which says this."""
    assert answer.returncode == 2, answer.stderr
    assert answer.stdout == ""
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    assert says in answer.stderr
