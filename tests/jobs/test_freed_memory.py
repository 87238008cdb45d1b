"""Memory that a run frees goes back to the system, at the end of the run and when the model is released."""

from __future__ import annotations

import subprocess
import sys

import pytest

from studio.workspace import PROJECT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc keeps freed memory so"),
]

PROGRAM = """
import ctypes, re, sys, tempfile, time
from pathlib import Path
from studio.catalogue import Catalogue
from studio.jobs import JobQueue
from studio.schema import VariationRequest
from tests.support.pictures import draw_picture, encode_picture

if not hasattr(ctypes.CDLL(None), "malloc_trim"):
    sys.exit("no malloc_trim")

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

def allocate():
    return [bytes(3000) for _ in range(60_000)]

class Engine:
    # Frees half of what it takes at a run's end, and the other half when it is released, but for a few pieces.
    holds_model = False

    def generate(self, request, design, listener, other=None):
        self.model, scratch = allocate(), allocate()
        self.holds_model, self.pins = True, scratch[::1000] + self.model[::1000]
        seen.append(resident_mb())

    def release(self):
        self.holds_model, self.model = False, None

seen = []
with tempfile.TemporaryDirectory() as folder, Catalogue(Path(folder)) as catalogue:
    source = catalogue.add_source(encode_picture(draw_picture(64, 48)))
    engine = Engine()
    seen.append(resident_mb())
    for release in (False, True):
        queue = JobQueue(catalogue, lambda: engine, Path(folder) / "device.lock")
        job = queue.submit(VariationRequest(source=source.sha256, prompt="kilim", seeds=(1,)))
        while not queue.snapshot(job).state.over:
            time.sleep(0.01)
        if release:
            queue.release_memory()
            while engine.holds_model:
                time.sleep(0.01)
        queue.close(60)  # waits for the worker, which gives memory back before it ends
        seen.append(resident_mb())
print(*seen)
"""


def test_freed_memory_is_given_back_to_the_system() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], cwd=PROJECT, capture_output=True, text=True, check=False)
    if "no malloc_trim" in answer.stderr:
        pytest.skip("this C library is not glibc")
    assert answer.returncode == 0, answer.stderr
    before, peak, after_run, _, after_release = map(float, answer.stdout.split())
    taken = peak - before
    assert taken > 300  # MB
    assert after_run - before < 0.65 * taken  # the half that is the model stays
    assert after_release - before < 0.15 * taken
