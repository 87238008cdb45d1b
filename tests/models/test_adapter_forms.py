"""Adapters of each form act as the library that wrote them says: compared with peft's and diffusers' own loading.

The adapters are random and belong to a small random transformer in the shape of Stable Diffusion 3.5 Medium.
"""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusion3Pipeline
from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers
from diffusers.training_utils import _collate_lora_metadata
from diffusers.utils import convert_state_dict_to_kohya
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from peft.tuners.lora import Linear
from safetensors.torch import load_file, save_file

from studio.models import adapters
from studio.models.adapter_files import CONFIG_FILE, WEIGHTS_FILE, inspect_adapter
from tests.support.small_transformers import WIDTH, adapted, build_transformer, train, train_with_peft, velocity

TARGETS = ["to_q", "to_v", "to_out.0", "ff.net.2"]
PATTERNS = {
    "one alpha": {"lora_alpha": 8},
    "a fraction": {"lora_alpha": 0.5},
    "rsLoRA": {"lora_alpha": 8, "use_rslora": True},
    "plain endings": {"lora_alpha": 8, "alpha_pattern": {"to_q": 32, "to_out.0": 1}},
    "alpha by a regular expression": {"alpha_pattern": {r"transformer_blocks\.[0-1]\.attn\.to_q": 32}},
    "alternatives": {"alpha_pattern": {r"attn2\.to_[qv]|ff\.net\.\d": 3, r".*to_q": 24}},
    "the beginning": {"alpha_pattern": {r"^transformer_blocks\.0\..*": 40}},
    "the first that fits": {"alpha_pattern": {r".*\.to_v": 2, r"attn\.to_v": 64}},
    "an ending that is no whole name": {"alpha_pattern": {"o_q": 64, "net": 64}},
    "ranks": {"rank_pattern": {r"transformer_blocks\.[12]\..*to_q": 6, "to_v": 1}},
    "ranks, alphas and rsLoRA": {
        "use_rslora": True,
        "lora_alpha": 6,
        "rank_pattern": {r".*\.[02]\.attn2?\.to_q": 9},
        "alpha_pattern": {r"transformer_blocks\.(0|2)\..*": 20},
    },
}
"""Settings of peft whose effect depends on its rule for patterns, by what is special about them."""


def config(**given: object) -> LoraConfig:
    return LoraConfig(**({"r": 4, "lora_alpha": 4, "target_modules": TARGETS, "init_lora_weights": False} | given))


each_pattern = pytest.mark.parametrize("given", PATTERNS.values(), ids=PATTERNS)
pytestmark = pytest.mark.filterwarnings("ignore:The following alpha_pattern keys did not match")


@pytest.mark.slow
@each_pattern
def test_a_peft_folder_acts_as_peft_loads_it(tmp_path: Path, given: dict) -> None:
    train_with_peft(config(**given)).save_pretrained(tmp_path)
    reference = PeftModel.from_pretrained(build_transformer(), str(tmp_path)).eval()
    assert torch.equal(velocity(adapted(tmp_path)), velocity(reference))
    assert not torch.equal(velocity(reference), velocity(build_transformer()))


@pytest.mark.slow
@each_pattern
def test_the_tensors_for_a_card_include_the_scale_that_peft_applies(tmp_path: Path, given: dict) -> None:
    train_with_peft(config(**given)).save_pretrained(tmp_path)
    reference = PeftModel.from_pretrained(build_transformer(), str(tmp_path))
    scaled = adapters.scaled_state(adapters.read_weights(inspect_adapter(tmp_path)))
    layers = {name: one for name, one in reference.base_model.model.named_modules() if isinstance(one, Linear)}
    assert set(scaled) == {f"{name}.lora_{half}.weight" for name in layers for half in "AB"}
    for name, layer in layers.items():
        change = scaled[f"{name}.lora_B.weight"] @ scaled[f"{name}.lora_A.weight"]
        torch.testing.assert_close(change, layer.get_delta_weight("default"), rtol=1e-5, atol=1e-6)


def test_scaling_for_a_card_leaves_the_weights_as_they_were(tmp_path: Path) -> None:
    train_with_peft(config(lora_alpha=16)).save_pretrained(tmp_path)
    weights = adapters.read_weights(inspect_adapter(tmp_path))
    before = copy.deepcopy(weights.state)
    adapters.scaled_state(weights)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights.state.items())


