"""Tells Streamlit's page in the browser where its server is, so that it does not look for it below each page.

Opened at /gallery, Streamlit's page cannot know whether it is the page gallery or an app that is mounted there, and
asks /gallery/_stcore/health first: two errors in the browser's console, and a moment lost. It leaves that out where
the document names the address (`BACKEND_BASE_URL` of `window.__streamlit`).
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEAD = b"<head>"
_WITHHELD = (b"accept-encoding", b"if-none-match", b"if-modified-since")
"""What a browser asks for that would answer with a compressed document, or with none because it has the file's own."""


class BackendAddress:
    """ASGI middleware that adds the address to each document. `pages` are the paths of the pages, such as gallery.

    What stands before a page in the address stays in it: a proxy may serve the studio below a path of its own.
    """

    def __init__(self, app: ASGIApp, pages: Sequence[str]) -> None:
        self._app = app
        own = "|".join(pages)
        self._script = (
            "<script>window.__streamlit = {BACKEND_BASE_URL: "
            f'location.origin + location.pathname.replace(/\\/({own})?\\/*$/, "/")}}</script>'
        ).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the address to the answer if that is a document."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _wants_document(scope):
            await self._app(scope, receive, send)
            return
        headers_sent = [(name, value) for name, value in scope["headers"] if name not in _WITHHELD]
        begun: Message | None = None
        document = b""

        async def send_document(message: Message) -> None:
            nonlocal begun, document
            if message["type"] == "http.response.start" and _is_document(message):
                begun = message
            elif begun is None:
                await send(message)
            else:
                document += message.get("body", b"")
                if not message.get("more_body", False):
                    named = document.replace(_HEAD, _HEAD + self._script, 1)
                    headers = MutableHeaders(scope=begun)
                    headers["Content-Length"] = str(len(named))
                    for stamp in ("ETag", "Last-Modified"):  # those of the file are not those of this document
                        del headers[stamp]
                    await send(begun)
                    await send({**message, "body": named})

        await self._app({**scope, "headers": headers_sent}, receive, send_document)


def _wants_document(scope: Scope) -> bool:
    return "text/html" in Headers(scope=scope).get("Accept", "")


def _is_document(start: Message) -> bool:
    is_html = Headers(raw=start["headers"]).get("Content-Type", "").startswith("text/html")
    return start["status"] == 200 and is_html
