"""The request guard: another program's page, another name and a frame get nothing, by any route of a real server."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from studio.catalogue import Catalogue
from studio.ui.picture_routes import source_url, thumbnail_url, untouched_url, variation_url
from studio.ui.request_guard import RequestGuard
from tests.support.catalogue_records import save
from tests.support.server import Server, running

OTHER_PAGE = "The studio does not answer to pages of other programs."


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    """Send one request as it is written, with these headers and no others, and return the answer with its body read."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        answer = HTTPResponse(connection, method=method)
        answer.begin()
        answer.text = answer.read().decode("utf-8", "replace")  # type: ignore[attr-defined]
        return answer


def shake_hands(server: Server, **headers: str) -> int:
    """Return the status of the answer to a websocket's opening."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        *(f"{name}: {value}" for name, value in fields.items()),
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return int(connection.recv(200).split()[1])


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A studio with one picture, and the paths of its routes."""
    outputs = tmp_path_factory.mktemp("guarded") / "outputs"
    with Catalogue(outputs) as catalogue:
        variation = save(catalogue)
        source = variation.record.source
    pictures = [url(variation.id) for url in (variation_url, untouched_url, thumbnail_url)] + [source_url(source)]
    streamlit = ["/", "/gallery", "/_stcore/health", "/_stcore/host-config", "/static/css/none.css", "/media/none.png"]
    with running(outputs) as server:
        yield server, [*pictures, *streamlit]


def foreign_hosts(port: int) -> list[str]:
    rebound = ["evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example"]
    odd = ["0.0.0.0", "192.0.2.7", "127.0.0.1@evil.example", "127.0.0.1:x", "evil.example#127.0.0.1", ""]
    return [*rebound, *odd]


@pytest.mark.slow
def test_foreign_host_gets_nothing_by_any_route(studio: tuple[Server, list[str]]) -> None:
    server, paths = studio
    for host in foreign_hosts(server.port):
        for path in paths:
            assert ask(server, path, Host=host).status in (400, 403), (host, path)
        assert ask(server, "/_stcore/upload_file/a/b", "PUT", Host=host).status in (400, 403)
        origin = f"http://{host}"
        assert shake_hands(server, Host=host, Origin=origin) in (400, 403), host
        assert shake_hands(server, Host=host) in (400, 403), host
    refused = ask(server, paths[0], Host="evil.example")
    assert refused.status == 403
    assert "evil.example" in refused.text and "--server.allowedHosts" in refused.text


@pytest.mark.slow
def test_own_names_are_served_by_every_route(studio: tuple[Server, list[str]]) -> None:
    server, paths = studio
    for name in (
        f"127.0.0.1:{server.port}",
        f"localhost:{server.port}",
        f"LocalHost:{server.port}",
        "[::1]",
        "localhost",
    ):
        assert ask(server, paths[0], Host=name).status == 200
        assert ask(server, "/", Host=name).status == 200
        assert ask(server, "/_stcore/health", Host=name).status == 200
        assert shake_hands(server, Host=name, Origin=f"http://{name}") == 101
        assert shake_hands(server, Host=name) == 101


