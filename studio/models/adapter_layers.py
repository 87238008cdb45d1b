"""The layers of a LoRA, paired from the names and shapes in its weights file, whichever program wrote it.

peft and diffusers name layers as diffusers' transformer does. kohya's scripts, OneTrainer and LyCORIS write dots as
underscores, and kohya's scripts and ComfyUI use the names of Stability AI's own code, with query, key and value in one
layer. The names are those of diffusers' `convert_sd3_transformer_checkpoint_to_diffusers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from studio.errors import AdapterError, quote

Shapes = Mapping[str, tuple[int, ...]]

_PREFIXES = ("base_model.model.", "transformer.", "model.diffusion_model.", "diffusion_model.")
_FLAT_PREFIXES = ("lora_unet_", "lora_transformer_", "lycoris_")
_TEXT_ENCODERS = ("text_encoder", "lora_te", "base_model.model.text_model.", "text_model.")
_ROLES = {
    ".lora_A.weight": "down",
    ".lora_down.weight": "down",
    ".lora.down.weight": "down",
    ".lora_B.weight": "up",
    ".lora_up.weight": "up",
    ".lora.up.weight": "up",
    ".alpha": "alpha",
}
_OTHER_FORMS = {
    "lora_magnitude_vector": "a DoRA",
    "dora_scale": "a DoRA",
    "hada_": "a LoHa",
    "lokr_": "a LoKr",
    "ia3_": "an IA3",
    "oft_": "an OFT",
    "boft_": "a BOFT",
    "vera_": "a VeRA",
    "lora_mid": "a LoCon with middle layers",
    "lora_embedding": "a LoRA with words of its own",
    ".lora_B.bias": "a LoRA with biases of its own",
    ".diff": "a difference of whole layers",
}
"""Parts of a tensor's name, with the name of what the adapter then is."""
_HALVES_SWAPPED = ("norm1_context.linear", "norm_out.linear")
"""Where Stability AI's code keeps (shift, scale) and diffusers (scale, shift)."""

_OWN_NAMES = {
    "x_block.attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "x_block.attn.proj": ("attn.to_out.0",),
    "x_block.attn2.qkv": ("attn2.to_q", "attn2.to_k", "attn2.to_v"),
    "x_block.attn2.proj": ("attn2.to_out.0",),
    "x_block.mlp.fc1": ("ff.net.0.proj",),
    "x_block.mlp.fc2": ("ff.net.2",),
    "x_block.adaLN_modulation.1": ("norm1.linear",),
    "context_block.attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "context_block.attn.proj": ("attn.to_add_out",),
    "context_block.mlp.fc1": ("ff_context.net.0.proj",),
    "context_block.mlp.fc2": ("ff_context.net.2",),
    "context_block.adaLN_modulation.1": ("norm1_context.linear",),
}
"""Layers of a block as Stability AI names them, and diffusers' names for them."""
_OWN_NAMES_OUTSIDE = {
    "context_embedder": ("context_embedder",),
    "t_embedder.mlp.0": ("time_text_embed.timestep_embedder.linear_1",),
    "t_embedder.mlp.2": ("time_text_embed.timestep_embedder.linear_2",),
    "y_embedder.mlp.0": ("time_text_embed.text_embedder.linear_1",),
    "y_embedder.mlp.2": ("time_text_embed.text_embedder.linear_2",),
    "final_layer.linear": ("proj_out",),
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
}
"""Layers outside the blocks."""


def _flat(name: str) -> str:
    return name.replace(".", "_")


