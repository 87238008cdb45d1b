"""How good the built-in model is, measured on designs that it was never trained on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from studio.carpets.generator import Carpet, draw_layout, dress
from studio.designs.colours.colour_spaces import convert_to_lab
from studio.designs.colours.palette import snap, suggest_palette
from studio.designs.weaving.contacts import count_contacts, settle_contacts
from studio.evaluation.palettes import measure_off_palette_share
from studio.evaluation.structure import correlate_edges, measure_diversity, read_structure
from studio.generation.codec import Codec
from studio.generation.cycle_spinning import Turning
from studio.generation.noise_shift import choose_shift, shift_at
from studio.models.prompts import PromptCache
from studio.schema import effective_steps
from studio.training.architecture import TEXT_TOKENS
from studio.training.pixels import measure_psnr, to_pixels, to_tensor
from studio.training.stream import HELD_OUT_SEEDS

if TYPE_CHECKING:
    from diffusers import StableDiffusion3Img2ImgPipeline

WIDTH_PX, HEIGHT_PX = 288, 384
VARIATION_SEEDS = (11, 12, 13, 14, 15)
STEPS = 12
"""Steps of the built-in model's defaults; strength decides how many of them are walked."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure next to what it has to reach, on CPU training alone and with a graphics card."""

    id: str
    title: str
    unit: Literal["dB", "%", "", "s"]
    better: Literal["higher", "lower"]
    wanted_cpu: float
    wanted_gpu: float
    measure: Callable[[Workbench], float]


