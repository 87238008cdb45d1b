"""The sections of a model card, as Markdown, under the headings of the Hugging Face hub's template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from studio.adapter_training.card.account import Account
from studio.adapter_training.card.choices import CardChoices, DataSummary
from studio.adapter_training.card.emissions import Grid, find_emissions_kg
from studio.adapter_training.card.energy import JOULES_PER_KWH
from studio.models.registry import MODELS

MIB, GIB = 2**20, 2**30
OPTIMISERS = {"adamw": "AdamW", "adamw-8bit": "AdamW in 8 bits", "prodigy": "Prodigy"}
LAYERS = {
    "attention": "the attention of the picture (to_q, to_k, to_v, to_out.0)",
    "attention-and-text": "the attention of picture and prompt (to_q, to_k, to_v, to_out.0, add_q_proj, add_k_proj, "
    "add_v_proj, to_add_out)",
}
NOISE = {"uniform": "evenly over all levels", "logit-normal": "mostly from the middle (logit-normal)"}


def describe_model(account: Account, title: str) -> Iterator[str]:
    """Yield the section on what the model is."""
    facts = account.facts
    model, recipe = facts.model, facts.recipe
    yield "## Model details"
    yield ""
    yield (
        f"{title} is an adapter (LoRA of rank {recipe.rank}, alpha {recipe.alpha:g}) for {model['title']}. It draws "
        "variations of a carpet design, from the design and a prompt, in the style of the designs that it was trained "
        "on."
    )
    yield ""
    weights = code(model.get("fingerprint", "unknown"))
    yield f"- **Base model:** {model['title']} ({code(model['id'])}, weights {weights})"
    licence, link = model["licence"], model.get("licence_url")
    named = f"[{licence}]({link})" if link else licence
    yield f"- **Licence:** that of the base model, {named}; who passes the adapter on keeps its terms"
    yield "- **Developed by:** the house that trained it, with Carpet Diffusion Studio"
    yield "- **Model type:** low-rank adapter of a rectified-flow transformer (Stable Diffusion 3)"
    yield "- **Language of the prompts:** English"
    yield f"- **Trigger words:** {code(recipe.trigger) if recipe.trigger else 'none'}"
    yield f"- **Trained on:** {facts.created_at[:10]}, {_describe_state(account)}"


def describe_use() -> Iterator[str]:
    """Yield the sections on what it is for, and on bias, risks and limits."""
    yield "## Uses"
    yield ""
    yield "### Direct use"
    yield ""
    yield (
        "A carpet designer varies a design of the house, looks at the variations, and takes some of them on by hand. "
        "Lower weights keep more of the base model, higher ones bring more of the style."
    )
    yield ""
    yield "### Downstream use"
    yield ""
    yield (
        "Pictures are woven into knots and yarns by the studio before they go to the loom: what a model draws is no "
        "index map. With other programs, reduce them to yarns, and check lines and repeat."
    )
    yield ""
    yield "### Out-of-scope use"
    yield ""
    yield (
        "Anything but carpets and similar textiles; pictures of people, text and logos; claims that a variation is the "
        "work of a named designer or workshop, or traditional; and designs of others whose rights were not cleared."
    )
    yield ""
    yield "## Bias, risks and limitations"
    yield ""
    yield (
        "- It prefers what the training designs share: their colours, motifs, proportions and layouts. What they lack "
        "it draws as the base model does, or badly.\n"
        "- Few or nearly equal designs are learned by heart. A variation may then hold a motif of a training design; "
        "`evaluate adapter` with `--trained` looks for such motifs.\n"
        "- The biases of the base model remain, such as what it takes words like “Persian” or “modern” to mean.\n"
        "- Fine lines of one or two knots can break, and symmetry is not exact until the picture is woven."
    )
    yield ""
    yield "### Recommendations"
    yield ""
    yield (
        "Compare with weight 0, which is the base model to the bit. Look at several seeds. Before a variation is sold, "
        "compare it with the training designs and with those of others."
    )


def describe_start(account: Account) -> Iterator[str]:
    """Yield how to use it, in the studio and with diffusers."""
    model, recipe = account.facts.model, account.facts.recipe
    entry = MODELS.get(str(model["id"]))
    identifier = str(model["id"]) if entry is not None and not entry.local else "the folder of the base model"
    settings = entry.defaults if entry is not None else MODELS["stabilityai/stable-diffusion-3.5-large"].defaults
    words = f"{recipe.trigger}, ".replace('"', "").replace("\\", "") if recipe.trigger else ""
    yield "## How to get started"
    yield ""
    yield "In Carpet Diffusion Studio, choose the folder of this card as the adapter in Settings, or:"
    yield ""
    yield "```sh"
    yield f'python -m studio vary design.png --drawing model --adapter FOLDER --prompt "{words}red medallion carpet"'
    yield "```"
    yield ""
    yield "With diffusers:"
    yield ""
    yield "```python"
    yield "import torch"
    yield "from diffusers import StableDiffusion3Img2ImgPipeline"
    yield "from diffusers.utils import load_image"
    yield ""
    yield f'pipe = StableDiffusion3Img2ImgPipeline.from_pretrained("{identifier}", dtype=torch.bfloat16).to("cuda")'
    yield 'pipe.load_lora_weights("diffusers")  # the folder beside this card'
    yield "variation = pipe("
    yield f'    "{words}red medallion carpet",'
    yield '    image=load_image("design.png"),'
    yield f"    strength={settings.strength:g},"
    yield f"    num_inference_steps={settings.steps},"
    yield f"    guidance_scale={settings.guidance_scale:g},"
    yield ").images[0]"
    yield "```"


def describe_training(account: Account, choices: CardChoices) -> Iterator[str]:
    """Yield the sections on training data and procedure."""
    facts = account.facts
    recipe, dataset = facts.recipe, facts.dataset
    yield "## Training details"
    yield ""
    yield "### Training data"
    yield ""
    named = f" of {code(dataset.get('name', ''))}" if choices.show_names else ""
    yield (
        f"{_count(dataset.get('examples'), 'picture')} of carpet designs with captions{named}: "
        f"{_count(dataset.get('trained'), 'picture')} to train on, {_count(dataset.get('held_out'), 'picture')} kept "
        "apart for validation, whole designs at a time. The house that trained it chose them and answers for the "
        "rights in them. They are not part of this adapter."
    )
    if choices.data is not None:
        yield ""
        yield from _describe_data(choices.data)
    yield ""
    yield "### Training procedure"
    yield ""
    mirrored = "Each picture was trained mirrored, too. " if recipe.mirrored else ""
    yield (
        "Flow matching: z = (1 - sigma) x0 + sigma noise; the transformer is given z and 1000 sigma, and learns noise "
        "- x0. Pictures were sorted into sizes near their own shape, covered and cropped, never stretched; latents and "
        f"prompts were encoded once. {mirrored}"
        + (
            "Half of the pictures with a source learned the straight way from the noisy source to themselves."
            if recipe.paired
            else "Pairs of a source and its variations were not used as pairs."
        )
    )
    yield ""
    yield "#### Training hyperparameters"
    yield ""
    yield from _table(("setting", "value"), list(_list_settings(account)))
    yield ""
    yield "#### Speeds, sizes, times"
    yield ""
    yield from _table(("figure", "value"), list(_list_speeds(account)))


def describe_environment(account: Account, grid: Grid) -> Iterator[str]:
    """Yield the section on energy and emissions."""
    energy = account.energy
    yield "## Environmental impact"
    yield ""
    yield f"- **Hardware:** {account.facts.device}"
    yield f"- **Hours:** {energy.seconds / 3600:.2f}" + (
        f", in {energy.stretches} stretches" if energy.stretches > 1 else ""
    )
    for part, joules in energy.joules.items():
        mean = f", {joules / energy.seconds:.0f} W on average" if energy.seconds > 0 else ""
        how = energy.how.get(part, "not said how")
        yield f"- **Energy of the {part}:** {joules / JOULES_PER_KWH:.3g} kWh{mean} ({how})"
    for part in energy.estimated:
        if part not in energy.joules:
            yield f"- **Energy of the {part}:** not measured, and not in the sum: nothing told its power"
    yield f"- **Grid:** {grid.kg_per_kwh:g} kg CO2e per kWh: {grid.place} ({grid.source})"
    yield f"- **Emissions:** {find_emissions_kg(energy.kwh, grid):.3g} kg CO2e for {energy.kwh:.3g} kWh"
    yield ""
    yield (
        "Memory, disks, fans, what the power supply loses, the making of the hardware and the training of the base "
        "model are not counted."
    )


def describe_technology(account: Account) -> Iterator[str]:
    """Yield the technical section: architecture, hardware, versions."""
    facts = account.facts
    yield "## Technical specifications"
    yield ""
    yield f"- **Architecture:** products of rank {facts.recipe.rank} beside {LAYERS[facts.recipe.layers]}"
    yield f"- **Hardware:** {facts.device}"
    versions = ", ".join(f"{name} {version}" for name, version in sorted(facts.versions.items()))
    yield f"- **Software:** {versions}"
    yield f"- **Training:** {code(facts.id)}"


def code(text: object) -> str:
    """Return a text of the user as code, in which nothing is markup."""
    line = " ".join(str(text).split()).replace("`", "'")
    return f"`{line}`" if line else "`-`"


def _describe_state(account: Account) -> str:
    if account.state == "finished":
        return f"all {account.facts.recipe.steps} steps"
    return f"{account.steps} of {account.facts.recipe.steps} steps"


def _describe_data(data: DataSummary) -> Iterator[str]:
    sizes = ", ".join(f"{width} x {height} px ({pictures})" for width, height, pictures in data.sizes)
    yield f"- {data.designs} different designs; copies, mirror images and recolourings count once"
    if data.pairs:
        yield f"- {data.pairs} variations of {data.sources} sources as pairs"
    yield f"- trained at {sizes}"
    yield f"- pictures without a caption: {data.without_caption}; enlarged for training: {data.enlarged}"
    yield f"- files that could not be read: {data.unreadable}"


def _list_settings(account: Account) -> Iterator[tuple[str, str]]:
    recipe = account.facts.recipe
    yield "rank, alpha", f"{recipe.rank}, {recipe.alpha:g}"
    yield "layers", LAYERS[recipe.layers]
    yield "optimiser", f"{OPTIMISERS[recipe.optimiser]}, weight decay {recipe.weight_decay:g}"
    yield "learning rate", f"{recipe.learning_rate:g}; {recipe.warm_up_steps} steps of warm-up, then a half cosine to 0"
    yield "steps", str(recipe.steps)
    yield "batch", f"{recipe.batch} x {recipe.accumulate} accumulated = {recipe.batch * recipe.accumulate}"
    yield "resolution", f"the area of {recipe.resolution_px} x {recipe.resolution_px} px"
    yield "base weights", "8 bits, as they are" if recipe.base == "8bit" else "16 bits, as they are"
    yield "noise levels", f"{NOISE[recipe.noise_levels]}, shift {recipe.shift:g}"
    yield "caption dropout", f"{recipe.caption_dropout:g}"
    yield "average of the weights", f"decay {recipe.average:g}" if recipe.average else "none: the last weights"
    yield "gradient clip", f"{recipe.clip:g}"
    yield "held out", f"{100 * recipe.held_out:g} % of the designs"
    yield "seed", str(recipe.seed)


def _list_speeds(account: Account) -> Iterator[tuple[str, str]]:
    yield "steps done", str(account.steps)
    yield "median of a step", "not noted" if account.step_seconds is None else f"{account.step_seconds:.2f} s"
    yield "all steps", f"{account.trained_seconds / 3600:.2f} h"
    yield (
        "most memory of the device",
        "not noted" if account.peak_bytes is None else f"{account.peak_bytes / GIB:.1f} GiB",
    )
    for name, size in account.sizes.items():
        yield code(name), f"{size / MIB:.1f} MiB"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield row(titles)
    yield "|" + "---|" * len(titles)
    yield from (row(cells) for cells in rows)


def row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _count(number: object, noun: str) -> str:
    return f"{number if number is not None else 'an unknown number of'} {noun}{'' if number == 1 else 's'}"
