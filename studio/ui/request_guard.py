"""Refuses requests that come through another name or from another program's page, and forbids framing.

The studio has no accounts: what may talk to it may see and delete every picture. A page of the internet whose name is
pointed to this computer (DNS rebinding) gives itself away by the `Host` it asks for; a page of another local program by
its `Origin` or, where a browser sends none, by `Sec-Fetch-Site`
(https://web.dev/articles/fetch-metadata, https://owasp.org/www-community/attacks/DNS_Rebinding).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_THIS_COMPUTER = ("localhost", "127.0.0.1", "::1")
_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # what a server binds to, never what a browser asks for

_REFUSED = 1008
"""A websocket's code for a policy (RFC 6455, 7.4.1); before the opening a server answers 403 instead."""

_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Pictures and fonts from this server only, so that a picture in a text makes no request even where it is drawn.
    "Content-Security-Policy": (
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "object-src 'none'; frame-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
    ),
}


class RequestGuard:
    """ASGI middleware in front of every route: pages, websocket, uploads, pictures and health.

    A host is served if `server.allowedHosts` names it. While that is empty, these are served: localhost, what
    `server.address` and `browser.serverAddress` name, and the address that the connection came to. A refused request
    gets 403, and over HTTP one sentence.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on and add the headers that keep other pages out."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = _find_refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "websocket":
            await WebSocketClose(_REFUSED, refusal)(scope, receive, send)
        else:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send_guarded)


def _find_refusal(scope: Scope) -> str | None:
    """Return why a request is refused, None if it is served."""
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    host = _host_name(hosts[0]) if len(hosts) == 1 else None
    if host is None:
        return "The request names no host, or not one host."
    if not _is_served(host, scope):
        return (
            f"The studio does not answer to the name {host}. If it is yours, start the studio with "
            f"--server.allowedHosts {host}, or name it in allowedHosts in .streamlit/config.toml."
        )
    origins = headers.getlist("origin")
    if origins:
        own = len(origins) == 1 and urlsplit(origins[0]).netloc.lower() == hosts[0].lower()
        trusted = len(origins) == 1 and origins[0] in st.get_option("server.corsAllowedOrigins")
        return None if own or trusted else "The studio does not answer to pages of other programs."
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_followed_link(scope, headers):
        return "The studio does not answer to pages of other programs."
    return None


def _is_followed_link(scope: Scope, headers: Headers) -> bool:
    """Return whether a browser opens a page in a tab, as after a click on a link."""
    opened = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return scope["type"] == "http" and scope["method"] == "GET" and opened == ("navigate", "document")


def _is_served(host: str, scope: Scope) -> bool:
    chosen: list[str] = st.get_option("server.allowedHosts")
    if chosen:  # the whole list, because Streamlit checks its websocket against it too
        return any(_matches(host, pattern.strip().lower().rstrip(".")) for pattern in chosen)
    named = ((st.get_option(option) or "").lower() for option in ("server.address", "browser.serverAddress"))
    return host in {*named, _address_reached(scope), *_THIS_COMPUTER}.difference(_EVERY_ADDRESS)


def _matches(host: str, pattern: str) -> bool:
    """Return whether a host is the one that is named, or below it with `*.` (as in Streamlit's own check)."""
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _address_reached(scope: Scope) -> str:
    """Return the address of this computer that a connection came to, an IPv4 address in its usual form."""
    address = (scope.get("server") or ("",))[0]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _host_name(host: str) -> str | None:
    """Return the name or address in a `Host` header in small letters, None if it is not of the form host[:port]."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises unless it is a number of a port
    except ValueError:
        return None
    if parts.netloc != host or "@" in host or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")
