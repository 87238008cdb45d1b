"""The studio under attack in a real browser: hostile texts, a page of another program, a name pointed to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote, urlsplit

import pytest

from studio.catalogue import Catalogue
from studio.ui.picture_routes import thumbnail_url, variation_url
from tests.browser.conftest import CHROMIUM_ARGUMENTS, find_chromium, wait_until
from tests.support.catalogue_records import save
from tests.support.pictures import draw_picture, encode_picture
from tests.support.server import Server, running

pytestmark = pytest.mark.browser
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, Page, expect  # noqa: E402

PICTURE = "![leak](http://leak.example/leak.png)"
ATTACK = """<!doctype html><title>Other program</title>
<iframe id="frame" src="{studio}/gallery"></iframe>
<script>
const tries = {{}};
const image = new Image();
image.onload = () => tries.image = "shown"; image.onerror = () => tries.image = "refused"; image.src = "{picture}";
fetch("{picture}", {{mode: "no-cors"}}).then(() => tries.fetch = "answered", () => tries.fetch = "refused");
fetch("{studio}/_stcore/health").then(() => tries.read = "answered", () => tries.read = "refused");
const socket = new WebSocket("{socket}/_stcore/stream");
socket.onopen = () => tries.socket = "open"; socket.onerror = () => tries.socket = "refused";
window.tries = tries;
</script>"""


@pytest.fixture(scope="module")
def studio(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    """A studio with a design and a picture whose texts hold pictures of another computer; hash and id."""
    outputs = tmp_path_factory.mktemp("hostile") / "outputs"
    with Catalogue(outputs) as catalogue:
        design = catalogue.add_source(encode_picture(draw_picture(64, 80)), label=PICTURE)
        words = dict.fromkeys(("prompt", "negative_prompt", "model_title", "model", "adapter_name"), PICTURE)
        facts = {"adapter_sha256": "0" * 64, "adapter_weight": 0.5, "notes": (PICTURE,)}
        made = save(catalogue, source=design.sha256, **words, **facts)
    with running(outputs) as server:
        yield server, design.sha256, made.id


@contextmanager
def serve_attack(studio: str, picture: str) -> Iterator[str]:
    """Serve a page that tries everything, on another port of this computer, as another program would."""
    words = {"studio": studio, "picture": studio + picture, "socket": studio.replace("http", "ws")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(ATTACK.format(**words).encode())

        def log_message(self, *_words: object) -> None:
            """Keep the terminal quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{other.server_port}/"
        other.shutdown()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/gallery?open={picture}", "There is no variation"),
        ("/gallery?model={picture}&show=bin", "The bin is empty"),
        ("/gallery?open={made}", "Made from"),
        ("/compare?ids={made}", "One picture is left"),
        ("/?source={design}&run=run-1", "Drawn by"),
        ("/?source={design}&like={made}", "It was made with"),
        ("/?source={picture}", "leak.example"),
    ],
)
def test_texts_from_outside_fetch_nothing(
    studio: tuple[Server, str, str], open_tab: Callable[..., Page], address: str, shown: str
) -> None:
    server, design, made = studio
    page = open_tab(server.url + address.format(picture=quote(PICTURE), design=design, made=made))
    expect(page.get_by_test_id("stMain")).to_contain_text(shown)
    expect(page.locator('img[src*="leak.example"]')).to_have_count(0)  # `open_tab` fails on any request for it


def test_every_page_has_its_icon_from_the_studio(
    studio: tuple[Server, str, str], open_tab: Callable[..., Page]
) -> None:
    for path in ("", "gallery", "compare", "settings"):
        page = open_tab(f"{studio[0].url}/{path}")
        wait_until(page, lambda page=page: "Carpet Diffusion Studio" in page.title())
        icons = page.locator('link[rel~="icon"]').evaluate_all("links => links.map(link => link.href)")
        assert icons
        assert {urlsplit(icon).hostname for icon in icons if not icon.startswith("data:")} <= {"127.0.0.1"}


def test_page_of_another_program_reaches_nothing(
    studio: tuple[Server, str, str], open_tab: Callable[..., Page]
) -> None:
    server, _, made = studio
    with serve_attack(server.url, thumbnail_url(made)) as address:
        page = open_tab(address)
        wait_until(page, lambda: len(page.evaluate("tries")) == 4)
    assert set(page.evaluate("tries").values()) == {"refused"}
    (frame,) = page.main_frame.child_frames
    assert not frame.url.startswith(server.url)  # the browser's own error page


def test_name_that_is_pointed_to_the_studio_reaches_nothing(studio: tuple[Server, str, str], chromium: Browser) -> None:
    server, _, made = studio
    pointed = [*CHROMIUM_ARGUMENTS, "--host-resolver-rules=MAP rebound.example 127.0.0.1"]
    browser = chromium.browser_type.launch(executable_path=find_chromium(), args=pointed)
    try:
        page = browser.new_page()
        for path in ("/", "/gallery", "/_stcore/health", variation_url(made)):
            answer = page.goto(f"http://rebound.example:{server.port}{path}")
            assert answer is not None
            assert answer.status == 403
        opened = page.evaluate(
            "new Promise(done => { const socket = new WebSocket(`ws://${location.host}/_stcore/stream`);"
            "socket.onopen = () => done(true); socket.onerror = () => done(false); })"
        )
        assert not opened
    finally:
        browser.close()
