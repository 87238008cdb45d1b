"""The pictures' own web routes: files as they lie on disk, found by id, never by a path of the client's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from studio.catalogue import Catalogue
from studio.errors import StorageError, StudioError

PREFIX = "/pictures"
_KEEP = "private, max-age=31536000, immutable"
"""A picture never changes under its id, so a browser asks for it once."""


def variation_url(variation_id: str) -> str:
    """Return where a variation's own file is served."""
    return f"{PREFIX}/variation/{variation_id}"


def untouched_url(variation_id: str) -> str:
    """Return where what the model drew of a woven variation is served."""
    return f"{PREFIX}/untouched/{variation_id}"


def thumbnail_url(variation_id: str) -> str:
    """Return where a variation's thumbnail is served."""
    return f"{PREFIX}/thumbnail/{variation_id}"


def source_url(sha256: str) -> str:
    """Return where a source is served, in a form that a browser shows."""
    return f"{PREFIX}/source/{sha256}"


def source_thumbnail_url(sha256: str) -> str:
    """Return where a source's thumbnail is served."""
    return f"{PREFIX}/source-thumbnail/{sha256}"


_FINDERS: dict[str, Callable[[Catalogue, str], Path]] = {
    "variation": Catalogue.variation_path,
    "untouched": Catalogue.untouched_path,
    "thumbnail": Catalogue.thumbnail_path,
    "source": Catalogue.source_display_path,
    "source-thumbnail": Catalogue.source_thumbnail_path,
}


def picture_routes(catalogue: Callable[[], Catalogue]) -> list[Route]:
    """Return one route a kind of picture; `catalogue` is asked at each request, so that nothing opens at import."""
    return [
        Route(f"{PREFIX}/{kind}/{{name}}", _endpoint(find, catalogue), methods=["GET"])
        for kind, find in _FINDERS.items()
    ]


def _endpoint(find: Callable[[Catalogue, str], Path], catalogue: Callable[[], Catalogue]) -> Callable:
    async def send(request: Request) -> Response:
        try:
            path = await run_in_threadpool(lambda: find(catalogue(), request.path_params["name"]))
        except StorageError as error:
            return PlainTextResponse(str(error), status_code=503)
        except StudioError as error:
            return PlainTextResponse(str(error), status_code=404)
        if not path.is_file():
            return PlainTextResponse("The file of this picture is missing.", status_code=404)
        return FileResponse(path, headers={"Cache-Control": _KEEP, "X-Content-Type-Options": "nosniff"})

    return send
