"""Entry point of `streamlit run`: the pages, the picture routes, their guard, and a worker that stops with the server.

The script, studio/ui/app.py, is not beside pages/: there Streamlit would run a page alone, without the navigation, if
its address were opened first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from studio.recompose.compiling import compile_in_background
from studio.ui.backend_address import BackendAddress
from studio.ui.picture_routes import picture_routes
from studio.ui.request_guard import RequestGuard
from studio.workspace import PROJECT, Workspace, close_workspaces

PAGES = sorted(file.stem for file in (PROJECT / "pages").glob("*.py"))
"""The paths of the pages in the address, which are those of their files."""
_COMPILE_AFTER_SECONDS = 2.0


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Compile what draws from motifs, after the first page was drawn; stop the worker when the server stops."""
    compile_in_background(_COMPILE_AFTER_SECONDS)
    yield
    close_workspaces()


def opened() -> Workspace:
    """Return the workspace that the pages show."""
    from studio.ui.session import workspace  # its Streamlit caches need a running server

    return workspace()


app = st.App(
    "studio/ui/app.py",
    routes=picture_routes(opened),
    middleware=[Middleware(RequestGuard), Middleware(BackendAddress, pages=PAGES)],
    lifespan=lifespan,
)