def test_weight_0_is_the_base_model_to_the_bit_and_1_is_as_trained(tmp_path: Path) -> None:
    trained = train_with_peft(config(lora_alpha=9))
    trained.save_pretrained(tmp_path)
    assert torch.equal(velocity(adapted(tmp_path, weight=0.0)), velocity(build_transformer()))
    half, full = velocity(adapted(tmp_path, weight=0.5)), velocity(adapted(tmp_path))
    assert torch.equal(full, velocity(trained))
    assert not torch.equal(half, full)


@pytest.mark.slow
@pytest.mark.parametrize("noted", [True, False], ids=["settings in the header", "no settings"])
@each_pattern
def test_a_folder_of_diffusers_trainer_acts_as_diffusers_loads_it(tmp_path: Path, given: dict, noted: bool) -> None:
    """Without settings in the header every alpha equals the rank: diffusers' rule."""
    trained = train(config(**given))
    notes = _collate_lora_metadata({"transformer": trained}) if noted else {}
    StableDiffusion3Pipeline.save_lora_weights(
        tmp_path, transformer_lora_layers=get_peft_model_state_dict(trained), **notes
    )
    reference = build_transformer()
    state, metadata = StableDiffusion3Pipeline.lora_state_dict(tmp_path, return_lora_metadata=True)
    assert (metadata is not None) == noted
    StableDiffusion3Pipeline.load_lora_into_transformer(state, reference, adapter_name="x", metadata=metadata)
    assert torch.equal(velocity(adapted(tmp_path)), velocity(reference))
    assert not torch.equal(velocity(reference), velocity(build_transformer()))


def test_what_a_transformer_of_diffusers_saves_itself_is_read(tmp_path: Path) -> None:
    """`save_lora_adapter` writes the same file without the prefix of the pipeline's part."""
    trained = train(config(lora_alpha=12))
    trained.save_lora_adapter(tmp_path, adapter_name="default")
    assert torch.equal(velocity(adapted(tmp_path)), velocity(trained))


@pytest.mark.parametrize("prefix", ["lora_unet_", "lora_transformer_", "lycoris_"])
def test_a_kohya_file_with_diffusers_layers_acts_as_peft_says(tmp_path: Path, prefix: str) -> None:
    """diffusers writes kohya's form with alphas equal to the ranks; here each layer has an alpha of its own."""
    ranks = {"rank_pattern": {"to_v": 7}}
    flat = convert_state_dict_to_kohya(get_peft_model_state_dict(train(config(**ranks))))
    flat = {f"{prefix}{name}": tensor.contiguous() for name, tensor in flat.items()}
    alphas = {}
    for place, name in enumerate(one.removesuffix(".lora_A.weight") for one in lora_keys() if ".lora_A." in one):
        alphas[f"^{name}"] = 1.0 + place % 5
        flat[f"{prefix}{name.replace('.', '_')}.alpha"] = torch.tensor(1.0 + place % 5)
    file = tmp_path / "kashan.safetensors"
    save_file(flat, file)
    reference = velocity(train(config(**ranks, alpha_pattern=alphas)))
    assert torch.equal(velocity(adapted(tmp_path)), reference)
    assert torch.equal(velocity(adapted(file)), reference)
    assert inspect_adapter(tmp_path).name == "kashan"


@pytest.mark.parametrize("form", ["kohya", "ComfyUI"])
def test_a_file_with_the_names_of_stability_ais_code_acts_as_a_changed_checkpoint(tmp_path: Path, form: str) -> None:
    """The reference adds each layer's difference to a whole checkpoint, which diffusers' own converter then reads."""
    checkpoint, layers = draw_checkpoint(blocks=3)
    draw = torch.Generator().manual_seed(5)
    stored, changed = {}, dict(checkpoint)
    for place, layer in enumerate(layers):
        outputs, inputs = checkpoint[f"{layer}.weight"].shape
        down, up = (torch.randn(shape, generator=draw) * 0.2 for shape in ((3, inputs), (outputs, 3)))
        alpha = 1.0 + place % 4
        changed[f"{layer}.weight"] = checkpoint[f"{layer}.weight"] + up @ down * (alpha / 3)
        if form == "kohya":
            key, ends = f"lora_unet_{layer.replace('.', '_')}", ("lora_down", "lora_up")
        else:
            key, ends = f"diffusion_model.{layer}", ("lora_A", "lora_B")
        stored |= {f"{key}.{ends[0]}.weight": down, f"{key}.{ends[1]}.weight": up, f"{key}.alpha": torch.tensor(alpha)}
    file = tmp_path / "kashan.safetensors"
    save_file(stored, file)
    base, reference = build_transformer(), build_transformer()
    for transformer, weights in ((base, checkpoint), (reference, changed)):
        transformer.load_state_dict(convert_sd3_transformer_checkpoint_to_diffusers(dict(weights)))
    weights = adapters.read_weights(inspect_adapter(file))
    assert {layer.name for layer in weights.adapter.layers} == set(adapters.linear_layers(base))
    adapters.add_adapter(base, weights)
    torch.testing.assert_close(velocity(base), velocity(reference), rtol=1e-4, atol=1e-4)


