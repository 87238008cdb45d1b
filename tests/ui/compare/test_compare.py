"""The Compare page on a real catalogue, and the texts of parameters and their comparison."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from studio.catalogue import Source
from studio.schema import Constraints, Cross, VariationRecord, Weaving
from studio.ui.picture_routes import source_url, variation_url
from studio.ui.shared.facts.record_facts import RecordWithDesign, describe_seconds, describe_time
from studio.ui.shared.facts.weaving_facts import describe_woven
from studio.ui.shared.parameters import PARAMETERS, Parameter, compare, name_equals
from studio.ui.shared.tables import facts_table
from studio.workspace import Workspace
from tests.support.catalogue_records import KILIM, MOTIFS, make_record, save
from tests.support.pages import drawn_html, links, open_page, run, said, studio
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["studio"]

CHANGES = {
    "prompt": {"prompt": "another"},
    "negative_prompt": {"negative_prompt": "blurry"},
    "source": {"source": "ab" * 32},
    "parent": {"parent": "20260101-000000-000-abcdef"},
    "drawing": {"drawing": "both"},
    "change": {"drawing": "motifs", "change": 0.3},
    "pull": {"drawing": "both", "pull": 0.6},
    "cross": {"drawing": "motifs", "cross": Cross("cd" * 32)},
    "strength": {"strength": 0.61},
    "steps": {"steps": 29},
    "effective_steps": {"effective_steps": 18},
    "guidance_scale": {"guidance_scale": 4.75},
    "seed": {"seed": 1},
    "method": MOTIFS,
    "model": {"model_title": "Other"},
    "model_id": {"model": "other"},
    "model_fingerprint": {"model_fingerprint": "fedcba9876543210"},
    "adapter": {"adapter_name": "heriz", "adapter_sha256": "be" * 32},
    "adapter_weight": KILIM,
    "size": {"width_px": 65},
    "drawn_at": {"working_width_px": 32},
    "palette": {"weaving": Weaving(yarns=("#102030", "#f0e0d0"))},
    "symmetry": {"weaving": Weaving(vertical=0)},
    "repeat": {"constraints": Constraints(repeat="half-drop")},
    "keep": {"constraints": Constraints(keep="border"), "weaving": Weaving(kept_share=0.25)},
    "worn": {"weaving": Weaving(yarns=("#102030", "#f0e0d0"), shares=(1.0, 0.0))},
    "seams": {"weaving": Weaving(seam_horizontal=1.1, seam_vertical=0.9)},
    "changed": {"weaving": Weaving(changed_share=0.12)},
    "known": {"weaving": Weaving(known_large=0.9, known_small=0.98)},
    "unchanged": {"weaving": Weaving(unchanged_share=0.8)},
    "shift": {"weaving": Weaving(colour_shift=2.5)},
    "noise_shift": {"shift": 1.4},
    "settled": {"weaving": Weaving(yarns=("#aa0000",), settled_share=0.04)},
    "stray": {"weaving": Weaving(orphan_share=0.001, orphan_share_before=0.02)},
    "mirrored": {"weaving": Weaving(vertical=0, mirrored_share=0.03)},
    "closed": {"constraints": Constraints(repeat="brick"), "weaving": Weaving(seams_closed=0.02)},
    "cleaned": {"weaving": Weaving(yarns=("#aa0000",), cleaned_share=0.01)},
    "device": {"device": "cuda, NVIDIA L4"},
    "precision": {"precision": "bfloat16"},
    "profile": {"profile": "4"},
    "versions": {"versions": {"torch": "2.14.0"}},
    "seconds": {"seconds": 99.0},
    "created_at": {"created_at": "2020-01-01T00:00:00.000Z"},
    "id": {"id": "20200101-000000-000-abcdef"},
    "run": {"run": "run-2"},
}


def rows(html: str) -> dict[str, tuple[str, list[str]]]:
    """Return the comparison table's rows by their labels: the row's class and its cells."""
    found = {}
    for kind, head, rest in re.findall(r'<tr(?: class="(\w+)")?><th scope="row">(.*?)</th>(.*?)</tr>', html):
        label = re.sub(r"<span.*</span>", "", head)
        found[label] = (kind, re.findall(r"<td>(.*?)</td>", rest))
    return found


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.id)
def test_every_parameter_has_a_text_and_its_difference_is_found(parameter: Parameter) -> None:
    base, other = RecordWithDesign(make_record()), RecordWithDesign(make_record(**CHANGES[parameter.id]))
    assert parameter.read(base).strip()
    assert parameter.read(base) != parameter.read(other)
    comparisons = {comparison.parameter.id: comparison for comparison in compare([base, other, base])}
    assert comparisons[parameter.id].differs is parameter.chosen
    if parameter.chosen:
        assert parameter.label[1:] not in name_equals(tuple(comparisons.values())).split(", ")


def read_texts(record: VariationRecord) -> dict[str, str]:
    return {parameter.id: parameter.read(RecordWithDesign(record)) for parameter in PARAMETERS}


MODEL_ONLY = {"strength", "steps", "effective_steps", "guidance_scale", "pull"}


def test_settings_that_did_not_draw_a_picture_are_dashes() -> None:
    motifs, model, both = (
        read_texts(made) for made in (make_record(**MOTIFS), make_record(), make_record(drawing="both"))
    )
    assert all(text.strip() for texts in (motifs, model, both) for text in texts.values())
    assert {name for name in (*MODEL_ONLY, "change", "prompt") if motifs[name] == "–"} == {*MODEL_ONLY, "prompt"}
    assert {name for name in (*MODEL_ONLY, "change") if model[name] == "–"} == {"pull", "change"}
    assert {name for name in (*MODEL_ONLY, "change") if both[name] == "–"} == set()
    assert (motifs["change"], both["pull"], both["strength"]) == ("Wanted: 25 % of the knots", "70 %", "0.6")


def test_no_row_speaks_of_a_model_where_none_drew() -> None:
    weaving = replace(FIGURES, colour_shift=None, unchanged_share=None)
    shown = list(rows(facts_table(RecordWithDesign(make_record(**MOTIFS, weaving=weaving)))))
    assert {"Drawn from", "How far", "Seed", "Method version", "Size", "Drawn anew"} <= set(shown)
    absent = {"Model", "Model id", "Model fingerprint", "Adapter", "Precision", "Memory profile", "Drawn at", "Prompt"}
    assert absent.isdisjoint(shown)
    assert absent - {"Prompt"} <= set(rows(facts_table(RecordWithDesign(make_record(weaving=FIGURES)))))
    assert "–" not in [cell for _, (cell,) in rows(facts_table(RecordWithDesign(make_record(**MOTIFS)))).values()]


@pytest.mark.parametrize(
    ("cross", "words"),
    [
        (Cross("cd" * 32, "motifs", 0.3), "Garden (cdcdcdcdcdcd): 30 % of the motifs"),
        (Cross("cd" * 32, "layout", 0.95), "Garden (cdcdcdcdcdcd): its layout, pull 95 %"),
    ],
)
def test_a_cross_names_the_second_design_and_its_share(cross: Cross, words: str) -> None:
    record = make_record(**MOTIFS, cross=cross)
    garden = Source("cd" * 32, "Garden", 64, 80, "P", "PNG", "2026-01-01T00:00:00.000Z")
    cell = next(parameter for parameter in PARAMETERS if parameter.id == "cross")
    assert cell.read(RecordWithDesign(record, None, garden)) == words
    assert cell.read(RecordWithDesign(record)) == words.replace(
        "Garden (cdcdcdcdcdcd)", "cdcdcdcdcdcd, no longer stored"
    )


@pytest.mark.parametrize("way", ["motifs", "layout"])
def test_known_drawing_is_that_of_both_designs_where_the_motifs_of_both_took_part(way: str) -> None:
    record = make_record(**MOTIFS, weaving=FIGURES, cross=Cross("cd" * 32, way))
    of_two = way == "motifs"
    assert ("90 % the two designs’ own drawing" in describe_woven(record).split(" · ")) is of_two
    assert ("90 % the design’s own drawing" in describe_woven(record).split(" · ")) is not of_two
    assert read_texts(record)["known"].startswith("Of the two designs: 90 %") is of_two


def test_compared_crosses_show_the_names_and_differ_in_them(studio: Workspace) -> None:
    first, *others = (
        studio.catalogue.add_source(encode_picture(draw_picture(64, 80, seed)), label=label)
        for seed, label in enumerate(("Tabriz", "Garden", "Kilim"))
    )
    ids = [save(studio.catalogue, **MOTIFS, source=first.sha256, cross=Cross(one.sha256)).id for one in others]
    found = rows(drawn_html(open_page("compare", ids=",".join(ids))))
    assert list(found) == ["Crossed with"]
    assert [value.split(" (")[0] for value in found["Crossed with"][1]] == ["Garden", "Kilim"]


def test_a_hint_says_that_a_wide_table_goes_on(studio: Workspace) -> None:
    ids = [save(studio.catalogue, seed=seed).id for seed in range(3)]
    assert "Swipe the table sideways for the columns up to C." in said(open_page("compare", ids=",".join(ids)))


FIGURES = Weaving(
    yarns=("#aa0000", "#00aa00"),
    shares=(0.8, 0.2),
    colour_shift=2.0,
    changed_share=0.1,
    alike_share=0.04,
    unchanged_share=0.2,
    settled_share=0.03,
    orphan_share_before=0.04,
    orphan_share=0.01,
    cleaned_share=0.05,
    vertical=0,
    horizontal=0,
    agreement=1.0,
    mirrored_share=0.06,
    kept_share=0.07,
    seam_horizontal=1.1,
    seam_vertical=1.2,
    seams_closed=0.08,
    known_small=0.98,
    known_large=0.9,
)
OTHERS = {"yarns": ("#aa0000", "#00aa00", "#0000aa"), "shares": (1.0, 0.0), "vertical": None, "horizontal": None}
"""Changed values of the figures that cannot simply be halved."""


@pytest.mark.parametrize("figure", [field.name for field in fields(Weaving)])
def test_every_field_of_weaving_is_shown(figure: str) -> None:
    made = make_record(constraints=Constraints(repeat="straight", keep="field"))

    def describe(weaving: Weaving) -> tuple[str, str]:
        record = replace(made, weaving=weaving)
        return facts_table(RecordWithDesign(record)), describe_woven(record)

    assert getattr(FIGURES, figure) != getattr(Weaving(), figure)  # a new field needs a value in FIGURES
    other = OTHERS[figure] if figure in OTHERS else getattr(FIGURES, figure) / 2
    assert describe(replace(FIGURES, **{figure: other})) != describe(FIGURES)


def test_results_do_not_count_as_differences() -> None:
    made = make_record(constraints=Constraints(repeat="straight", palette="new", colours=3, keep="field"))
    other = replace(FIGURES, yarns=FIGURES.yarns[:1], shares=(1.0,), agreement=0.9, seam_horizontal=1.3, seams_closed=0)
    pictures = [RecordWithDesign(replace(made, weaving=weaving)) for weaving in (FIGURES, other)]
    comparisons = compare(pictures)
    assert any(len(set(comparison.values)) > 1 for comparison in comparisons)
    assert not any(comparison.differs for comparison in comparisons)


def test_unknown_values_of_later_versions_are_shown_as_they_are() -> None:
    odd = {"created_at": "yesterday", "profile": "9", "device": "abacus", "precision": "fp6", "drawing": "by hand"}
    texts = read_texts(make_record(**odd, versions={}))
    assert {name: texts[name] for name in odd} == odd


def test_design_is_named_when_it_is_known() -> None:
    source = Source("5a" * 32, "Tabriz", 64, 80, "P", "PNG", "2026-01-01T00:00:00.000Z")
    texts = {parameter.id: parameter.read(RecordWithDesign(make_record(), source)) for parameter in PARAMETERS}
    assert texts["source"] == "Tabriz (5a5a5a5a5a5a)"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (4.24, "4.2 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (119.6, "2 min 0 s")]
)
def test_describe_seconds(seconds: float, words: str) -> None:
    assert describe_seconds(seconds) == words


def test_describe_time() -> None:
    assert re.fullmatch(r"\d{1,2} Jun 2026, \d\d:\d\d:07", describe_time("2026-06-15T12:03:07.250Z"))


def test_equal_parameters_are_named() -> None:
    alike = [RecordWithDesign(make_record()), RecordWithDesign(make_record(seconds=3.0))]
    assert name_equals(compare(alike)).startswith("Equal in everything that was chosen: prompt, ")
    seeds = [RecordWithDesign(make_record(seed=seed)) for seed in (1, 2)]
    sentence = name_equals(compare(seeds))
    assert sentence.startswith("All else is equal: prompt, ")
    assert "strength, steps, " in sentence
    assert "seed" not in sentence


def test_nothing_chosen_leads_to_the_gallery(studio: Workspace) -> None:
    app = open_page("compare")
    assert "Nothing to compare yet" in said(app)
    assert links(app)["Go to the gallery"].page == "gallery"


@pytest.mark.slow
def test_two_pictures_and_their_differences(studio: Workspace) -> None:
    source = studio.catalogue.add_source(encode_picture(draw_picture(64, 80)), label="Tabriz")
    first = save(studio.catalogue, source=source.sha256, strength=0.4).id
    second = save(studio.catalogue, source=source.sha256, strength=0.8, prompt="<b>bold</b> kilim").id
    app = open_page("compare", ids=f"{first},{second}")
    drawn = drawn_html(app)
    assert drawn.index(f'src="{variation_url(first)}"') < drawn.index(f'src="{variation_url(second)}"')
    assert source_url(source.sha256) not in drawn
    found = rows(drawn)
    assert list(found) == ["Prompt", "Strength"]
    assert found["Strength"] == ("", ["0.4", "0.8"])
    assert found["Prompt"][1][1] == "&lt;b&gt;bold&lt;/b&gt; kilim"
    assert "All else is equal: design, " in said(app)

    app.toggle(key="compare_only").set_value(False)
    found = rows(drawn_html(run(app)))
    applying = compare([RecordWithDesign(studio.catalogue.variation(one).record, source) for one in (first, second)])
    assert list(found) == [comparison.parameter.label for comparison in applying if comparison.applies]
    assert "Pull of the model’s picture" not in found
    assert found["Strength"] == ("differs", ["0.4", "0.8"])
    assert found["Steps"] == ("", ["28", "28"])
    assert found["Time it took"][0] == ""
    assert drawn_html(app).count('aria-label="differs"') == 2

    app.toggle(key="compare_design").set_value(True)
    assert f'src="{source_url(source.sha256)}"' in drawn_html(run(app))


def test_run_is_shown_beside_its_design(studio: Workspace) -> None:
    source = studio.catalogue.add_source(encode_picture(draw_picture(64, 80)))
    ids = [save(studio.catalogue, source=source.sha256, run="run-5", slot=slot, seed=slot).id for slot in range(5)]
    app = open_page("compare", run="run-5")
    drawn = drawn_html(app)
    places = [drawn.index(f'src="{address}"') for address in (source_url(source.sha256), *map(variation_url, ids))]
    assert places == sorted(places)
    assert rows(drawn) == {"Seed": ("", ["0", "1", "2", "3", "4"])}
    assert {link.proto.query_string for label, link in links(app).items() if label == "Open"} <= {
        f"open={one}" for one in ids
    }
    app.toggle(key="compare_design").set_value(False)
    assert source_url(source.sha256) not in drawn_html(run(app))


def test_at_most_six_pictures_are_shown(studio: Workspace) -> None:
    ids = [save(studio.catalogue, run="run-8", slot=slot, seed=slot).id for slot in range(8)]
    for app in (open_page("compare", run="run-8"), open_page("compare", ids=",".join(ids))):
        assert "the first 6 are shown" in said(app)
        assert [variation_url(one) in drawn_html(app) for one in ids] == [True] * 6 + [False] * 2
        assert rows(drawn_html(app))["Seed"][1] == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.slow
@pytest.mark.parametrize("address", [{"run": "run-0"}, {"run": "../x"}, {"ids": "a,b,../../c"}])
def test_missing_pictures_give_a_warning(studio: Workspace, address: dict[str, str]) -> None:
    app = open_page("compare", **address)
    assert app.warning
    assert "Nothing to compare yet" in said(app)


def test_pictures_in_the_bin_are_left_out(studio: Workspace) -> None:
    ids = [save(studio.catalogue, seed=seed).id for seed in range(3)]
    studio.catalogue.delete(ids[:1])
    app = open_page("compare", ids=",".join(ids))
    assert "1 of the pictures is in the bin" in said(app)
    assert variation_url(ids[0]) not in drawn_html(app)
    assert rows(drawn_html(app))["Seed"][1] == ["1", "2"]


def test_design_is_not_shown_when_the_pictures_differ_in_it(studio: Workspace) -> None:
    sources = [
        studio.catalogue.add_source(encode_picture(draw_picture(64, 80, seed)), label=f"D{seed}") for seed in (1, 2)
    ]
    ids = [save(studio.catalogue, source=source.sha256).id for source in sources]
    app = open_page("compare", ids=",".join(ids))
    assert not [toggle for toggle in app.toggle if toggle.key == "compare_design"]
    assert [value.split(" ")[0] for value in rows(drawn_html(app))["Design"][1]] == ["D1", "D2"]


def test_picture_can_be_starred_and_removed(studio: Workspace) -> None:
    ids = [save(studio.catalogue, run="run-3", slot=seed, seed=seed).id for seed in range(3)]
    app = open_page("compare", run="run-3")
    app.get("pills")[1].set_value(":material/star:")
    run(app)
    assert [studio.catalogue.variation(one).favourite for one in ids] == [False, True, False]
    app.button(key=f"remove_{ids[0]}").click()
    run(app)
    assert app.query_params == {"ids": f"{ids[1]},{ids[2]}"}
    assert variation_url(ids[0]) not in drawn_html(app)
    app.button(key=f"remove_{ids[1]}").click()
    run(app)
    assert "One picture is left" in said(app)
    app.button(key=f"remove_{ids[2]}").click()
    run(app)
    assert "Nothing to compare yet" in said(app)


def test_ticked_pictures_are_compared_and_stay_ticked(studio: Workspace) -> None:
    ids = [save(studio.catalogue, seed=seed).id for seed in range(3)]
    app = open_page("gallery")
    for one in ids[:2]:
        app.checkbox(key=f"tick_{one}").check()
        run(app)
    app.switch_page("../../pages/compare.py")
    run(app)
    assert app.query_params == {"ids": f"{ids[0]},{ids[1]}"}
    assert rows(drawn_html(app))["Seed"][1] == ["0", "1"]
    app.switch_page("../../pages/gallery.py")
    run(app)
    assert app.checkbox(key=f"tick_{ids[0]}").value
    assert "2 selected" in said(app)
