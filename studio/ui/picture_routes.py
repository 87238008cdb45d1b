"""Web routes that serve picture files as stored on disk, found by id and never by a path from the client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from studio.catalogue import Catalogue
from studio.errors import StorageError, StudioError
from studio.workspace import Workspace

PREFIX = "/pictures"
_CACHE_CONTROL = "private, max-age=31536000, immutable"
"""The picture behind an id never changes, so a browser fetches it once."""


def sample_url(training: str, step: int, example: str, name: str, version: int) -> str:
    """Return the address of a training's sample; `version` is the time of its file, which changes with the picture."""
    parts = (quote(part, safe="") for part in (training, str(step), example, name))
    return f"{PREFIX}/sample/{'/'.join(parts)}?version={version}"


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


def picture_routes(workspace: Callable[[], Workspace]) -> list[Route]:
    """Return one route per kind of picture. `workspace` is called at each request, so that nothing opens at import."""

    def find_by_name(find: Callable[[Catalogue, str], Path]) -> Callable[[Request], Path]:
        return lambda request: find(workspace().catalogue, request.path_params["name"])

    def find_sample(request: Request) -> Path:
        return workspace().trainings.sample_path(**request.path_params)

    places = {f"{kind}/{{name}}": find_by_name(find) for kind, find in _FINDERS.items()}
    places["sample/{training_id}/{step}/{example}/{name}"] = find_sample
    return [Route(f"{PREFIX}/{place}", _endpoint(find), methods=["GET"]) for place, find in places.items()]


def _endpoint(find: Callable[[Request], Path]) -> _Endpoint:
    async def send(request: Request) -> Response:
        try:
            path = await run_in_threadpool(find, request)
        except StorageError as error:
            return PlainTextResponse(str(error), status_code=503)
        except StudioError as error:
            return PlainTextResponse(str(error), status_code=404)
        if not path.is_file():
            return PlainTextResponse("The file of this picture is missing.", status_code=404)
        return FileResponse(path, headers={"Cache-Control": _CACHE_CONTROL, "X-Content-Type-Options": "nosniff"})

    return send