@pytest.mark.slow
def test_page_of_another_local_program_gets_nothing_by_any_route(studio: tuple[Server, list[str]]) -> None:
    server, paths = studio
    own = f"127.0.0.1:{server.port}"
    for origin in ("http://127.0.0.1:9999", "http://127.0.0.1", f"http://localhost:{server.port}", "null", "file://"):
        for path in paths:
            assert ask(server, path, Host=own, Origin=origin).status == 403, (origin, path)
        assert ask(server, "/_stcore/upload_file/a/b", "PUT", Host=own, Origin=origin).status == 403
        assert ask(server, paths[0], "OPTIONS", Host=own, Origin=origin).status == 403
        assert shake_hands(server, Host=own, Origin=origin) == 403
    for path in paths:  # a picture, a script or a frame in such a page
        for mode, what in (("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe")):
            fetch = {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": what}
            assert ask(server, path, Host=own, **fetch).status == 403
    assert ask(server, "/", Host=own, Origin=f"http://{own}").status == 200


@pytest.mark.slow
def test_every_answer_forbids_frames_and_foreign_use(studio: tuple[Server, list[str]]) -> None:
    server, paths = studio
    for host in (f"127.0.0.1:{server.port}", "evil.example"):
        for path in paths:
            headers = ask(server, path, Host=host).headers
            assert headers["X-Frame-Options"] == "DENY"
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.slow
def test_studio_in_a_network_answers_to_its_address_and_to_the_names_that_are_chosen(tmp_path) -> None:
    everywhere = ("--server.address", "0.0.0.0")
    with running(tmp_path / "a", *everywhere) as server:
        assert shake_hands(server, Host="evil.example", Origin="http://evil.example") == 403
        assert ask(server, "/", Host="mill.lan").status == 403
        assert ask(server, "/", Host="0.0.0.0").status == 403
        assert ask(server, "/", Host=f"127.0.0.1:{server.port}").status == 200
    names = ("--server.allowedHosts", "127.0.0.1", "--server.allowedHosts", "mill.lan")
    with running(tmp_path / "b", *everywhere, *names) as server:
        own = f"mill.lan:{server.port}"
        assert ask(server, "/", Host=own).status == 200
        assert shake_hands(server, Host=own, Origin=f"http://{own}") == 101
        assert shake_hands(server, Host=own, Origin="http://mill.lan:9999") == 403
        assert ask(server, "/", Host="evil.example").status == 403


@pytest.fixture
def client() -> TestClient:
    """A page behind the guard, reached at 10.0.0.5."""

    async def page(_request: object) -> PlainTextResponse:
        return PlainTextResponse("a page")

    guarded = Starlette(routes=[Route("/", page, methods=["GET", "POST"])], middleware=[Middleware(RequestGuard)])
    return TestClient(guarded, base_url="http://10.0.0.5:8501")


@pytest.fixture
def option(monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets options of Streamlit for this test."""
    chosen: dict[str, object] = {}
    read = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: chosen.get(name, read(name)))
    return chosen.__setitem__


def test_address_that_the_connection_came_to_is_served(client: TestClient) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"Host": "10.0.0.6:8501"}).status_code == 403


def test_chosen_names_are_the_whole_list(client: TestClient, option) -> None:
    option("server.allowedHosts", ["Mill.LAN.", "*.studio.example"])
    for host, status in {
        "mill.lan": 200,
        "mill.lan.:80": 200,
        "a.studio.example": 200,
        "studio.example": 403,
        "a.studio.example.evil.example": 403,
        "localhost": 403,
        "10.0.0.5": 403,
    }.items():
        assert client.get("/", headers={"Host": host}).status_code == status, host


@pytest.mark.parametrize("name", ["server.address", "browser.serverAddress"])
def test_address_that_the_studio_was_started_with_is_served(client: TestClient, option, name: str) -> None:
    assert client.get("/", headers={"Host": "mill.lan:8501"}).status_code == 403
    option(name, "Mill.lan")
    assert client.get("/", headers={"Host": "mill.lan:8501"}).status_code == 200


def test_origin_of_a_proxy_can_be_named(client: TestClient, option) -> None:
    origin = {"Origin": "https://studio.example"}
    assert client.get("/", headers=origin).text == OTHER_PAGE
    option("server.corsAllowedOrigins", ["https://studio.example"])
    assert client.get("/", headers=origin).status_code == 200


def test_link_from_elsewhere_opens_a_page_and_does_nothing_else(client: TestClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/", headers=link).status_code == 200
    assert client.post("/", headers=link).text == OTHER_PAGE
    assert client.get("/", headers=link | {"Sec-Fetch-Dest": "iframe"}).text == OTHER_PAGE
