"""The carpet generator: determined by its seed, valid at every size, its symmetry and captions true."""

import colorsys
import itertools

import numpy as np
import pytest
from PIL import Image

from studio.carpets.captions import TOKENS_MOST, count_tokens
from studio.carpets.drawing import unfold
from studio.carpets.dressing import LEAD_WEIGHTS, lab_to_rgb, rgb_to_lab
from studio.carpets.generator import FAMILIES, draw_carpet, draw_layout, dress, sample_captions, vocabulary
from studio.carpets.layouts import COLOURS_FEWEST, COLOURS_MOST
from studio.carpets.sample_recipes import draw_samples
from studio.designs.colours.colour_words import BASIC_OF, BASIC_WORDS
from studio.designs.colours.yarn_families import YARN_FAMILIES
from studio.designs.colours.yarn_names import name_colour
from studio.errors import RequestError
from studio.training.examples import TRAINING_SEEDS
from studio.workspace import PROJECT

SAMPLES_FOLDER = PROJECT / "studio" / "designs" / "samples"
SIZES_PX = ((192, 256), (128, 128), (129, 201), (256, 128), (131, 255))
EACH_FAMILY = pytest.mark.parametrize("family", list(FAMILIES))


def layouts_of(family, seeds=5):
    """Yield layouts of all sizes, two sizes per seed."""
    for seed in range(seeds):
        for n in (0, 3):
            yield draw_layout(seed, *SIZES_PX[(seed + n) % len(SIZES_PX)], family)


@EACH_FAMILY
def test_the_same_seed_draws_the_same_carpet(family):
    first, again = draw_carpet(11, 160, 208, family), draw_carpet(11, 160, 208, family)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.caption == again.caption
    assert any(not np.array_equal(draw_layout(seed, 160, 208, family).indices, first.indices) for seed in (12, 13))


def test_without_a_family_the_seed_selects_one():
    seen = {draw_layout(seed, 128, 160).family for seed in range(60)}
    assert len(seen) > len(FAMILIES) / 2
    assert draw_layout(5, 128, 160).family == draw_layout(5, 192, 256).family


@pytest.mark.slow
@EACH_FAMILY
def test_every_colour_is_used_and_their_number_is_in_range(family):
    for layout in layouts_of(family):
        count = layout.colour_count
        assert COLOURS_FEWEST <= count <= COLOURS_MOST
        assert layout.indices.dtype == np.uint8
        assert np.array_equal(np.unique(layout.indices), np.arange(count))
        assert layout.shares == pytest.approx(np.bincount(layout.indices.ravel()) / layout.indices.size)
        assert layout.contacts == pytest.approx(layout.contacts.T)
        palette = dress(layout, layout.seed).palette
        assert palette.shape == (count, 3) and palette.dtype == np.uint8
        assert len(np.unique(palette, axis=0)) == count
        assert all(phrase.index is None or phrase.index < count for phrase in layout.phrases)


@pytest.mark.slow
@EACH_FAMILY
def test_a_claimed_symmetry_is_exact(family):
    for layout in layouts_of(family, seeds=6):
        design = layout.indices
        if layout.symmetry in ("vertical", "quarter"):
            assert np.array_equal(design, design[:, ::-1]), (layout.seed, design.shape)
        if layout.symmetry in ("horizontal", "quarter"):
            assert np.array_equal(design, design[::-1]), (layout.seed, design.shape)


def test_every_kind_of_symmetry_occurs():
    families = ("stripes", "medallion", "floral", "blocks")
    seen = {draw_layout(seed, 128, 160, family).symmetry for seed in range(12) for family in families}
    assert seen == {"none", "vertical", "horizontal", "quarter"}


@pytest.mark.slow
@pytest.mark.parametrize("size", [(128, 256), (256, 128), (640, 1280), (900, 1200), (1280, 640)])
def test_designs_have_the_requested_size(size):
    for seed, family in enumerate(("medallion", "floral", "kilim", "clouds", "prayer", "patchwork")):
        assert draw_layout(seed, *size, family).indices.shape == (size[1], size[0])


@pytest.mark.parametrize(
    ("size", "says"), [((100, 128), "width of 100"), ((128, 2000), "height of 2000"), ((128, 257), "aspect")]
)
def test_sizes_out_of_range_are_refused_and_the_range_named(size, says):
    with pytest.raises(RequestError, match=says):
        draw_layout(0, *size)


def test_an_unknown_family_is_refused_and_the_known_ones_named():
    with pytest.raises(RequestError, match=r"“tiger”.*medallion"):
        draw_layout(0, 192, 256, "tiger")


@pytest.mark.slow
@EACH_FAMILY
def test_a_caption_names_the_family_and_the_dominant_colour_first(family):
    subject = FAMILIES[family].subject
    for seed in range(4):
        layout = draw_layout(seed, 128, 160, family)
        for dye in range(6):
            carpet = dress(layout, dye)
            assert any(name in carpet.caption for name in (*subject.modifiers, *subject.features)), carpet.caption
            words = carpet.caption.replace(",", "").split()
            # No subject contains a colour word, so the first one names a yarn.
            first = next(word for word in words if word in BASIC_OF)
            assert BASIC_OF[first] == carpet.colour, carpet.caption
            assert carpet.colour == largest_colour(carpet)


def largest_colour(carpet):
    """Return the basic colour word of most pixels, counted from the index map."""
    counts = np.bincount(carpet.indices.ravel(), minlength=len(carpet.palette))
    covered = dict.fromkeys(BASIC_WORDS, 0)
    for name, count in zip(carpet.colour_names, counts, strict=True):
        covered[BASIC_OF[name]] += int(count)
    return max(covered, key=covered.get)


