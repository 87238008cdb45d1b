"""What `streamlit run` starts: the studio's pages, its picture routes, and a worker that stops with the server.

Only this wrapper lies beside pages/: a server opened at a page's own address would otherwise run that page alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from studio.catalogue import Catalogue
from studio.ui.media import picture_routes
from studio.workspace import close_workspaces


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Stop the worker when the server stops."""
    yield
    close_workspaces()


def catalogue() -> Catalogue:
    """Return the catalogue of the studio that the pages show."""
    from studio.ui.session import workspace  # its caches want a running server

    return workspace().catalogue


app = st.App("studio/ui/app.py", routes=picture_routes(catalogue), lifespan=lifespan)