def test_a_single_file_is_an_adapter_of_its_own_name(tmp_path: Path) -> None:
    train_with_peft(config()).save_pretrained(tmp_path / "kashan")
    (weights,) = (tmp_path / "kashan").glob("*.safetensors")
    for given in (tmp_path / "kashan", weights, tmp_path / "kashan" / CONFIG_FILE):
        adapter = inspect_adapter(given)
        assert (adapter.name, adapter.path) == ("kashan", tmp_path / "kashan")
    for name in ("first", "second"):
        (tmp_path / f"{name}.safetensors").write_bytes(weights.read_bytes())
        adapter = inspect_adapter(tmp_path / f"{name}.safetensors")
        assert (adapter.name, adapter.path) == (name, tmp_path / f"{name}.safetensors")


def test_the_number_format_of_the_file_is_kept(tmp_path: Path) -> None:
    trained = train_with_peft(config())
    trained.save_pretrained(tmp_path)
    half = {name: tensor.bfloat16() for name, tensor in load_file(tmp_path / WEIGHTS_FILE).items()}
    save_file(half, tmp_path / WEIGHTS_FILE)
    weights = adapters.read_weights(inspect_adapter(tmp_path))
    assert {tensor.dtype for tensor in weights.state.values()} == {torch.bfloat16}
    difference = velocity(adapted(tmp_path)) - velocity(trained)
    assert 0 < difference.abs().max() < 0.05 * velocity(trained).abs().max()


def lora_keys() -> list[str]:
    """Return the names of the tensors of an adapter as diffusers writes them."""
    return sorted(get_peft_model_state_dict(train(config())))


def draw_checkpoint(blocks: int) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return a random checkpoint of the small transformer under Stability AI's names, and its linear layers."""
    sizes = {
        "t_embedder.mlp.0": (WIDTH, 256),
        "t_embedder.mlp.2": (WIDTH, WIDTH),
        "y_embedder.mlp.0": (WIDTH, 20),
        "y_embedder.mlp.2": (WIDTH, WIDTH),
        "context_embedder": (WIDTH, 24),
        "final_layer.linear": (16, WIDTH),
        "final_layer.adaLN_modulation.1": (2 * WIDTH, WIDTH),
    }
    norms = {}
    for block in range(blocks):
        last, dual = block == blocks - 1, block < 2
        for side in ("x_block", "context_block"):
            at, only_keys = f"joint_blocks.{block}.{side}", last and side == "context_block"
            attentions = ("attn", "attn2") if dual and side == "x_block" else ("attn",)
            rows = 2 if only_keys else 9 if len(attentions) > 1 else 6
            sizes[f"{at}.adaLN_modulation.1"] = (rows * WIDTH, WIDTH)
            for attention in attentions:
                sizes[f"{at}.{attention}.qkv"] = (3 * WIDTH, WIDTH)
                norms |= {f"{at}.{attention}.ln_{one}.weight": torch.ones(8) for one in "qk"}
                if not only_keys:
                    sizes[f"{at}.{attention}.proj"] = (WIDTH, WIDTH)
            if not only_keys:
                sizes |= {f"{at}.mlp.fc1": (4 * WIDTH, WIDTH), f"{at}.mlp.fc2": (WIDTH, 4 * WIDTH)}
    draw = torch.Generator().manual_seed(4)
    checkpoint = {f"{name}.weight": torch.randn(size, generator=draw) * 0.1 for name, size in sizes.items()}
    checkpoint |= {f"{name}.bias": torch.randn(size[0], generator=draw) * 0.1 for name, size in sizes.items()}
    checkpoint |= norms | {
        "pos_embed": build_transformer().pos_embed.pos_embed.clone(),
        "x_embedder.proj.weight": torch.randn(WIDTH, 4, 2, 2, generator=draw) * 0.2,
        "x_embedder.proj.bias": torch.zeros(WIDTH),
    }
    return checkpoint, list(sizes)