class Workbench:
    """The pipeline, the held-out designs, and pictures drawn once for the several figures that look at them."""

    def __init__(self, pipe: StableDiffusion3Img2ImgPipeline, designs: int = 12, pairs: int = 50) -> None:
        self.pipe = pipe
        self.pipe.set_progress_bar_config(disable=True)
        self.pairs = pairs
        self.carpets = [draw_held_out_carpet(place) for place in range(designs)]
        self._varied: dict[float, list[NDArray[np.uint8]]] = {}
        self.shifts: dict[tuple[tuple[int, ...], bytes], float] = {}
        self._prompts = PromptCache(pipe, TEXT_TOKENS)

    def vary(self, strength: float) -> list[NDArray[np.uint8]]:
        """Return five variations (5, h, w, 3) of each held-out design with its own caption."""
        if strength not in self._varied:
            self._varied[strength] = [
                self.draw(carpet.pixels, carpet.caption, strength, VARIATION_SEEDS) for carpet in self.carpets
            ]
        return self._varied[strength]

    def draw(
        self, pixels: NDArray[np.uint8], prompt: str, strength: float, seeds: tuple[int, ...]
    ) -> NDArray[np.uint8]:
        """Return variations (n, h, w, 3) of a picture, one a seed, without guidance.

        As the studio draws them with its built-in model, whichever checkpoint is on the bench.
        """
        turning = Turning(None, self.pipe.transformer.config.patch_size)
        turning.begin(effective_steps(STEPS, strength))

        def after_step(_pipe: object, _index: int, _timestep: torch.Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
            return {"latents": turning.turn(turning.turn_back(tensors["latents"]))}

        height_px, width_px = pixels.shape[:2]
        count = len(seeds)
        drawn = self.pipe(
            prompt,
            image=torch.cat([self.encode(pixels)] * count),
            width=width_px,
            height=height_px,
            strength=strength,
            num_inference_steps=STEPS,
            guidance_scale=1.0,
            num_images_per_prompt=count,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            max_sequence_length=TEXT_TOKENS,
            mu=math.log(shift_at(strength, lambda: self.find_shift(pixels))),
            callback_on_step_end=after_step,
            output_type="np",
        ).images
        return np.round(drawn * 255).astype(np.uint8)

    def find_shift(self, pixels: NDArray[np.uint8]) -> float:
        """Return the shift of a picture, looked for once."""
        key = (pixels.shape, pixels.tobytes())
        if key not in self.shifts:
            self.shifts[key] = choose_shift(self.pipe, Codec(self.pipe), self._prompts, self.encode(pixels))
        return self.shifts[key]

    def encode(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """Return the scaled latents (1, c, h, w) of a picture."""
        with torch.no_grad():
            return Codec(self.pipe).encode(to_tensor(pixels[None]))

    def rebuild(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a picture through the VAE and back."""
        vae = self.pipe.vae
        with torch.no_grad():
            latents = vae.encode(to_tensor(pixels[None]).to(vae.device)).latent_dist.mode()
            return to_pixels(vae.decode(latents).sample)[0]


def draw_held_out_carpet(place: int) -> Carpet:
    """Return a held-out carpet at 288x384 px."""
    seed = HELD_OUT_SEEDS[500 + place]
    return dress(draw_layout(seed, WIDTH_PX, HEIGHT_PX), seed)


def measure_rebuilding(bench: Workbench) -> float:
    """Return the mean PSNR of pictures through the VAE, in dB."""
    return float(np.mean([measure_psnr(carpet.pixels, bench.rebuild(carpet.pixels)) for carpet in bench.carpets]))


def measure_snapping(bench: Workbench) -> float:
    """Return the percentage of pixels that have their old colour after the VAE and the nearest palette entry."""
    right = [np.mean(snap(bench.rebuild(carpet.pixels), carpet.palette) == carpet.indices) for carpet in bench.carpets]
    return 100 * float(np.mean(right))


def measure_weaving(bench: Workbench) -> float:
    """Return the percentage of pixels that have their old colour after the VAE, as the studio weaves its pictures."""
    right = []
    for carpet in bench.carpets:
        made = bench.rebuild(carpet.pixels)
        contacts = count_contacts(carpet.indices, len(carpet.palette))
        woven = settle_contacts(made, snap(made, carpet.palette), carpet.palette, contacts)
        right.append(np.mean(woven == carpet.indices))
    return 100 * float(np.mean(right))


def measure_fidelity(bench: Workbench) -> float:
    """Return the mean edge correlation with the source at strength 0.4."""
    scores = []
    for carpet, varied in zip(bench.carpets, bench.vary(0.4), strict=True):
        source = read_structure(Image.fromarray(carpet.pixels))
        scores += [correlate_edges(source, read_structure(Image.fromarray(one))) for one in varied]
    return float(np.mean([score for score in scores if score is not None]))


def measure_drawings(bench: Workbench) -> float:
    """Return the mean pairwise difference of edges between five seeds at strength 0.6."""
    sets = [measure_diversity([read_structure(Image.fromarray(one)) for one in varied]) for varied in bench.vary(0.6)]
    return float(np.mean([entry.edges_mean for entry in sets if entry is not None and entry.edges_mean is not None]))


def count_near_duplicates(bench: Workbench) -> float:
    """Return the percentage of pairs at strength 0.6 that are nearly the same picture."""
    sets = [measure_diversity([read_structure(Image.fromarray(one)) for one in varied]) for varied in bench.vary(0.6)]
    return 100 * float(np.mean([len(entry.near_duplicates) / 10 for entry in sets if entry is not None]))


def measure_obedience(bench: Workbench) -> float:
    """Return in how many percent of pairs "blue carpet" is bluer than "red carpet", of one source and seed, at 0.6.

    Bluer: the mean colour lies further towards blue on the line from red (a* up, b* down is the other way).
    """
    blue, red = (convert_to_lab(np.array(rgb, np.uint8)) for rgb in ((40, 70, 150), (170, 40, 45)))
    axis = (blue - red)[1:]
    right = []
    for place in range(bench.pairs):
        pixels = draw_held_out_carpet(100 + place).pixels
        means = [
            convert_to_lab(bench.draw(pixels, f"{colour} carpet", 0.6, (place,))[0].reshape(-1, 3)).mean(axis=0)[1:]
            for colour in ("blue", "red")
        ]
        right.append(float((means[0] - means[1]) @ axis) > 0)
    return 100 * float(np.mean(right))


def measure_stray_colours(bench: Workbench) -> float:
    """Return the percentage of pixels at strength 0.5 far (deltaE00 > 5) from 16 colours of their own picture."""
    looked_at = [one for varied in bench.vary(0.5) for one in varied[:2]]
    shares = [measure_off_palette_share(one, suggest_palette(one, 16)) for one in looked_at]
    return 100 * float(np.mean(shares))


def measure_five(bench: Workbench) -> float:
    """Return the seconds for five variations of a new design, 288x384 px at strength 0.6, once the model is warm."""
    carpet = bench.carpets[0]
    bench.draw(carpet.pixels, carpet.caption, 0.6, VARIATION_SEEDS)
    bench.shifts.clear()
    began = time.perf_counter()
    bench.draw(carpet.pixels, carpet.caption, 0.6, VARIATION_SEEDS)
    return time.perf_counter() - began


FIGURES: tuple[Figure, ...] = (
    Figure("rebuilding", "VAE reconstruction PSNR, 384x288", "dB", "higher", 28, 33, measure_rebuilding),
    Figure("snapping", "Pixels right after snapping to the palette", "%", "higher", 93, 98, measure_snapping),
    Figure("weaving", "Pixels right as the studio weaves them", "%", "higher", 93, 98, measure_weaving),
    Figure("fidelity", "Strength 0.4: edge correlation with the source", "", "higher", 0.5, 0.6, measure_fidelity),
    Figure("difference", "Strength 0.6: difference of edges, five seeds", "", "higher", 0.25, 0.25, measure_drawings),
    Figure("duplicates", "Strength 0.6: near-duplicate pairs", "%", "lower", 0, 0, count_near_duplicates),
    Figure("obedience", "“blue carpet” bluer than “red carpet”", "%", "higher", 70, 90, measure_obedience),
    Figure("strays", "Strength 0.5: pixels off 16 colours", "%", "lower", 12, 6, measure_stray_colours),
    Figure("five", "Five variations at 384x288, two cores", "s", "lower", 10, 10, measure_five),
)  # fmt: skip
"""To add a figure: a function of a `Workbench` and one entry."""
