"""The model card of a trained adapter: README.md in its folder, with pictures beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import ModelCard

from studio.adapter_evaluation.results import AdapterEvaluation, read_evaluation
from studio.adapter_training.card.account import SAMPLE_WEIGHTS, Account, read_account
from studio.adapter_training.card.choices import CardChoices, read_choices, write_choices
from studio.adapter_training.card.evaluated import describe_evaluation
from studio.adapter_training.card.metadata import make_metadata
from studio.adapter_training.card.sections import (
    describe_environment,
    describe_model,
    describe_start,
    describe_technology,
    describe_training,
    describe_use,
    row,
)
from studio.adapter_training.folder import TrainingFolder
from studio.catalogue.files.paths import read_bytes, write_atomically

CARD_FILE = "README.md"
PICTURES_FOLDER = "card"
EVALUATION_FILE = "evaluation.json"
SAMPLES_SHOWN = 3
DEFAULT_TITLE = "Carpet adapter"
SAMPLE_TITLES = ("design, as the model's VAE shows it", "weight 0, the base", "weight 0.5", "weight 1")


def write_card(folder: TrainingFolder, choices: CardChoices | None = None) -> Path:
    """Write the card of a training's adapter and return its path.

    Everything is read from the folder: settings, log, energy, samples, and evaluation.json where there is one. The
    choices are kept there too; without any, those of the last time are taken. Write it anew after an evaluation.

    Raises `StorageError` if the disk does not take it, `RequestError` for a folder that is damaged.
    """
    account = read_account(folder)
    evaluation = read_evaluation(folder.root / EVALUATION_FILE)
    if choices is None:
        choices = read_choices(folder.root)
    else:
        write_choices(folder.root, choices)
    card = make_card(account, evaluation, choices, _copy_samples(account, folder.adapter / PICTURES_FOLDER))
    file = folder.adapter / CARD_FILE
    write_atomically(file, str(card).encode())
    return file


def make_card(
    account: Account,
    evaluation: AdapterEvaluation | None,
    choices: CardChoices,
    pictures: tuple[tuple[str, ...], ...] = (),
) -> ModelCard:
    """Return the card as huggingface_hub reads it; `pictures` are paths of samples from the card, by design."""
    trigger = account.facts.recipe.trigger
    title = choices.title or (f"{DEFAULT_TITLE}: {trigger}" if trigger else DEFAULT_TITLE)
    title = " ".join(title.split())
    metadata = make_metadata(account, evaluation, title, choices.grid)
    sections = (
        describe_model(account, title),
        _show_samples(pictures),
        describe_use(),
        describe_start(account),
        describe_training(account, choices),
        describe_evaluation(account, evaluation),
        describe_environment(account, choices.grid),
        describe_technology(account),
    )
    body = "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))
    return ModelCard(f"---\n{metadata.to_yaml()}\n---\n\n# {title}\n\n{body}\n")


def _copy_samples(account: Account, place: Path) -> tuple[tuple[str, ...], ...]:
    """Copy the last samples beside the card under numbers, since their own names are those of designs."""
    rows = []
    for number, design in enumerate(account.samples[:SAMPLES_SHOWN], 1):
        names = [f"sample-{number}-{weight}.webp" for weight in SAMPLE_WEIGHTS]
        for picture, name in zip(design, names, strict=True):
            write_atomically(place / name, read_bytes(picture))
        rows.append(tuple(f"{PICTURES_FOLDER}/{name}" for name in names))
    return tuple(rows)


def _show_samples(pictures: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    if not pictures:
        return
    yield "## Samples"
    yield ""
    yield "Variations of designs that were not trained on, of one seed each:"
    yield ""
    yield row(SAMPLE_TITLES)
    yield "|" + "---|" * len(SAMPLE_TITLES)
    for design in pictures:
        yield row([f"![{title}]({path})" for title, path in zip(SAMPLE_TITLES, design, strict=True)])
