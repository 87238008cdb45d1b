"""The base models that the studio can load. A new one is one entry of `MODELS`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studio.designs import Canvas, Design, plan_canvas
from studio.errors import RequestError, first_line, quote
from studio.models.given_paths import read_given_path
from studio.schema import Drawing, read_json_object

BUILTIN_FOLDER = Path(__file__).parent / "builtin"


@dataclass(frozen=True, slots=True)
class ModelDefaults:
    """Settings that suit a model when the designer chose none.

    `strength` makes a medium variation. `subtle` keeps layout and colours. `strong` keeps the rough idea; above it the
    model draws badly. `drawing` is who draws (see `schema.Drawing`).
    """

    strength: float
    steps: int
    guidance_scale: float
    subtle: float = 0.35
    strong: float = 0.8
    drawing: Drawing = "model"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One base model in diffusers form, of the Stable Diffusion 3 family.

    `working_pixels` is the area up to which it draws at the design's own size; a larger design is drawn at that area
    and enlarged. `multiple_px` divides both sides of its pictures (VAE factor times patch size), `smallest_px` is the
    shortest side that it was trained for. `prompt_tokens` is how many tokens its T5 encoder reads. With `fits_noise`
    the noise is fitted to design and strength (`studio.generation.noise_shift`). With `cycle_spinning` the latents are
    shifted at every other step even without a repeat (`studio.generation.cycle_spinning`). Sizes of downloads are in
    GB (10^9).
    """

    id: str
    title: str
    use: str
    licence: str
    licence_url: str
    defaults: ModelDefaults
    working_pixels: int
    multiple_px: int
    smallest_px: int
    prompt_tokens: int
    fits_noise: bool = False
    cycle_spinning: bool = False
    download_gb: float = 0.0
    gated: bool = False
    folder: Path | None = None

    @property
    def public_id(self) -> str:
        """The id in records: for a folder its name alone, since its path is private."""
        return self.id if self.id in MODELS else f"folder:{self.title}"

    def plan_canvas(self, design: Design, repeat: str | None = None) -> Canvas:
        """Return the canvas on which this model draws a design, or one repeat of a cloth."""
        return plan_canvas(
            design.width_px,
            design.height_px,
            working_pixels=self.working_pixels,
            multiple_px=self.multiple_px,
            smallest_px=self.smallest_px,
            repeat=repeat,
        )

    @property
    def local(self) -> bool:
        """Whether it loads without a network connection."""
        return self.folder is not None


_COMMUNITY_LICENCE = "Stability AI Community License"
_COMMUNITY_LICENCE_URL = "https://stability.ai/community-license-agreement"

_BUILTIN = ModelEntry(
    id="builtin",
    title="Built-in sketch model",
    use="Try the studio and sketch ideas at once, on any computer. Small and quick; it knows only carpets, "
    "takes colours from the prompt, draws at up to 0.35 megapixels and enlarges.",
    licence="GPL-3.0-or-later, like the studio",
    licence_url="https://www.gnu.org/licenses/gpl-3.0.html",
    defaults=ModelDefaults(strength=0.55, steps=12, guidance_scale=1.0, subtle=0.4, strong=0.65, drawing="motifs"),
    working_pixels=512 * 688,
    multiple_px=16,
    smallest_px=128,
    prompt_tokens=32,
    fits_noise=True,
    cycle_spinning=True,
    folder=BUILTIN_FOLDER,
)
_LARGE = ModelEntry(
    id="stabilityai/stable-diffusion-3.5-large",
    title="Stable Diffusion 3.5 Large",
    use="The finest variations, with a carpet LoRA. For a graphics card of 10 GB or more.",
    licence="Stability AI Community License",
    licence_url="https://stability.ai/community-license-agreement",
    defaults=ModelDefaults(strength=0.6, steps=28, guidance_scale=4.5),
    working_pixels=1280 * 1024,
    multiple_px=16,
    smallest_px=512,
    prompt_tokens=256,
    download_gb=27,
    gated=True,
)
_TURBO = replace(
    _LARGE,
    id="stabilityai/stable-diffusion-3.5-large-turbo",
    title="Stable Diffusion 3.5 Large Turbo",
    use="Quick drafts: four steps without guidance, about a tenth of the work of Large.",
    defaults=ModelDefaults(strength=0.6, steps=4, guidance_scale=1.0),
)
_MEDIUM = replace(
    _LARGE,
    id="stabilityai/stable-diffusion-3.5-medium",
    title="Stable Diffusion 3.5 Medium",
    use="A third of Large's work, and designs of up to two megapixels drawn at their own size.",
    working_pixels=1440 * 1440,
    download_gb=16,
)

