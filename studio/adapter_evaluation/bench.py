"""The evaluation of an adapter: its base model and several weights of it, on the same designs with the same seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from studio.adapter_evaluation.archive_view import LEAST_DESIGNS, ArchiveView, DesignFigures, read_archive_view
from studio.adapter_evaluation.copied_motifs import MotifSearch
from studio.adapter_evaluation.drawing import Drawer, DrawingSettings, encode, reconstruct
from studio.adapter_evaluation.held_out import Family, group_families, read_pixels
from studio.adapter_evaluation.ladder import Ladder, choose_weight, summarise_losses
from studio.adapter_evaluation.losses import SIGMAS, list_paired_levels, measure_losses, measure_paired_losses
from studio.adapter_evaluation.notes import Facts, list_notes
from studio.adapter_evaluation.results import BASE, AdapterEvaluation, CopiedMotif
from studio.datasets import Dataset, Example
from studio.errors import RequestError
from studio.evaluation.intervals import FEW_DESIGNS, Estimate, estimate_mean
from studio.evaluation.intervals import LEAST_DESIGNS as LEAST_FOR_INTERVALS
from studio.generation.events import RunEvent
from studio.models.pipeline_slot import LoadedPipeline, PipelineSlot
from studio.schema import PipelineChoice

SEEDS_APART = 10_000
"""Seeds of the noise of two designs differ by this, so that no two pictures get the same."""
Report = Callable[["Progress"], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is done of a part of the evaluation; `seconds_left` is of this part, None before its first piece."""

    stage: str
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated on what.

    `adapter`: name and sha256. `held_out`: pictures that were not trained on; `trained`: those that were, None where
    they are not known. `sources`: designs to vary, None for the held-out ones: from designs of another style it shows
    more how far an adapter leads to its own. `trigger`: words that begin every prompt.
    """

    adapter: Mapping[str, str]
    held_out: Dataset
    trained: Dataset | None = None
    sources: Dataset | None = None
    trigger: str = ""


class AdapterBench:
    """Measures piece by piece; what is done when it is stopped can be summarised.

    Each piece is one design with all weights, so that every weight has the same designs.
    """

    def __init__(
        self,
        slot: PipelineSlot,
        subject: Subject,
        settings: DrawingSettings,
        weights: Sequence[float],
        *,
        designs: int,
    ) -> None:
        """`weights` beside the base's 0; `designs` is how many are drawn. Raises `RequestError` for too few designs."""
        self._slot, self._subject, self._settings = slot, subject, settings
        self._drawer = Drawer(slot, settings)
        self.families = group_families(subject.held_out.examples)
        if len(self.families) < LEAST_DESIGNS:
            raise RequestError(
                f"The dataset has {len(self.families)} designs. Give at least {LEAST_DESIGNS} that were not trained "
                f"on; intervals need {LEAST_FOR_INTERVALS}, and {FEW_DESIGNS} or more make them good."
            )
        self.weights = sorted({BASE, *weights})
        self._sources = subject.held_out if subject.sources is None else subject.sources
        offered = self.families
        if subject.sources is not None:
            offered = group_families(subject.sources.examples, first=len(self.families))
        chosen = np.linspace(0, len(offered) - 1, min(designs, len(offered))).round()
        self._chosen = [offered[int(number)] for number in np.unique(chosen)]
        self._view: ArchiveView | None = None
        self._losses: dict[float, list[list[float]]] = {weight: [] for weight in self.weights}
        self._paired: dict[float, list[list[float]]] = {weight: [] for weight in self.weights}
        self._drawn: dict[float, list[DesignFigures]] = {weight: [] for weight in self.weights}
        self._finished: list[Family] = []
        self._copies: list[CopiedMotif] = []
        self._hashes: set[str] = set()
        self._trained_on = 0
        self._model: dict[str, str] = {}
        self._device = ""
        self._complete = False
        self._began = time.monotonic()

    @property
    def begun(self) -> bool:
        """Whether anything was measured."""
        return bool(self._losses[BASE])

    def run(self, report: Report) -> None:
        """Measure everything, and report each piece. What `report` raises ends it; the pieces before it are kept.

        Raises `ModelError`, `AdapterError` and `RequestError` as the engine, `DesignError` for a picture that is gone.
        """
        tell = _Pace(report)
        choice = PipelineChoice(self._settings.model, self._settings.adapter, self._settings.profile)
        with self._slot.use(choice, lambda stage: tell.begin(stage, 0)) as loaded:
            self._note_model(loaded)
            # 1. Held-out losses.
            tell.begin("Measuring the held-out loss", len(self.families))
            for family in self.families:
                self._measure_losses(loaded, family)
                tell.step()
            if self._chosen:
                # 2. The archive, and the pictures that were trained on.
                tell.begin("Reading the held-out designs", len(self.families))
                held_out = self._subject.held_out
                self._view = read_archive_view(
                    held_out, self.families, lambda design: reconstruct(loaded, design), tell.note
                )
        if self._view is not None:
            search = self._read_training(tell)
            # 3. Variations.
            tell.begin("Drawing variations", len(self._chosen) * len(self.weights))
            for family in self._chosen:
                self._draw(family, self._view, search, tell)
        self._complete = True

    def summarise(self) -> AdapterEvaluation:
        """Return what was measured so far."""
        held_out, trained, drawn = self._subject.held_out, self._subject.trained, len(self._finished)
        ladder = Ladder(self._view, self._finished, self._drawn) if self._view is not None and drawn else None
        steps = () if ladder is None else ladder.list_steps(self._settings.count * drawn)
        paired = [f"{sigma:.3g} of {start:g}" for start, sigma in list_paired_levels()]
        facts = Facts(
            designs=len(self.families),
            drawn=drawn,
            complete=self._complete,
            without_caption=sum(not family.design.caption.strip() for family in {*self.families, *self._chosen}),
            trained_on=self._trained_on,
            looked_for_copies=trained is not None,
            pairs=len(self._paired[BASE]),
        )
        settings = {name: value for name, value in asdict(self._settings).items() if name not in ("adapter", "model")}
        settings |= {"weights": self.weights, "sigmas": list(SIGMAS), "trigger": self._subject.trigger}
        return AdapterEvaluation(
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            adapter=dict(self._subject.adapter),
            model=self._model,
            dataset={
                "name": held_out.name,
                "designs": len(self.families),
                "pictures": len(held_out.examples),
                "drawn": drawn,
                "sources": self._sources.name,
            },
            trained={} if trained is None else {"name": trained.name, "pictures": len(trained.examples)},
            settings=settings,
            device=self._device,
            seconds=round(time.monotonic() - self._began, 1),
            complete=self._complete,
            losses=summarise_losses(self._losses, [f"{sigma:g}" for sigma in SIGMAS]),
            paired_losses=summarise_losses(self._paired, paired),
            ladder=steps,
            floors={} if self._view is None else self._view.measure_floors(),
            own=self._measure_own(),
            copies=tuple(self._copies),
            best=choose_weight(ladder, steps),
            notes=tuple(list_notes(facts)),
        )

    def _note_model(self, loaded: LoadedPipeline) -> None:
        entry = loaded.entry
        self._model = {"id": entry.public_id, "title": entry.title, "fingerprint": loaded.fingerprint}
        self._device = loaded.device_name

    def _read_training(self, tell: _Pace) -> MotifSearch | None:
        if self._subject.trained is None:
            return None
        tell.begin("Reading the training's pictures", len(self._subject.trained.examples))
        search = MotifSearch(self._subject.trained, tell.note)
        self._trained_on = len(self._hashes & search.hashes)
        return search

    def _measure_losses(self, loaded: LoadedPipeline, family: Family) -> None:
        """Measure the losses of one design at each weight: the mean over its pictures, and that over its pairs."""
        designs = [self._subject.held_out.open_design(one) for one in family.members]
        self._hashes.update(one.sha256 for one in designs)
        members = [read_pixels(one) for one in designs]
        latents = [encode(loaded, one) for one in members]
        text = [loaded.prompts.encode(self._caption(one), "", guided=False).text for one in family.members]
        targets, words = [latents[place] for place in family.pairs], [text[place] for place in family.pairs]
        cell = loaded.pipe.vae_scale_factor
        sources = [encode(loaded, members[0], (cell * one.shape[-1], cell * one.shape[-2])) for one in targets]
        seed = self._settings.seed + SEEDS_APART * family.number
        found, paired = {}, {}
        for weight in self.weights:
            loaded.set_adapter_weight(weight)
            found[weight] = measure_losses(loaded.pipe, latents, text, SIGMAS, seed)
            paired[weight] = measure_paired_losses(loaded.pipe, sources, targets, words, seed)
        for weight in self.weights:
            self._losses[weight].append(found[weight].mean(dim=0).tolist())
            if targets:
                self._paired[weight].append(paired[weight].mean(dim=0).tolist())

    def _draw(self, family: Family, view: ArchiveView, search: MotifSearch | None, tell: _Pace) -> None:
        """Draw the variations of one design at each weight, and measure them."""
        design = self._sources.open_design(family.design)
        source = read_pixels(design)
        found: dict[float, DesignFigures] = {}
        copies: list[CopiedMotif] = []
        for weight in self.weights:
            prompt = self._caption(family.design)
            drawn = self._drawer.draw(design, prompt, weight=weight, number=family.number, report=tell.look)
            found[weight] = view.measure(family, source, drawn.pictures, drawn.knots)
            if search is not None:
                share, motifs = search.look(family.design.name, source, drawn, weight)
                found[weight] = found[weight].with_value("memorised", share)
                copies += motifs
            tell.step()
        for weight, figures in found.items():
            self._drawn[weight].append(figures)
        self._copies += copies
        self._finished.append(family)

    def _caption(self, example: Example) -> str:
        """Return the prompt of a picture: the trigger words, then its caption, as in a training."""
        return ", ".join(part for part in (self._subject.trigger, example.caption) if part)

    def _measure_own(self) -> dict[str, Estimate]:
        if self._view is None:
            return {}
        own = self._view.own
        found = {name: estimate_mean([one[name] for one in own]) for name in own[0]}
        return {name: one for name, one in found.items() if one is not None}


class _Pace:
    """Reports the pieces of a part with the time that is left of it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stage, self._total, self._done, self._began = "", 0, 0, 0.0

    def begin(self, stage: str, total: int) -> None:
        """Begin a part of so many pieces."""
        self._stage, self._total, self._done, self._began = stage, total, 0, time.monotonic()
        self._tell()

    def note(self, done: int) -> None:
        """Report that so many pieces are done."""
        self._done = done
        self._tell()

    def step(self) -> None:
        """Report that one more piece is done."""
        self.note(self._done + 1)

    def look(self, event: RunEvent) -> None:
        """Give the one who watches a chance to stop, at each event of a run."""
        self._tell()

    def _tell(self) -> None:
        spent = time.monotonic() - self._began
        left = spent / self._done * (self._total - self._done) if self._done else None
        self._report(Progress(self._stage, self._done, self._total, left))
