"""Evaluation of the built-in model on held-out designs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from studio.carpets.generator import Carpet, draw_carpet
from studio.designs.colours.colour_spaces import convert_to_lab
from studio.designs.colours.palette import snap, suggest_palette
from studio.designs.weaving.contacts import count_contacts, relabel_by_contacts
from studio.evaluation.palettes import measure_off_palette_share
from studio.evaluation.structure import Diversity, correlate_edges, measure_diversity, read_structure
from studio.generation.cycle_spinning import spin
from studio.generation.guidance import NoGuidance, predicts_row_by_row, transformer_velocity
from studio.generation.noise_shift import choose_shift, shift_at
from studio.generation.sampling import plan_sigmas, sample_variations
from studio.generation.vae import Codec
from studio.models.pipeline import SD3Pipeline, execution_device
from studio.models.prompts import PromptCache
from studio.training.architecture import TEXT_TOKENS
from studio.training.examples import HELD_OUT_SEEDS
from studio.training.pixels import measure_psnr, to_pixels, to_tensor

WIDTH_PX, HEIGHT_PX = 288, 384
VARIATION_SEEDS = (11, 12, 13, 14, 15)
STEPS = 12
"""The built-in model's default number of steps; the strength decides how many of them are run."""
FIRST_DESIGN = 500
"""Index of the first held-out design for evaluation; the trainings validate on lower ones."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its targets for training on a CPU and on a graphics card."""

    id: str
    title: str
    unit: Literal["dB", "%", "", "s"]
    better: Literal["higher", "lower"]
    wanted_cpu: float
    wanted_gpu: float
    measure: Callable[[Workbench], float]


