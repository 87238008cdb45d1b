"""The model card: its head as huggingface_hub checks it, every section filled, and nothing private in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from PIL import Image

from studio.adapter_training.card.card import CARD_FILE, write_card
from studio.adapter_training.card.choices import CardChoices, read_choices, summarise_dataset
from studio.adapter_training.card.emissions import WORLD, Grid
from studio.adapter_training.card.metadata import LICENCES
from studio.datasets import open_dataset
from studio.errors import RequestError, StorageError
from studio.models.registry import MODELS
from tests.support.evaluations import make_evaluation
from tests.support.held_out import write_held_out
from tests.support.training_folders import PRIVATE, write_training

HEADINGS = (
    "Model details", "Samples", "Uses", "Direct use", "Downstream use", "Out-of-scope use",
    "Bias, risks and limitations", "Recommendations", "How to get started", "Training details", "Training data",
    "Training procedure", "Training hyperparameters", "Speeds, sizes, times", "Evaluation", "Environmental impact",
    "Technical specifications",
)  # fmt: skip
LICENCE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


def evaluate(root: Path) -> None:
    (root / "evaluation.json").write_text(json.dumps(make_evaluation().to_json()), "utf-8")


def read(file: Path) -> tuple[ModelCard, dict]:
    """Return the card as huggingface_hub reads it, and the head as YAML alone."""
    text = file.read_text("utf-8")
    return ModelCard(text), yaml.safe_load(text.split("---\n")[1])


@pytest.mark.parametrize("evaluated", [False, True])
def test_the_card_is_whole(tmp_path: Path, evaluated: bool) -> None:
    folder = write_training(tmp_path)
    if evaluated:
        evaluate(tmp_path)
    file = write_card(folder)
    assert file == tmp_path / "adapter" / CARD_FILE
    text = file.read_text("utf-8")
    sections = re.findall(r"^#{2,4} (.+)$", text, re.MULTILINE)
    assert set(HEADINGS) <= set(sections)
    for upper, lower in re.findall(r"^(#+) .+\n+(?=(#+) )", text, re.MULTILINE):
        assert len(lower) > len(upper), "a section with nothing in it"
    assert not re.search(r"more information|needed|\bNone\b|\[optional\]|nan|TODO", text, re.IGNORECASE)
    assert "| rank, alpha | 64, 64 |" in text
    assert "| median of a step | 1.50 s |" in text
    assert "| most memory of the device | 3.0 GiB |" in text
    assert "| `adapter_model.safetensors` | 1.0 MiB |" in text
    assert "torch 2.13.0" in text


@pytest.mark.parametrize("model", MODELS)
def test_the_head_is_what_the_hub_accepts(tmp_path: Path, model: str) -> None:
    """The local part of its validator: types, known licences, names, and results that are read back as they were."""
    folder = write_training(tmp_path, model=model)
    evaluate(tmp_path)
    card, head = read(write_card(folder))
    assert MODELS[model].licence in LICENCES
    if head["license"] == "other":
        assert LICENCE_NAME.fullmatch(head["license_name"])
        assert head["license_link"].startswith("https://")
    else:
        assert head["license"] == "gpl-3.0"
        assert "license_name" not in head
    assert head.get("base_model") == (model if "/" in model else None)
    assert head["pipeline_tag"] == "image-to-image"
    assert head["library_name"] == "diffusers"
    assert head["instance_prompt"] == "houseweave"
    assert all(isinstance(tag, str) and re.fullmatch(r"[\w:.-]+", tag) for tag in head["tags"])
    name, results = model_index_to_eval_results(head["model-index"])
    assert name == card.data.model_name
    assert eval_results_to_model_index(name, results) == head["model-index"]
    assert [one.metric_type for one in results][:2] == ["loss", "archive"]
    assert all(isinstance(one.metric_value, float) for one in results)
    assert ModelCard(str(card)).data.to_dict() == card.data.to_dict()


def test_the_results_are_those_of_the_best_weight_with_intervals_and_what_they_cannot_say(tmp_path: Path) -> None:
    folder = write_training(tmp_path)
    evaluate(tmp_path)
    text = write_card(folder).read_text("utf-8")
    assert "| figure | base | adapter, weight 0.5 | difference |" in text
    assert "| held-out loss | 1.0000 (0.9000 to 1.1000) | 0.7000 (0.6000 to 0.8000) |" in text
    assert "1.1000 (12 designs, no interval)" in text
    assert "| distance to the archive | 0.8000 (0.7000 to 0.9000) | 0.5000 (0.4000 to 0.6000) |" in text
    assert "Best weight: 0.5." in text
    assert "- The figures see knots." in text


def test_without_an_evaluation_the_losses_of_the_log_stand_and_what_to_run(tmp_path: Path) -> None:
    card, _ = read(write_card(write_training(tmp_path)))
    assert "| mean | 1.0000 | 0.8000 |" in card.text
    assert "python -m studio evaluate adapter" in card.text
    assert [(one.metric_type, one.metric_value) for one in card.data.eval_results] == [("loss", 0.8)]
    plain, head = read(write_card(write_training(tmp_path / "plain", validated=False, trigger="")))
    assert "No designs were kept apart" in plain.text
    assert "model-index" not in head
    assert "instance_prompt" not in head


def test_names_and_paths_of_the_house_are_not_shown_unless_asked_for(tmp_path: Path) -> None:
    folder = write_training(tmp_path)
    evaluate(tmp_path)
    with open_dataset(write_held_out(tmp_path / PRIVATE, 2)) as dataset:
        text = write_card(folder, CardChoices(data=summarise_dataset(dataset.report))).read_text("utf-8")
        assert "- 2 different designs" in text
        assert dataset.report.name == PRIVATE
    for private in (PRIVATE, "/home/someone", str(tmp_path), "carpet-0", "kept/one.png"):
        assert private not in text
    assert PRIVATE in write_card(folder, CardChoices(show_names=True)).read_text("utf-8")
    beside = {file.name for file in (folder.adapter / "card").iterdir()}
    assert beside == {f"sample-1-{weight}.webp" for weight in ("source", "0", "0.5", "1")}
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(shown) == 4
    for picture in shown:
        with Image.open(folder.adapter / picture) as opened:
            assert opened.size == (24, 32)


def test_emissions_are_energy_times_the_grids_factor(tmp_path: Path) -> None:
    folder = write_training(tmp_path)
    values = {
        "seconds": 7200.0,
        "stretches": 2,
        "joules": {"card": 1.8e6, "processor": 3.6e5},
        "how": {"card": "the driver", "processor": "estimated: by time"},
        "estimated": ["processor"],
    }
    (tmp_path / "energy.json").write_text(json.dumps(values), "utf-8")
    card, head = read(write_card(folder, CardChoices(grid=Grid(0.1, "Here", "the meter"))))
    assert head["co2_eq_emissions"]["emissions"] == pytest.approx(1000 * 0.6 * 0.1)
    assert head["co2_eq_emissions"]["source"].startswith("estimated")
    for line in (
        "- **Hours:** 2.00, in 2 stretches",
        "- **Energy of the card:** 0.5 kWh, 250 W on average (the driver)",
        "- **Energy of the processor:** 0.1 kWh, 50 W on average (estimated: by time)",
        "- **Grid:** 0.1 kg CO2e per kWh: Here (the meter)",
        "- **Emissions:** 0.06 kg CO2e for 0.6 kWh",
    ):
        assert line in card.text


def test_a_training_that_no_meter_followed_is_estimated_by_name(tmp_path: Path) -> None:
    text = write_card(write_training(tmp_path)).read_text("utf-8")
    assert "(estimated: two cores of 10 W each for the time of the steps" in text
    assert f"{20 * 60 / 3.6e6 * WORLD.kg_per_kwh:.3g} kg CO2e" in text
    assert WORLD.source in text


def test_a_card_written_again_keeps_its_choices(tmp_path: Path) -> None:
    folder = write_training(tmp_path)
    with open_dataset(write_held_out(tmp_path / "data", 2)) as dataset:
        choices = CardChoices("Ours", True, Grid(0.2, "Here", "the meter"), summarise_dataset(dataset.report))
    first = write_card(folder, choices).read_text("utf-8")
    assert read_choices(tmp_path) == choices
    evaluate(tmp_path)
    again = write_card(folder).read_text("utf-8")
    assert again != first
    for line in ("# Ours", f"`{PRIVATE}`", "- 2 different designs", "0.2 kg CO2e per kWh: Here"):
        assert line in first
        assert line in again
    (tmp_path / "card.json").write_text('{"title": 3}', "utf-8")
    assert read_choices(tmp_path) == CardChoices()


def test_words_of_the_user_are_no_markup(tmp_path: Path) -> None:
    trigger = 'a|b `c` <script> --- "q" [x](y)'
    card, head = read(write_card(write_training(tmp_path, trigger=trigger), CardChoices(title="My\n# carpets: 1")))
    assert head["instance_prompt"] == trigger
    assert card.data.model_name == "My # carpets: 1"
    assert "- **Trigger words:** `a|b 'c' <script> --- \"q\" [x](y)`" in card.text
    code = re.search(r"```python\n(.*?)```", card.text, re.DOTALL)[1]
    compile(code, "card", "exec")


def test_a_folder_without_a_training_or_with_a_damaged_evaluation_is_told(tmp_path: Path) -> None:
    from studio.adapter_training.folder import TrainingFolder

    with pytest.raises(StorageError, match="holds no training"):
        write_card(TrainingFolder(tmp_path / "none"))
    folder = write_training(tmp_path)
    (tmp_path / "evaluation.json").write_text("{}", "utf-8")
    with pytest.raises(RequestError, match="Evaluate it again"):
        write_card(folder)