_BLOCK_LAYERS = {
    **{_flat(own): names for own, names in _OWN_NAMES.items()},
    **{_flat(name): (name,) for names in _OWN_NAMES.values() for name in names},
}
_OUTSIDE_LAYERS = {
    **{_flat(own): names for own, names in _OWN_NAMES_OUTSIDE.items()},
    **{_flat(name): (name,) for names in _OWN_NAMES_OUTSIDE.values() for name in names},
}
_BLOCK = re.compile(r"(joint|transformer)_blocks_(\d{1,4})_(\w+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class AdapterLayer:
    """One adapted layer: where its tensors are in the file, and the layer of the transformer that they change.

    `down` (rank, inputs) and `up` (outputs, rank) are keys of the file, `alpha` is one where the file has it. A layer
    may be one of several `parts` of a file's layer: the rows of `up` are then divided among them. `swapped` says that
    the halves of these rows change places.
    """

    name: str
    down: str
    up: str
    alpha: str | None
    outputs: int
    inputs: int
    rank: int
    part: int = 0
    parts: int = 1
    swapped: bool = False


def pair_layers(shapes: Shapes, name: str) -> tuple[AdapterLayer, ...]:
    """Return the layers of an adapter called `name`, from the shapes of the tensors in its file, sorted by name.

    Raises `AdapterError` for tensors that are not of a plain LoRA for the transformer, or that lack their partner.
    """
    sources: dict[str, dict[str, str]] = {}
    for key in shapes:
        source, role = _split(key, name)
        sources.setdefault(source, {})[role] = key
    layers: dict[str, AdapterLayer] = {}
    for source, keys in sorted(sources.items()):
        for layer in _layers_of(source, keys, shapes, name):
            if layer.name in layers:
                raise AdapterError(
                    f"The adapter “{name}” holds the layer {quote(layer.name)} twice, as "
                    f"{quote(layers[layer.name].down)} and {quote(layer.down)}. Save it again with one name for each."
                )
            layers[layer.name] = layer
    if not layers:
        raise AdapterError(f"The adapter “{name}” holds no LoRA layers. Choose the file that the training saved.")
    return tuple(layers[key] for key in sorted(layers))


def _split(key: str, name: str) -> tuple[str, str]:
    """Return a tensor's layer, as the file names it, and its role: down, up or alpha."""
    if key.startswith(_TEXT_ENCODERS):
        raise AdapterError(
            f"The adapter “{name}” changes a text encoder too ({quote(key)}), which the studio does not adapt. Train "
            "it on the transformer alone, or merge it into a model folder and choose that as the model."
        )
    for ending, role in _ROLES.items():
        if key.endswith(ending):
            return key.removesuffix(ending), role
    for part, form in _OTHER_FORMS.items():
        if part in key:
            raise AdapterError(
                f"The adapter “{name}” is {form} ({quote(key)}), which the studio cannot apply. Train a plain LoRA, "
                "or merge the adapter into a model folder and choose that as the model."
            )
    raise AdapterError(
        f"The file of the adapter “{name}” holds {quote(key)}, which is not of a LoRA. Choose the file that the "
        "training of a LoRA saved; a whole model is chosen as the model."
    )


def _layers_of(source: str, keys: dict[str, str], shapes: Shapes, name: str) -> list[AdapterLayer]:
    """Return the transformer's layers that one layer of the file changes: three where it holds query, key and value."""
    if not {"down", "up"} <= keys.keys():
        lacks = "lora_A" if "down" not in keys else "lora_B"
        raise AdapterError(
            f"The adapter “{name}” is incomplete: the layer {quote(source)} lacks its {lacks}. Copy the adapter again."
        )
    down, up = shapes[keys["down"]], shapes[keys["up"]]
    targets = _targets(source, name)
    if len(down) != 2 or len(up) != 2 or down[0] != up[1] or not all((*down, *up)) or up[0] % len(targets):
        raise AdapterError(
            f"The adapter “{name}” is damaged, or of another form: at {quote(source)} it holds tensors of "
            f"{_sizes(down)} and {_sizes(up)}, which are no pair of a LoRA. Copy the adapter again."
        )
    if "alpha" in keys and shapes[keys["alpha"]] not in ((), (1,)):
        raise AdapterError(
            f"The adapter “{name}” is damaged: {quote(keys['alpha'])} is no number. Copy the adapter again."
        )
    outputs, inputs = up[0] // len(targets), down[1]
    own_names = "joint_blocks" in source or "final_layer" in source
    return [
        AdapterLayer(
            name=target,
            down=keys["down"],
            up=keys["up"],
            alpha=keys.get("alpha"),
            outputs=outputs,
            inputs=inputs,
            rank=down[0],
            part=part,
            parts=len(targets),
            swapped=own_names and target.endswith(_HALVES_SWAPPED) and outputs == 2 * inputs,
        )
        for part, target in enumerate(targets)
    ]


def _targets(source: str, name: str) -> tuple[str, ...]:
    """Return diffusers' names of a file's layer."""
    for prefix in _PREFIXES:
        if source.startswith(prefix):
            bare = source.removeprefix(prefix)
            return _translate(_flat(bare)) or (bare,)
    for prefix in _FLAT_PREFIXES:
        if source.startswith(prefix):
            targets = _translate(source.removeprefix(prefix))
            if targets is not None:
                return targets
            raise AdapterError(
                f"The adapter “{name}” was made for another model: Stable Diffusion 3 has no layer "
                f"{quote(source.removeprefix(prefix))}. Choose an adapter that was trained on the model in use."
            )
    return _translate(_flat(source)) or (source,)


def _translate(flat: str) -> tuple[str, ...] | None:
    """Return diffusers' names of a layer whose dots are written as underscores; None where it is not known."""
    if (block := _BLOCK.fullmatch(flat)) is None:
        return _OUTSIDE_LAYERS.get(flat)
    names = _BLOCK_LAYERS.get(block[3])
    return None if names is None else tuple(f"transformer_blocks.{int(block[2])}.{name}" for name in names)


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"