class Workbench:
    """A pipeline, held-out designs, and their variations, which several figures share."""

    def __init__(self, pipe: SD3Pipeline, designs: int = 12, pairs: int = 50) -> None:
        self.pipe = pipe
        self.pairs = pairs
        self.carpets = [draw_held_out_carpet(index) for index in range(designs)]
        self._variations: dict[float, list[NDArray[np.uint8]]] = {}
        self.shifts: dict[tuple[tuple[int, ...], bytes], float] = {}
        self._prompts = PromptCache(pipe, TEXT_TOKENS)

    def vary(self, strength: float) -> list[NDArray[np.uint8]]:
        """Return five variations, uint8 (5, h, w, 3), of each held-out design with its own caption."""
        if strength not in self._variations:
            self._variations[strength] = [
                self.draw(carpet.pixels, carpet.caption, strength, VARIATION_SEEDS) for carpet in self.carpets
            ]
        return self._variations[strength]

    def draw(
        self, pixels: NDArray[np.uint8], prompt: str, strength: float, seeds: tuple[int, ...]
    ) -> NDArray[np.uint8]:
        """Return variations (n, h, w, 3) of a picture, one per seed, without guidance.

        They are drawn with the settings of the studio's built-in model, whichever checkpoint is evaluated.
        """
        pipe = self.pipe
        with torch.no_grad():
            design, codec = self.encode(pixels), Codec(pipe)
            shift = shift_at(strength, lambda: self.find_shift(pixels))
            sigmas = plan_sigmas(pipe, STEPS, strength, (pixels.shape[1], pixels.shape[0]), shift)
            text = self._prompts.encode(prompt, "", guided=False).text.to(execution_device(pipe))
            velocity = transformer_velocity(pipe, NoGuidance(text), row_by_row=predicts_row_by_row(pipe))
            spun = spin(velocity, None, pipe.transformer.config["patch_size"])
            latents = sample_variations(spun, design, seeds, sigmas, text.words.dtype)
            return to_pixels(torch.cat([codec.decode(one[None]) for one in latents]))

    def find_shift(self, pixels: NDArray[np.uint8]) -> float:
        """Return the noise shift of a picture, measured once."""
        key = (pixels.shape, pixels.tobytes())
        if key not in self.shifts:
            self.shifts[key] = choose_shift(self.pipe, Codec(self.pipe), self._prompts, self.encode(pixels))
        return self.shifts[key]

    def encode(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """Return the scaled latents (1, c, h / 2, w / 2) of a picture, uint8 (h, w, 3)."""
        with torch.no_grad():
            return Codec(self.pipe).encode(to_tensor(pixels[None]))

    def rebuild(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the VAE's reconstruction of a picture, both uint8 (h, w, 3)."""
        vae = self.pipe.vae
        with torch.no_grad():
            latents = vae.encode(to_tensor(pixels[None]).to(vae.device)).latent_dist.mode()
            rebuilt: NDArray[np.uint8] = to_pixels(vae.decode(latents).sample)[0]
        return rebuilt


def draw_held_out_carpet(index: int) -> Carpet:
    """Return a held-out carpet of 288x384 px."""
    return draw_carpet(HELD_OUT_SEEDS[FIRST_DESIGN + index], WIDTH_PX, HEIGHT_PX)


def measure_reconstruction(bench: Workbench) -> float:
    """Return the mean PSNR of the VAE's reconstructions in dB."""
    return float(np.mean([measure_psnr(carpet.pixels, bench.rebuild(carpet.pixels)) for carpet in bench.carpets]))


def measure_snapping(bench: Workbench) -> float:
    """Return the percentage of pixels whose nearest palette colour is unchanged by the VAE."""
    right = [np.mean(snap(bench.rebuild(carpet.pixels), carpet.palette) == carpet.indices) for carpet in bench.carpets]
    return 100 * float(np.mean(right))


def measure_weaving(bench: Workbench) -> float:
    """Return the same percentage with yarns chosen by distance and contacts, as in the studio's weaving."""
    right = []
    for carpet in bench.carpets:
        rebuilt = bench.rebuild(carpet.pixels)
        contacts = count_contacts(carpet.indices, len(carpet.palette))
        woven = relabel_by_contacts(rebuilt, snap(rebuilt, carpet.palette), carpet.palette, contacts)
        right.append(np.mean(woven == carpet.indices))
    return 100 * float(np.mean(right))


def measure_fidelity(bench: Workbench) -> float:
    """Return the mean edge correlation of variations with their source at strength 0.4."""
    scores = []
    for carpet, varied in zip(bench.carpets, bench.vary(0.4), strict=True):
        source = read_structure(Image.fromarray(carpet.pixels))
        scores += [correlate_edges(source, read_structure(Image.fromarray(one))) for one in varied]
    return float(np.mean([score for score in scores if score is not None]))


def measure_difference(bench: Workbench) -> float:
    """Return the mean of 1 - edge correlation over pairs of variations at strength 0.6."""
    sets = _measure_diversities(bench)
    return float(np.mean([entry.edges_mean for entry in sets if entry.edges_mean is not None]))


def measure_near_duplicates(bench: Workbench) -> float:
    """Return the percentage of near-duplicates among pairs of variations at strength 0.6."""
    pairs = math.comb(len(VARIATION_SEEDS), 2)
    return 100 * float(np.mean([len(entry.near_duplicates) / pairs for entry in _measure_diversities(bench)]))


def _measure_diversities(bench: Workbench) -> list[Diversity]:
    sets = [measure_diversity([read_structure(Image.fromarray(one)) for one in varied]) for varied in bench.vary(0.6)]
    return [entry for entry in sets if entry is not None]


def measure_obedience(bench: Workbench) -> float:
    """Return the percentage of designs for which the prompt "blue carpet" gives a bluer picture than "red carpet".

    Strength 0.6, both with the same seed. Bluer: the mean (a*, b*) lies farther in the direction from a red to a blue.
    """
    blue, red = (convert_to_lab(np.array(rgb, np.uint8)) for rgb in ((40, 70, 150), (170, 40, 45)))
    axis = (blue - red)[1:]
    right = []
    for index in range(bench.pairs):
        pixels = draw_held_out_carpet(100 + index).pixels
        means = [
            convert_to_lab(bench.draw(pixels, f"{colour} carpet", 0.6, (index,))[0].reshape(-1, 3)).mean(axis=0)[1:]
            for colour in ("blue", "red")
        ]
        right.append(float((means[0] - means[1]) @ axis) > 0)
    return 100 * float(np.mean(right))


def measure_stray_colours(bench: Workbench) -> float:
    """Return the percentage of pixels with a CIEDE2000 above 5 to a palette of 16 colours of their picture, at 0.5.

    Two variations of each design are measured.
    """
    variations = [one for varied in bench.vary(0.5) for one in varied[:2]]
    shares = [measure_off_palette_share(one, suggest_palette(one, 16)) for one in variations]
    return 100 * float(np.mean(shares))


def measure_seconds_for_five(bench: Workbench) -> float:
    """Return the seconds for five variations of a new design, 288x384 px at strength 0.6, after a warm-up."""
    carpet = bench.carpets[0]
    bench.draw(carpet.pixels, carpet.caption, 0.6, VARIATION_SEEDS)
    bench.shifts.clear()
    began = time.perf_counter()
    bench.draw(carpet.pixels, carpet.caption, 0.6, VARIATION_SEEDS)
    return time.perf_counter() - began


FIGURES: tuple[Figure, ...] = (
    Figure("rebuilding", "VAE reconstruction PSNR, 384x288", "dB", "higher", 28, 33, measure_reconstruction),
    Figure("snapping", "Pixels right after snapping to the palette", "%", "higher", 93, 98, measure_snapping),
    Figure("weaving", "Pixels right as the studio weaves them", "%", "higher", 93, 98, measure_weaving),
    Figure("fidelity", "Strength 0.4: edge correlation with the source", "", "higher", 0.5, 0.6, measure_fidelity),
    Figure("difference", "Strength 0.6: difference of edges, five seeds", "", "higher", 0.25, 0.25, measure_difference),
    Figure("duplicates", "Strength 0.6: near-duplicate pairs", "%", "lower", 0, 0, measure_near_duplicates),
    Figure("obedience", "“blue carpet” bluer than “red carpet”", "%", "higher", 70, 90, measure_obedience),
    Figure("strays", "Strength 0.5: pixels off 16 colours", "%", "lower", 12, 6, measure_stray_colours),
    Figure("five", "Five variations at 384x288, two cores", "s", "lower", 10, 10, measure_seconds_for_five),
)  # fmt: skip
"""To add a figure: a function of a `Workbench` and one entry."""
