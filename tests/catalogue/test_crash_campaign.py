"""The work on an outputs folder may end at any point: nothing that was finished is lost, nothing is left behind.

`python -m tests.crash_campaign` tries every point; here some of each kind are tried.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash_campaign import campaign
from tests.support.crash_points import MODES


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_nothing_is_lost_wherever_the_work_ends(tmp_path: Path) -> None:
    tried = list(campaign(tmp_path, every=60))
    assert {mode for _, mode, _ in tried} == set(MODES)
    assert [one for one in tried if one[2]] == []
