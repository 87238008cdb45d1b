"""A stand-in for `python -m studio train lora`: with its arguments and files, but it learns nothing.

The real command loads torch and a model. Where a test is about the queue or the page, this takes milliseconds. The
dataset's name says how it goes: `slow` steps, `bad` input, a `silent` death, a `crash`, or no wish to `listen` to
signals.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from studio.adapter_training.folder import TrainingFacts, TrainingFolder
from studio.catalogue import utc_now
from studio.schema import LoraRecipe

EXAMPLE = "0123abcd"
FINAL_LOSS = 0.25
CHECKPOINT_EVERY = 20


def main(arguments: list[str]) -> int:
    """Pretend to train; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("subject")
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--trigger", default="")
    parser.add_argument("--resume", action="store_true")
    args, _ = parser.parse_known_args(arguments)
    folder = TrainingFolder(args.output)
    if args.resume:
        begun = folder.read_facts()
        args.dataset, args.steps = Path(begun.dataset["path"]), begun.recipe.steps
    stop = threading.Event()
    if "listen" not in args.dataset.name:
        signal.signal(signal.SIGINT, lambda *_: stop.set())
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "bad" in args.dataset.name:
        print("Reading", flush=True)
        print("python -m studio: The dataset holds no picture. Choose another folder.", file=sys.stderr, flush=True)
        return 2
    if "crash" in args.dataset.name:
        print(1 / 0)
    if "silent" in args.dataset.name:
        os.kill(os.getpid(), signal.SIGKILL)
    done = max((step for step, _ in folder.list_checkpoints()), default=0) if args.resume else 0
    if not folder.begun:
        folder.write_facts(facts_of(args))
    folder.note("stage", stage="Encoding the pictures", share=0.5, at=utc_now())
    for step in range(done + 1, args.steps + 1):
        if stop.wait(0.1 if {"slow", "listen"} & set(args.dataset.name.split()) else 0):
            keep(folder, step - 1)
            folder.note("end", state="stopped", error=None)
            return 130
        loss = FINAL_LOSS * (1 + 1 / step)
        folder.note(
            "step",
            step=step,
            loss=loss,
            learning_rate=1e-4,
            seconds=0.1,
            seconds_left=0.1 * (args.steps - step),
            peak_bytes=3 * 2**30,
        )
        if step % 2 == 0:
            folder.note("validation", step=step, loss=loss + 0.1, by_level={"0.1": loss, "0.9": loss + 0.2})
            draw_samples(folder, step)
        if step % CHECKPOINT_EVERY == 0:
            keep(folder, step)
    write_adapter(folder)
    folder.note("end", state="finished", error=None)
    return 0


def facts_of(args: argparse.Namespace) -> TrainingFacts:
    """Return what the real command writes into training.json."""
    return TrainingFacts(
        id=args.output.name,
        created_at=utc_now(),
        recipe=LoraRecipe(steps=args.steps, trigger=args.trigger),
        dataset={"path": str(args.dataset), "name": args.dataset.name, "examples": 5, "trained": 4, "held_out": 1},
        model={"id": "builtin", "title": "Built-in sketch model", "licence": "GPL-3.0-or-later", "fingerprint": "0"},
        versions={},
        device="cpu",
    )


def keep(folder: TrainingFolder, step: int) -> None:
    """Write a checkpoint."""
    (folder.checkpoints / f"step-{step:06d}").mkdir(parents=True, exist_ok=True)
    folder.note("checkpoint", step=step)


def draw_samples(folder: TrainingFolder, step: int) -> None:
    """Write the samples of a step."""
    place = folder.samples(step) / EXAMPLE
    place.mkdir(parents=True, exist_ok=True)
    for name, shade in (("source", 40), ("0", 90), ("0.5", 140), ("1", 190)):
        Image.new("RGB", (48, 64), (shade, 60, 60)).save(place / f"{name}.webp", lossless=True)
    folder.note("samples", step=step)


def write_adapter(folder: TrainingFolder) -> None:
    """Write an adapter of rank 2 of one layer of the built-in model, without an effect."""
    folder.adapter.mkdir(exist_ok=True)
    layer = "base_model.model.transformer_blocks.0.attn.to_q"
    weights = {f"{layer}.lora_A.weight": np.zeros((2, 192), np.float32)}
    weights[f"{layer}.lora_B.weight"] = np.zeros((192, 2), np.float32)
    save_file(weights, folder.adapter / "adapter_model.safetensors")
    (folder.adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "lora_alpha": 2}', "utf-8")
    (folder.adapter / "README.md").write_text(
        "# Kashan\n\nA carpet adapter. ![leak](http://elsewhere/p.png)\n", "utf-8"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
