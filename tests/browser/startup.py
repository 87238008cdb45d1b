"""Benchmark: time from the start of the server to the first usable page, compared with `streamlit hello`.

`python -m tests.browser.startup [ROUNDS]` runs both in turn and prints the seconds until a browser shows the first
button, and their ratio. Not a test: it asserts nothing.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
SIDES = {
    "studio": (["run"], "Generate"),
    "hello": (["hello"], "Welcome to Streamlit"),
}


def measure(page: Page, arguments: list[str], text: str, outputs: str) -> float:
    """Start a server and return the seconds until `text` is on the page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", *arguments, "--server.port", str(port), "--server.headless", "true"]
    began = time.perf_counter()
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"STUDIO_OUTPUTS": outputs},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_test_id("stMain").get_by_text(text).first.wait_for(timeout=120_000)
        return time.perf_counter() - began
    finally:
        server.terminate()
        server.wait(30)


def main(rounds: int) -> None:
    """Print one line per start, then the medians and the median ratio."""
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as outputs:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for turn in range(rounds + 1):
            for name, (arguments, text) in SIDES.items():
                context = browser.new_context()
                elapsed = measure(context.new_page(), arguments, text, outputs)
                context.close()
                print(f"{'warm-up' if turn == 0 else f'round {turn}'}: {name} {elapsed:.2f} s")
                if turn > 0:
                    seconds[name].append(elapsed)
        browser.close()
    ratios = [a / b for a, b in zip(seconds["studio"], seconds["hello"], strict=True)]
    medians = "  ".join(f"{name} {statistics.median(times):.2f} s" for name, times in seconds.items())
    print(f"median: {medians}  ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
