"""Separate Python processes on an outputs folder, for tests of crashes and concurrency."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PREAMBLE = """
    import os, sys
    from pathlib import Path
    from studio.catalogue import Catalogue
    from tests.support.catalogue_records import make_picture, make_record, save
    outputs = Path(sys.argv[1])
"""


def start_python(code: str, outputs: Path) -> subprocess.Popen[str]:
    """Start a Python process that runs `code` on an outputs folder."""
    script = textwrap.dedent(PREAMBLE) + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", script, str(outputs)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