MODELS: dict[str, ModelEntry] = {entry.id: entry for entry in (_BUILTIN, _LARGE, _TURBO, _MEDIUM)}
"""The models by id, in the order in which the Settings page offers them. To add one, add its entry."""


_PATH_MARKS = ("\\", "./", '"', "“")
"""Signs that a text was meant as a path, where it could be the name of a model on Hugging Face too."""


def resolve_model(model: str) -> ModelEntry:
    """Return the entry for an id of `MODELS` or for a folder in diffusers form.

    The folder may be written in any way that `read_given_path` reads, or as the path of a file in it. Raises
    `RequestError` when it is neither. A folder gets Large's limits, which hold for the whole family; a folder with the
    built-in model's architecture gets the built-in model's settings.
    """
    if model.strip() in MODELS:
        return MODELS[model.strip()]
    try:
        given = read_given_path(model)
        folder = _find_model(given)
        if folder is None:
            refused = _refuse_path(model, given)
    except (OSError, RuntimeError, ValueError) as error:  # no such user, too long, a drive that does not answer
        raise RequestError(
            f"The folder “{quote(model)}” cannot be read: {first_line(error)} Choose another."
        ) from error
    if folder is not None:
        base = _BUILTIN if _is_builtin(folder) else replace(_LARGE, smallest_px=64)
        return replace(
            base,
            id=str(folder.resolve()),
            title=folder.resolve().name,
            use="A model from your own folder.",
            licence="see the folder",
            licence_url="",
            download_gb=0.0,
            gated=False,
            folder=folder.resolve(),
        )
    raise RequestError(refused)


def _find_model(given: Path) -> Path | None:
    """Return the model folder that a path names, which may be that of a file in it; None where there is no model."""
    near = (given, *given.parents[:2]) if given.is_file() else (given,)
    return next((folder for folder in near if (folder / "model_index.json").is_file()), None)


def _refuse_path(model: str, given: Path) -> str:
    """Return what is wrong with a path that holds no model."""
    if given.is_dir() and (given.parent / "model_index.json").is_file():
        return f"The folder “{quote(given)}” is a part of the model in “{quote(given.parent)}”. Choose that folder."
    if given.is_dir():
        adapter = " It holds an adapter: choose it as the adapter." if (given / "adapter_config.json").is_file() else ""
        return (
            f"The folder “{quote(given)}” holds no model in diffusers form: model_index.json is missing.{adapter} "
            "Choose the folder that contains it."
        )
    if given.is_file():
        return (
            f"“{quote(given)}” is a single file. The studio reads models in diffusers form: a folder with "
            "model_index.json. diffusers makes one with StableDiffusion3Pipeline.from_single_file and save_pretrained."
        )
    if given.is_absolute() or len(given.parts) > 2 or any(mark in model for mark in _PATH_MARKS):
        return f"The folder “{quote(given)}” does not exist. Check its path, or choose {', '.join(MODELS)}."
    return (
        f"No model is called “{quote(model)}”, and there is no folder of this name. Choose {', '.join(MODELS)}, or the "
        "whole path of a folder in diffusers form."
    )


def _is_builtin(folder: Path) -> bool:
    """Return whether a folder's transformer has the built-in model's architecture."""
    theirs, ours = _read_architecture(folder), _read_architecture(BUILTIN_FOLDER)
    return bool(ours) and ours.items() <= theirs.items()


def _read_architecture(folder: Path) -> dict[str, Any]:
    """Return the settings of a folder's transformer; empty where they cannot be read, which loading reports."""
    try:
        config = read_json_object(folder / "transformer" / "config.json")
    except (OSError, ValueError):
        return {}
    # Names with an underscore are notes of the library that wrote the file, such as its version and path.
    return {key: value for key, value in config.items() if key[:1] != "_"}
