"""Each document names the address of its server; all else passes unchanged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from streamlit_app import PAGES
from studio.ui.backend_address import BackendAddress
from studio.ui.shared import navigation

DOCUMENT = "<!DOCTYPE html><html><head><title>Studio</title></head><body><head></body></html>"


@pytest.fixture
def client() -> TestClient:
    async def page(_request: object) -> HTMLResponse:
        return HTMLResponse(DOCUMENT, headers={"ETag": "x", "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT"})

    async def parts(_request: object) -> StreamingResponse:
        return StreamingResponse(iter([DOCUMENT[:20], DOCUMENT[20:]]), media_type="text/html; charset=utf-8")

    async def text(_request: object) -> PlainTextResponse:
        return PlainTextResponse(DOCUMENT, headers={"ETag": "x"})

    async def gone(_request: object) -> HTMLResponse:
        return HTMLResponse(DOCUMENT, status_code=404)

    routes = [Route(f"/{route.__name__}", route) for route in (page, parts, text, gone)]
    middleware = [
        Middleware(BackendAddress, pages=["gallery", "settings"]),
        Middleware(GZipMiddleware, minimum_size=10),
    ]
    asked = {"Accept": "text/html,*/*;q=0.8", "If-None-Match": '"x"'}
    return TestClient(Starlette(routes=routes, middleware=middleware), headers=asked)


@pytest.mark.parametrize("path", ["/page", "/parts"])
def test_a_document_names_the_address_in_its_head(client: TestClient, path: str) -> None:
    answer = client.get(path)
    script = (
        "<script>window.__streamlit = {BACKEND_BASE_URL: location.origin + "
        'location.pathname.replace(/\\/(gallery|settings)?\\/*$/, "/")}</script>'
    )
    assert answer.text == DOCUMENT.replace("<head>", f"<head>{script}", 1)
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert "ETag" not in answer.headers and "Last-Modified" not in answer.headers


@pytest.mark.parametrize("path", ["/text", "/gone"])
def test_all_else_passes_unchanged(client: TestClient, path: str) -> None:
    assert client.get(path).text == DOCUMENT
    assert client.get("/text").headers["ETag"] == "x"


def test_what_a_script_fetches_passes_unchanged(client: TestClient) -> None:
    answer = client.get("/page", headers={"Accept": "*/*"})
    assert (answer.text, answer.headers["Content-Encoding"]) == (DOCUMENT, "gzip")


def test_every_page_is_known_by_the_name_of_its_file() -> None:
    source = Path(navigation.__file__).read_text("utf-8")
    assert {"gallery", "compare", "settings"} <= set(PAGES)
    assert set(re.findall(r'url_path="(\w+)"', source)) <= set(PAGES)
