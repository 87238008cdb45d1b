"""Web routes that serve picture files as stored on disk, found by id and never by a path from the client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from studio.catalogue import Catalogue
from studio.errors import StorageError, StudioError

PREFIX = "/pictures"
_CACHE_CONTROL = "private, max-age=31536000, immutable"
"""The picture behind an id never changes, so a browser fetches it once."""


def variation_url(variation_id: str) -> str:
    """Return the address of a variation's file."""
    return f"{PREFIX}/variation/{variation_id}"


def untouched_url(variation_id: str) -> str:
    """Return the address of a variation as the model drew it, before weaving."""
    return f"{PREFIX}/untouched/{variation_id}"


def thumbnail_url(variation_id: str) -> str:
    """Return the address of a variation's thumbnail."""
    return f"{PREFIX}/thumbnail/{variation_id}"


def source_url(sha256: str) -> str:
    """Return the address of a source design, in a format that a browser shows."""
    return f"{PREFIX}/source/{sha256}"


def source_thumbnail_url(sha256: str) -> str:
    """Return the address of a source design's thumbnail."""
    return f"{PREFIX}/source-thumbnail/{sha256}"


_Endpoint = Callable[[Request], Awaitable[Response]]
_FINDERS: dict[str, Callable[[Catalogue, str], Path]] = {
    "variation": Catalogue.variation_path,
    "untouched": Catalogue.untouched_path,
    "thumbnail": Catalogue.thumbnail_path,
    "source": Catalogue.source_display_path,
    "source-thumbnail": Catalogue.source_thumbnail_path,
}


def picture_routes(catalogue: Callable[[], Catalogue]) -> list[Route]:
    """Return one route per kind of picture. `catalogue` is called at each request, so that nothing opens at import."""
    return [
        Route(f"{PREFIX}/{kind}/{{name}}", _endpoint(find, catalogue), methods=["GET"])
        for kind, find in _FINDERS.items()
    ]


def _endpoint(find: Callable[[Catalogue, str], Path], catalogue: Callable[[], Catalogue]) -> _Endpoint:
    async def send(request: Request) -> Response:
        try:
            path = await run_in_threadpool(lambda: find(catalogue(), request.path_params["name"]))
        except StorageError as error:
            return PlainTextResponse(str(error), status_code=503)
        except StudioError as error:
            return PlainTextResponse(str(error), status_code=404)
        if not path.is_file():
            return PlainTextResponse("The file of this picture is missing.", status_code=404)
        return FileResponse(path, headers={"Cache-Control": _CACHE_CONTROL, "X-Content-Type-Options": "nosniff"})

    return send