HUES_DEG = {
    "red": (335, 20), "pink": (300, 30), "orange": (5, 36), "gold": (30, 58), "green": (50, 170), "teal": (165, 205),
    "blue": (195, 245), "purple": (240, 345), "brown": (8, 40), "beige": (20, 50),
}  # fmt: skip


@pytest.mark.parametrize("key", list(YARN_FAMILIES))
def test_yarns_look_like_their_names(key):
    for yarn in YARN_FAMILIES[key].yarns:
        hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in yarn.rgb))
        chroma = max(yarn.rgb) - min(yarn.rgb)
        if yarn.basic in HUES_DEG and chroma > 12:
            low, high = HUES_DEG[yarn.basic]
            assert (hue * 360 - low) % 360 <= (high - low) % 360, yarn
        if yarn.basic in ("ivory", "grey", "black"):
            assert chroma <= 45, yarn
        assert yarn.basic != "black" or lightness < 0.25, yarn
        assert yarn.basic != "ivory" or lightness > 0.8, yarn
        assert saturation >= 0


def test_a_blue_carpet_is_bluer_than_a_red_one_of_the_same_design():
    layout = draw_layout(3, 160, 208, "medallion")
    means = {"red": [], "blue": []}
    for dye in range(120):
        carpet = dress(layout, dye)
        if carpet.colour in means:
            means[carpet.colour].append(carpet.pixels.reshape(-1, 3).mean(axis=0))
    red, blue = (np.mean(means[colour], axis=0) for colour in ("red", "blue"))
    assert red[0] - red[2] > blue[0] - blue[2] + 40


def test_all_basic_colours_lead_some_carpets():
    layouts = [draw_layout(seed, 128, 160) for seed in range(20)]
    led = {dress(layout, dye).colour for layout, dye in itertools.product(layouts, range(15))}
    assert led == set(BASIC_WORDS) == set(LEAD_WEIGHTS)


def test_another_dressing_changes_the_yarns_and_not_the_design():
    layout = draw_layout(8, 192, 256, "floral")
    carpets = [dress(layout, dye) for dye in range(6)]
    assert all(np.array_equal(carpet.indices, layout.indices) for carpet in carpets)
    assert len({carpet.palette.tobytes() for carpet in carpets}) == 6
    assert len({carpet.caption for carpet in carpets}) > 3


def test_adjacent_colours_contrast():
    contrasts = []
    for seed in range(24):
        layout = draw_layout(seed, 160, 208, ("medallion", "kilim", "gul", "boteh")[seed % 4])
        lab = rgb_to_lab(dress(layout, seed).palette)
        apart = np.sqrt(((lab[:, None] - lab[None]) ** 2).sum(-1))
        contrasts.append((apart * layout.contacts).sum())  # mean CIE76 difference over all edges
    assert min(contrasts) > 34
    assert np.mean(contrasts) > 51


def test_lab_conversion_round_trips():
    rgb = np.array([[0, 0, 0], [255, 255, 255], [156, 31, 38], [22, 34, 63], [12, 200, 90]])
    assert np.array_equal(lab_to_rgb(rgb_to_lab(rgb)), rgb)
    assert rgb_to_lab(np.array([255, 0, 0])) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    assert name_colour(rgb_to_lab(np.array([22, 34, 63]))) == "navy"


def test_captions_vary_and_keep_to_the_length_and_the_vocabulary():
    captions = list(sample_captions(400))
    known = set(vocabulary())
    assert 150 < len(known) < 400
    assert len(set(captions)) > 330
    assert min(map(count_tokens, captions)) <= 4 and max(map(count_tokens, captions)) <= TOKENS_MOST
    assert not {word for caption in captions for word in caption.replace(",", "").split()} - known


@pytest.mark.slow
@EACH_FAMILY
def test_every_word_of_a_familys_phrases_is_in_the_vocabulary(family):
    known = set(vocabulary())
    for seed in range(14):
        layout = draw_layout(seed, 128, 160, family)
        said = " ".join((layout.motif, *(phrase.text for phrase in layout.phrases))).replace("{}", "")
        assert not set(said.split()) - known


def test_two_light_tones_that_round_to_one_colour_become_different():
    """Two neighbours of this flat ramp round to one colour with a channel above 127, which is therefore lowered."""
    carpet = dress(draw_layout(TRAINING_SEEDS + 4315, 288, 384), TRAINING_SEEDS + 4315)
    assert len(np.unique(carpet.palette, axis=0)) == len(carpet.palette)


@pytest.mark.parametrize("size", [(8, 6), (7, 6), (8, 5), (7, 5)])
def test_unfolding_mirrors_about_the_true_centre(size):
    width, height = size
    part = np.arange(((height + 1) // 2) * ((width + 1) // 2), dtype=np.uint8).reshape((height + 1) // 2, -1)
    whole = unfold(part, width, height)
    assert whole.shape == (height, width)
    assert np.array_equal(whole, whole[::-1, ::-1])
    assert np.array_equal(whole[: part.shape[0], : part.shape[1]], part)


@pytest.mark.slow
def test_the_sample_files_equal_those_that_the_generator_draws(tmp_path):
    paths = draw_samples(tmp_path)
    assert [path.name for path in paths] == ["medallion.png", "kilim.png", "garden.png"]
    for path in paths:
        kept = Image.open(SAMPLES_FOLDER / path.name)
        drawn = Image.open(path)
        assert (kept.mode, kept.size, kept.format) == ("P", (900, 1200), "PNG")
        assert np.array_equal(np.asarray(kept), np.asarray(drawn))
        colours = int(np.asarray(kept).max()) + 1
        assert COLOURS_FEWEST <= colours <= COLOURS_MOST
        assert kept.getpalette()[: 3 * colours] == drawn.getpalette()[: 3 * colours]
